"""Components whose activation moves most between two conditions.

What it does
    Compares the activation of every head or neuron at one position under two sets of prompts over the same
    rows, and ranks the components by their standardised mean shift: the norm of the mean difference over the
    root mean square of the differences' deviations from it. Repeats along pooled axes are averaged per row
    first.

What it cannot show
    That a component matters. A component that moves most may have no effect on the answer: clamp what is
    found, on rows that it was not found on.

Inputs and output
    `plus`, `minus`: Prompts over the same rows; `rows` restricts both. `among`: `heads` or `neurons`; `at`:
    position; `top`: how many. Makes the axis `rank` from 1 to `top`; gives Sites of one component each, with
    its score and the rows it was chosen on.

Reference
    Score of a component with mean difference m and deviations d_i (vectors for heads): |m| / sqrt(mean
    |d_i|²).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.sites import Sites
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._activations import mean_by_row, ranked, ranks, same_keys
from ws_dsl.steps.extract._ranking import Ranking

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.forward import Row


class RankByShift(Ranking):
    """Components ranked by their shift between two conditions."""


version = 2


def run(cells: Sequence[Cell[RankByShift]], context: Context) -> Iterator[tuple[Cell[RankByShift], Artifact]]:
    """Ranks once for all ranks that are asked for."""
    return ranks(cells, lambda cell: _ranking(cell, context))


def _ranking(cell: Cell[RankByShift], context: Context) -> Sites:
    import numpy as np

    from ws_dsl.models.forward import capture
    from ws_dsl.specs.site import family_hooks

    handle = context.model(cell.one("model"))
    hooks = family_hooks(cell.spec.among, handle.shape)

    def measure(rows: Sequence[Row]) -> dict[str, np.ndarray]:
        return capture(handle, rows, hooks, context.advance)

    plus, minus = (mean_by_row(cell.inputs[side], cell, measure) for side in ("plus", "minus"))
    keys = same_keys(plus, minus)
    difference = {hook: np.stack([plus[key][hook] - minus[key][hook] for key in keys]) for hook in hooks}
    return ranked(difference, cell.spec.among, _score, cell.spec.top, keys, handle, "standardised shift")


def _score(values: np.ndarray) -> float:
    """|mean| over root mean square deviation of float arrays of shape (rows, width)."""
    import numpy as np

    values = values.astype(np.float64)
    mean = values.mean(axis=0)
    spread = float(np.sqrt(((values - mean) ** 2).sum(axis=1).mean()))
    return float(np.linalg.norm(mean)) / spread if spread > 0 else 0.0
