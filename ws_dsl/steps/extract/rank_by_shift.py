"""Components whose activation moves most between two conditions.

What it does
    Compares the activation of every head or neuron at one position under two sets of prompts over the same rows,
    and ranks the components by their standardised mean shift: the norm of the mean difference over the root mean
    square of the differences' deviations from it. Repeats along pooled axes are averaged per row first.

What it cannot show
    That a component matters. A component that moves most may have no effect on the answer: clamp what is found, on
    rows that it was not found on.

Inputs and output
    `plus`, `minus`: Prompts over the same rows; `rows` restricts both. `among`: `heads` or `neurons`; `at`:
    position; `top`: how many. Makes the axis `rank` from 1 to `top`; gives Sites of one component each, with its
    score and the rows it was chosen on.

Reference
    Score of a component with mean difference m and deviations d_i (vectors for heads): |m| / sqrt(mean |d_i|²).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import row_set
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.extract._rows import forward_rows

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.handle import Handle


class RankByShift(Kind[types.Sites]):
    """Components ranked by their shift between two conditions."""

    computes = True

    plus: Ref[types.Prompts]
    minus: Ref[types.Prompts]
    among: Literal["heads", "neurons"]
    at: Literal["last", "prompt_last"] = "last"
    top: Annotated[int, Field(ge=1, le=1000)] = 10
    model: Ref[types.Model] = Named("model")

    @classmethod
    def made(cls, spec: Any) -> dict[str, list[str]]:
        return {"rank": [str(rank) for rank in range(1, spec.top + 1)]}


version = 1


def run(cells: Sequence[Cell[RankByShift]], context: Context) -> Iterator[tuple[Cell[RankByShift], Artifact]]:
    """Ranks once for all ranks that are asked for."""
    rankings: dict[tuple[str, ...], Sites] = {}
    for cell in cells:
        inputs = (f"{name}:{i.digest}" for name, found in cell.inputs.items() for i in found)
        same = (cell.spec.among, cell.spec.at, str(cell.spec.top), *inputs)
        if same not in rankings:
            rankings[same] = _ranking(cell, context)
        found, place = rankings[same], int(cell.made["rank"]) - 1
        notes = {**found.notes, "rank": place + 1}
        one = Sites(found.addresses[place : place + 1], found.scores[place : place + 1], found.chosen_on, notes)
        yield cell, one.to_artifact()


def _ranking(cell: Cell[RankByShift], context: Context) -> Sites:
    import numpy as np

    from ws_dsl.models.forward import slices
    from ws_dsl.specs.site import family_hooks, family_sites

    handle = context.model(cell.one("model"))
    hooks = family_hooks(cell.spec.among, handle.shape)
    within = cell.get("rows")
    wanted = set(within.open().ids()) if within else None
    plus = _mean(cell.inputs["plus"], wanted, hooks, cell, handle, context)
    minus = _mean(cell.inputs["minus"], wanted, hooks, cell, handle, context)
    if set(plus) != set(minus):
        raise MeasurementError("plus and minus are over different rows; a shift needs the same ones")
    keys = sorted(plus, key=repr)
    difference = {hook: np.stack([plus[key][hook] - minus[key][hook] for key in keys]) for hook in hooks}
    sites = family_sites(cell.spec.among, handle.shape)
    if cell.spec.top > len(sites):
        raise MeasurementError(f"the model has {len(sites)} {cell.spec.among}, and top is {cell.spec.top}")
    scores = [_score(values) for values in slices(difference, sites, handle).values()]
    order = sorted(range(len(sites)), key=lambda i: (-scores[i], i))[: cell.spec.top]
    notes = {"score": "standardised shift", "searched": len(sites), "among": cell.spec.among, "rows": len(keys)}
    return Sites([str(sites[i]) for i in order], [scores[i] for i in order], row_set(keys), dict(notes))


def _score(values: np.ndarray) -> float:
    """|mean| over root mean square deviation of float arrays of shape (rows, width)."""
    import numpy as np

    values = values.astype(np.float64)
    mean = values.mean(axis=0)
    spread = float(np.sqrt(((values - mean) ** 2).sum(axis=1).mean()))
    return float(np.linalg.norm(mean)) / spread if spread > 0 else 0.0


def _mean(
    inputs: Sequence[Input],
    wanted: set[tuple[Any, ...]] | None,
    hooks: Sequence[str],
    cell: Cell[RankByShift],
    handle: Handle,
    context: Context,
) -> dict[tuple[Any, ...], dict[str, np.ndarray]]:
    """Activations by row and hook, averaged over the pooled cells."""
    import numpy as np

    from ws_dsl.models.forward import capture

    found: dict[tuple[Any, ...], list[dict[str, np.ndarray]]] = {}
    for one in inputs:
        prompts = one.open()
        rows = forward_rows(prompts, cell.spec.at, None, cell.one("model").digest)
        chosen = [(key, row) for key, row in zip(prompts.ids(), rows, strict=True) if wanted is None or key in wanted]
        captured = capture(handle, [row for _, row in chosen], hooks, context.advance)
        for index, (key, _) in enumerate(chosen):
            found.setdefault(key, []).append({hook: captured[hook][index] for hook in hooks})
    return {key: {hook: np.mean([r[hook] for r in repeats], axis=0) for hook in hooks} for key, repeats in found.items()}
