"""How likely a model finds the tokens that stand in a row.

Rows go through the model once, whatever the number of their tokens that are read. States are held for one
batch at a time, and go through the unembedding in chunks of one fixed size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ws_dsl.models.forward import Row, passes
from ws_dsl.models.handle import Handle
from ws_dsl.models.readout import of_tokens
from ws_dsl.specs.site import FINAL


class Stretch(NamedTuple):
    """Tokens of a row at which the model says what comes next.

    Attributes:
        row: The row; its own position is not looked at.
        positions: Indices of the tokens, ascending; none where nothing is read.
    """

    row: Row
    positions: Sequence[int]


class Said(NamedTuple):
    """What one batch says at tokens of its stretches.

    Attributes:
        places: For every token, the place of its stretch and its own place within it.
        states: Output of the final norm, float32 of shape (tokens, width).
    """

    places: list[tuple[int, int]]
    states: np.ndarray


def log_likelihoods(
    handle: Handle, stretches: Sequence[Stretch], advance: Callable[[int], None] | None = None
) -> list[np.ndarray]:
    """Log-probability of the token that follows every token of every stretch.

    A stretch's values depend on it alone, to the last bit on a CPU in float32.

    Args:
        handle: The model.
        stretches: What to run; the last token of a row is never in one, since nothing follows it.
        advance: Told how many stretches each batch held.

    Returns:
        float64 of shape (tokens,) for every stretch, in nats.

    Raises:
        ModelError: a site outside the model, or a row longer than the model's context.
        MeasurementError: a position outside its row.
    """
    found = [np.empty(len(stretch.positions)) for stretch in stretches]
    for said in batches_of(handle, stretches, advance):
        follow = [stretches[one].row.ids[stretches[one].positions[at] + 1] for one, at in said.places]
        for (one, at), value in zip(said.places, of_tokens(handle, said.states, follow), strict=True):
            found[one][at] = value
    return found


def batches_of(
    handle: Handle, stretches: Sequence[Stretch], advance: Callable[[int], None] | None
) -> Iterator[Said]:
    """States at all tokens of the stretches, batch by batch."""
    places = [(one, at) for one, stretch in enumerate(stretches) for at in range(len(stretch.positions))]
    rows = [stretches[one].row._replace(position=stretches[one].positions[at]) for one, at in places]
    for read in passes(handle, rows, {FINAL: handle.place(FINAL)}, None):
        inside = [places[index] for index in read.indices]
        yield Said(inside, read.values[FINAL].float().cpu().numpy())
        if advance is not None:
            advance(len({one for one, _ in inside}))
