"""Components ranked by their exact effect on the answer.

What it does
    Clamps every head or neuron at one position, one at a time, from its value under one condition to its
    value under another, and ranks the components by what that takes from the log-odds of two answers,
    averaged over rows. Nothing is estimated: every component is run, from its own layer up. Repeats along
    pooled axes are averaged per row: the values that are clamped to, and the effects.

What it cannot show
    Components that act only together, and those that matter at other positions. Over many components the
    largest effect is also the luckiest one: clamp what is found, on rows that it was not found on.

Inputs and output
    `plus`, `minus`: Prompts over the same rows; `rows` restricts both. `among`: `heads` or `neurons`; `at`:
    position; `tokens`: the two answers; `top`: how many. Makes the axis `rank` from 1 to `top`; gives Sites
    of one component each, with its score (nats of the log-odds that it carries, sign kept) and the rows it
    was chosen on.

Reference
    Activation patching, one component at a time: Vig et al., Investigating Gender Bias in Language Models
    Using Causal Mediation Analysis, 2020; Heimersheim and Nanda, How to use and interpret activation
    patching, 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.sites import Sites
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._activations import Key, mean_by_row, ranks, restricted, same_keys, strongest
from ws_dsl.steps.extract._ranking import AnswerRanking
from ws_dsl.steps.measure._tokens import ids

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.forward import Row


class RankByEffect(AnswerRanking):
    """Components ranked by the effect of clamping each alone."""


version = 2


def run(
    cells: Sequence[Cell[RankByEffect]], context: Context
) -> Iterator[tuple[Cell[RankByEffect], Artifact]]:
    """Ranks once for all ranks that are asked for."""
    return ranks(cells, lambda cell: _ranking(cell, context))


def _ranking(cell: Cell[RankByEffect], context: Context) -> Sites:
    import numpy as np

    from ws_dsl.models.effects import effects
    from ws_dsl.models.forward import capture
    from ws_dsl.specs.site import family_hooks

    handle = context.model(cell.one("model"))
    hooks = family_hooks(cell.spec.among, handle.shape)
    answers = ids(cell.spec.tokens, handle.tokenizer)

    def activations(rows: Sequence[Row]) -> dict[str, np.ndarray]:
        return capture(handle, rows, hooks, context.advance)

    repeats = [restricted(one, cell) for one in cell.inputs["plus"]]
    minus = mean_by_row(cell.inputs["minus"], cell, activations)
    keys = same_keys({key: row for repeat in repeats for key, row in repeat.items()}, minus)
    found: dict[Key, list[np.ndarray]] = {key: [] for key in keys}
    for repeat in repeats:
        targets = {hook: np.stack([minus[key][hook] for key in repeat]) for hook in hooks}
        rows = list(repeat.values())
        carried = effects(handle, rows, cell.spec.among, targets, answers[0], answers[1], context.advance)
        for key, values in zip(repeat, carried, strict=True):
            found[key].append(values)
    scores = np.mean([np.mean(values, axis=0) for values in found.values()], axis=0).tolist()
    return strongest(scores, cell.spec.among, cell.spec.top, keys, handle, "nats of log-odds, exact")
