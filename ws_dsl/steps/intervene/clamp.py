"""Components held at the values they have under other prompts, at their mean, or at a number.

What it does
    Puts values in place of whatever the measured prompts make of the named heads, neurons, streams or
    projections, several at once. The values are those of the source prompts, row by row (activation
    patching); their mean over rows (mean ablation); or a number (zero ablation: `to: 0`). Sites pooled over
    an axis are held together.

What it cannot show
    That a component is the only route, or that it carries nothing else: a clamp also removes whatever else
    differs between the two conditions there. Zero and, less so, the mean may lie far from anything that the
    model ever computes.

Inputs and output
    `sites`: Sites, or addresses such as `[L21N1876, L19H2]` (none of them is no intervention); `group`: of
    ranked sites, `each` alone or all `up_to` the rank.
    `to`: `source` (each row's own values), `mean` (over the rows of the source, and over the tokens that
    `source_at` names), or a number. `source`: Prompts that give the values; `rows` restricts them.
    `at`: where values are put: `last`, `prompt_last`, `reply_first`, `reply_last`, `reply`, `all`, an index
    (negative from the end), `{token: " Paris", count: 1}`, or a list of these; or `shared_suffix`: every
    token with which source and prompt end alike. `source_at`: where they are taken, the same place if it is
    not said; two lists are a map from token to token. Instead of `at`, `during`: all tokens of the `prompt`,
    all `generated` ones, or `both`, which are the same tokens while a reply is written and when it is read
    again. Values of several tokens go one by one to as many tokens, else it is an error; the value of one
    token named by `source_at` goes to all. `model`. Gives an Arm.

Reference
    A neuron is an entry of the input of `down_proj`, a head its slice of the input of `o_proj`. Activation
    patching: Heimersheim and Nanda, How to use and interpret activation patching, 2024. Mean and zero
    ablation: Wang et al., Interpretability in the Wild, 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from ws_dsl.artifacts.arm import Arm, Change, Given
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Ref
from ws_dsl.specs.position import Positions
from ws_dsl.specs.site import Site
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.intervene._sites import AtSites, chosen
from ws_dsl.steps.rows import Rendered, rendered

if TYPE_CHECKING:
    import numpy as np


class Clamp(AtSites):
    """Sites held at given values."""

    restricted = True

    source: Ref[types.Prompts] | None = None
    to: Literal["source", "mean"] | float = "source"
    source_at: Positions | None = None

    @model_validator(mode="after")
    def _values(self) -> Clamp:
        if isinstance(self.to, float):
            if self.source is not None or self.source_at is not None or self.at == "shared_suffix":
                raise ValueError("a number needs no source, and is put at tokens that are named")
        elif self.source is None:
            raise ValueError(f"to: {self.to} needs a source: the prompts that give the values")
        elif self.at == "shared_suffix" and (self.to == "mean" or self.source_at is not None):
            raise ValueError("shared_suffix puts each token's own value in its place")
        elif self.during is not None and self.source_at is None:
            raise ValueError("during needs source_at: where in the source the value is taken")
        return self


version = 2


def run(cells: Sequence[Cell[Clamp]], context: Context) -> Iterator[tuple[Cell[Clamp], Artifact]]:
    """Records each source's sites; one pass per source for all cells that clamp to it."""
    by_source: dict[tuple[object, ...], list[Cell[Clamp]]] = {}
    for cell in cells:
        source, within = cell.get("source"), cell.get("rows")
        taken = repr(cell.spec.source_at or cell.spec.at)
        same = source and (source.digest, within and within.digest, taken)
        by_source.setdefault((cell.one("model").digest, same), []).append(cell)
    for group in by_source.values():
        made = {cell.name: chosen(cell) for cell in group}
        sites = sorted({Site.parse(address) for addresses, _ in made.values() for address in addresses})
        taken = _taken(group[0], sites, context) if group[0].spec.source is not None else None
        for cell in group:
            addresses, chosen_on = made[cell.name]
            number = cell.spec.to if isinstance(cell.spec.to, float) else None
            given = None if taken is None else _given(cell.spec, taken, addresses)
            change = Change("set", addresses, cell.spec.place, cell.spec.during, number, given)
            yield cell, Arm([change], cell.one("model").digest, chosen_on).to_artifact()


def _taken(cell: Cell[Clamp], sites: Sequence[Site], context: Context) -> Given:
    """Values of the source at all its tokens, row by row."""
    from ws_dsl.models.forward import Row, at_sites
    from ws_dsl.models.positions import places

    prompts, within, spec = cell.open("source"), cell.get("rows"), cell.spec
    wanted = set(within.open().ids()) if within else None
    rows = [row for row in rendered(prompts) if wanted is None or row.key in wanted]
    at: Any = spec.source_at if spec.source_at is not None else spec.at

    def tokens(row: Rendered) -> list[int]:
        whole = at == "shared_suffix"
        return list(range(len(row.ids))) if whole else places(at, row.strings, row.spans)

    found = [tokens(row) for row in rows]
    passes = [Row(row.ids, token) for row, own in zip(rows, found, strict=True) for token in own]
    values = at_sites(context.model(cell.one("model")), passes, sites, context.advance)
    columns = {name: [row.key[place] for row in rows] for place, name in enumerate(prompts.keys)}
    ids = [[row.ids[token] for token in own] for row, own in zip(rows, found, strict=True)]
    return Given(prompts.keys, columns, [len(own) for own in found], ids, values, everywhere=False)


def _given(spec: Clamp, taken: Given, addresses: Sequence[str]) -> Given:
    """The values of some sites, in the form that the cell asks for."""
    import numpy as np

    values = {address: taken.values[address] for address in addresses}
    if spec.to == "mean":
        if not taken.counts:
            raise MeasurementError("there is no mean over no rows")
        means = {name: np.stack([_mean(taken, array)]) for name, array in values.items()}
        return Given((), {}, [1], [[]], means, everywhere=True)
    everywhere = spec.source_at is not None and not isinstance(spec.source_at, list)
    everywhere = everywhere and all(count == 1 for count in taken.counts)
    if spec.during is not None and not everywhere:
        raise MeasurementError("during needs one value for all tokens; source_at names several")
    return Given(taken.keys, taken.columns, taken.counts, taken.tokens, values, everywhere)


def _mean(taken: Given, values: np.ndarray) -> np.ndarray:
    """Mean over rows of each row's mean over its tokens, float32 of shape (width,)."""
    import numpy as np

    stops = list(accumulate(taken.counts))
    rows = [values[stop - count : stop].mean(0) for stop, count in zip(stops, taken.counts, strict=True)]
    return np.asarray(np.mean(rows, axis=0, dtype=np.float64), np.float32)
