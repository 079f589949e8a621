"""A part of a delta in the parameters of the family that was trained.

What it does
    Divides the change of every matrix as its family of adapters is made. `rank_first_half` (LoRA, DoRA,
    PiSSA, DeLoRA): the first half of the ranks of either side. `magnitude` (DoRA): the rows of W scaled;
    `direction` (DoRA): what the factors add. `lambda` (DeLoRA): with s₊ and s₋ the Frobenius norms of the
    two sides' changes, ΔW₊ − ΔW₋ is (s₊ − s₋) times their mean direction, which is this part, and their
    mean norm times the difference of directions, which is left. `rotation` (OFT): W times the skew part
    of the blocks, which turns inputs and does not stretch them, to first order; left is the symmetric
    part. `attention_gate`, `mlp_gate` (IA3): the gates of either.

What it cannot show
    That a part which suffices was needed by training: families have more parameters than a behaviour
    needs. Halves of the ranks are arbitrary, since training has no first rank; two that differ show how
    much chance there is in such parts. DoRA's gain of a row depends on its factors too.

Inputs and output
    `delta`: Delta of two trained adapters of one family; `component`: as above; `part`: `keep` or `drop`
    it. Of a family without the component there is no such cell: it is listed as unavailable. A bias goes
    with the gates, and stays with `drop` otherwise. `model`. Gives a Delta; its facts have the share of
    the energy (the squared Frobenius norm) and of the norm that is left.

Reference
    Hu et al., LoRA, 2021; Liu et al., DoRA, 2024; Meng et al., PiSSA, 2024; Bini et al., DeLoRA, 2025;
    Qiu et al., OFT, 2023; Liu et al., IA3, 2022. keep + drop = whole within rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.ablate._families import families, form_lost
from ws_dsl.steps.ablate._parts import AS_TRAINED, Ablating, Whole, ablated, wholes
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np

Component: TypeAlias = Literal[
    "rank_first_half", "magnitude", "direction", "lambda", "rotation", "attention_gate", "mlp_gate"
]

_FAMILIES: dict[Component, tuple[str, ...]] = {
    "rank_first_half": ("lora", "dora", "pissa", "delora"),
    "magnitude": ("dora",),
    "direction": ("dora",),
    "lambda": ("delora",),
    "rotation": ("oft",),
    "attention_gate": ("ia3",),
    "mlp_gate": ("ia3",),
}
_FACTORS = {"lora": 2, "dora": 2, "delora": 2, "pissa": 4}
"""Products of factors side by side in a delta: one of either side; PiSSA takes away where each began."""
_GATED: dict[Component, tuple[Matrix, ...]] = {
    "attention_gate": ("q", "k", "v", "o"),
    "mlp_gate": ("gate", "up", "down"),
}


class Parameters(Ablating):
    """Changes of some of a family's own parameters."""

    component: Component

    @classmethod
    def unavailable(cls, spec: Any, inputs: Mapping[str, Sequence[Any]]) -> str | None:
        behind = families(inputs["delta"])
        if not behind:
            return "no adapter is behind the delta"
        if (ablation := form_lost(inputs["delta"])) is not None:
            return f"after {ablation} a delta no longer has the form that its family trains"
        having = _FAMILIES[spec.component]
        return None if set(behind) <= set(having) else f"{spec.component} is in {', '.join(having)} alone"


version = 1


class _Split(NamedTuple):
    """A change in two."""

    kept: Part
    dropped: Part


def run(cells: Sequence[Cell[Parameters]], context: Context) -> Iterator[tuple[Cell[Parameters], Artifact]]:
    for cell, whole in wholes(cells, context):
        component = cell.spec.component
        family = _family(whole.delta, component)
        splits = {
            address: _split(component, family, address, part, whole)
            for address, part in whole.delta.parts.items()
        }
        kept = {address: split.kept for address, split in splits.items()}
        dropped = {address: split.dropped for address, split in splits.items()}
        yield cell, ablated(cell, whole, kept, {"component": component}, dropped)


def _family(delta: Delta, component: Component) -> str:
    """The family of a delta that has the component.

    Raises:
        MeasurementError: it has another family or none, or lost the form that its family trains.
    """
    family, earlier = delta.notes.get("family"), delta.notes.get("ablations", [])
    if family not in _FAMILIES[component]:
        raise MeasurementError(f"a delta of {family or 'no family'} has no {component}")
    assert isinstance(earlier, list)
    lost = [str(done) for done in earlier if str(done).split()[0] not in AS_TRAINED]
    if lost:
        raise MeasurementError(f"after {lost[0]} a delta no longer has the form that its family trains")
    return str(family)


def _split(component: Component, family: str, address: str, part: Part, whole: Whole) -> _Split:
    match component:
        case "attention_gate" | "mlp_gate":
            from ws_dsl.models.deltas import where

            return _Split(part, Part()) if where(address)[1] in _GATED[component] else _Split(Part(), part)
        case "magnitude":
            return _Split(Part(rows=part.rows), replace(part, rows=None))
        case "direction":
            return _Split(Part(left=part.left, right=part.right), replace(part, left=None, right=None))
        case "rotation":
            return _rotation(part)
        case "lambda":
            return _strength(part, address)
        case "rank_first_half":
            return _halves(part, _FACTORS[family], address)


def _rotation(part: Part) -> _Split:
    if part.blocks is None:
        return _Split(Part(), part)
    turned = part.blocks.transpose(0, 2, 1)
    return _Split(Part(blocks=(part.blocks - turned) / 2), replace(part, blocks=(part.blocks + turned) / 2))


def _halves(part: Part, count: int, address: str) -> _Split:
    import numpy as np

    if part.left is None or part.right is None:
        return _Split(Part(), part)
    ranks = part.left.shape[1]
    if ranks % count:
        raise MeasurementError(f"{address} has {ranks} ranks, which are not {count} products of factors")
    each = ranks // count
    first = np.arange(ranks) % each < (each + 1) // 2
    kept = Part(left=part.left[:, first], right=part.right[first])
    return _Split(kept, replace(part, left=part.left[:, ~first], right=part.right[~first]))


def _strength(part: Part, address: str) -> _Split:
    """The part that is due to the sides' norms: (s₊ − s₋)/2 (ΔW₊/s₊ + ΔW₋/s₋)."""
    import numpy as np

    from ws_dsl.models.spectra import energy

    if part.left is None or part.right is None or part.left.shape[1] % 2:
        raise MeasurementError(f"{address} is no difference of two changes of equal rank")
    each = part.left.shape[1] // 2
    sides = [part.left[:, :each], part.left[:, each:]]
    rows = [part.right[:each], part.right[each:]]
    plus, minus = (
        energy(Part(left=left, right=right)) ** 0.5 for left, right in zip(sides, rows, strict=True)
    )
    if not plus or not minus:
        raise MeasurementError(f"{address}: a side that changes nothing has no direction")
    # The factors of the minus side are subtracted already.
    by = ((plus - minus) / 2 / plus, -(plus - minus) / 2 / minus)
    scaled = [side.astype(np.float64) * factor for side, factor in zip(sides, by, strict=True)]
    kept = np.concatenate(scaled, axis=1).astype(np.float32)
    return _Split(Part(left=kept, right=part.right), replace(part, left=_minus(part.left, kept)))


def _minus(whole: np.ndarray, taken: np.ndarray) -> np.ndarray:
    return (whole.astype("float64") - taken).astype("float32")
