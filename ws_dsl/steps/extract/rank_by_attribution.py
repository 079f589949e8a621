"""Components ranked by their estimated effect on the answer.

What it does
    Estimates, for every head or neuron at one position, what clamping it from its value under one condition
    to its value under another would do to the log-odds of two answers: the gradient of the log-odds at the
    first condition times the difference of the activations, averaged over rows. Three passes rank all
    components. Repeats along pooled axes are averaged per row first.

What it cannot show
    The exact effect: the estimate is linear, and misses saturation and components that act only together.
    Clamp what is found, on rows that it was not found on.

Inputs and output
    `plus`, `minus`: Prompts over the same rows; `rows` restricts both. `among`: `heads` or `neurons`; `at`:
    position; `tokens`: the two answers; `top`: how many. Makes the axis `rank` from 1 to `top`; gives Sites
    of one component each, with its score (nats of the log-odds that it is estimated to carry, sign kept) and
    the rows it was chosen on.

Reference
    Attribution patching: Nanda, 2023; Syed et al., Attribution Patching Outperforms Automated Circuit
    Discovery, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.sites import Sites
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._activations import mean_by_row, ranked, ranks, same_keys
from ws_dsl.steps.extract._ranking import AnswerRanking
from ws_dsl.steps.measure._tokens import ids

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.forward import Row


class RankByAttribution(AnswerRanking):
    """Components ranked by gradient times difference of activations."""


version = 2


def run(
    cells: Sequence[Cell[RankByAttribution]], context: Context
) -> Iterator[tuple[Cell[RankByAttribution], Artifact]]:
    """Ranks once for all ranks that are asked for."""
    return ranks(cells, lambda cell: _ranking(cell, context))


def _ranking(cell: Cell[RankByAttribution], context: Context) -> Sites:
    import numpy as np

    from ws_dsl.models.attribution import gradients
    from ws_dsl.models.forward import capture
    from ws_dsl.specs.site import family_hooks

    handle = context.model(cell.one("model"))
    hooks = family_hooks(cell.spec.among, handle.shape)
    answers = ids(cell.spec.tokens, handle.tokenizer)

    def activations(rows: Sequence[Row]) -> dict[str, np.ndarray]:
        return capture(handle, rows, hooks, context.advance)

    def slope(rows: Sequence[Row]) -> dict[str, np.ndarray]:
        return gradients(handle, rows, hooks, answers[0], answers[1], context.advance)

    plus, minus = (mean_by_row(cell.inputs[side], cell, activations) for side in ("plus", "minus"))
    slopes = mean_by_row(cell.inputs["plus"], cell, slope)
    keys = same_keys(plus, minus)
    carried = {
        hook: np.stack([slopes[key][hook] * (plus[key][hook] - minus[key][hook]) for key in keys])
        for hook in hooks
    }
    meaning = "nats of log-odds, linear estimate"
    return ranked(carried, cell.spec.among, _score, cell.spec.top, keys, handle, meaning)


def _score(values: np.ndarray) -> float:
    """Mean over rows of the sum over a component's entries, from an array of shape (rows, width)."""
    import numpy as np

    return float(values.astype(np.float64).sum(axis=1).mean())
