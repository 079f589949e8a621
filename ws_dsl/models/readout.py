"""What the model would say next, read out of final-norm states without another pass.

States go through the unembedding in chunks of one fixed size, so that a row's numbers do not depend on how
many others are read with it. Everything after the logits is float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ws_dsl.models.handle import Handle

CHUNK = 32
"""States that go through the unembedding at once."""


class Scores(NamedTuple):
    """Two sides of an answer; arrays of float64, one entry per row.

    Attributes:
        score: Log-odds in nats: log-sum-exp of the logits of the plus side minus that of the minus side. With
            one token per side it is the difference of their logits.
        plus: Log-probability that the next token is of the plus side.
        minus: Log-probability that it is of the minus side.
        pmass: Probability that it is of either.
    """

    score: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    pmass: np.ndarray


class Top(NamedTuple):
    """The likeliest next tokens of every row, likeliest first.

    Attributes:
        ids: Token ids, int64 of shape (rows, count).
        log_probabilities: Natural logarithms, float64 of the same shape.
    """

    ids: np.ndarray
    log_probabilities: np.ndarray


def score(handle: Handle, states: np.ndarray, plus: Sequence[int], minus: Sequence[int]) -> Scores:
    """Log-odds of two sets of tokens, and the mass on both.

    Args:
        handle: The model that the states are of.
        states: Final-norm states, (rows, width).
        plus: Ids of the tokens of the plus side.
        minus: Ids of the tokens of the minus side; none may be in both.
    """
    logs = log_probabilities(handle, states, [*plus, *minus])
    sides = (
        np.logaddexp.reduce(logs[:, : len(plus)], axis=1),
        np.logaddexp.reduce(logs[:, len(plus) :], axis=1),
    )
    return Scores(sides[0] - sides[1], *sides, np.exp(logs).sum(axis=1))


def log_probabilities(handle: Handle, states: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Log-probabilities of single next tokens under the whole vocabulary, float64 of shape (rows, tokens)."""
    found = np.empty((len(states), len(tokens)), np.float64)
    columns = torch.tensor(list(tokens), device=handle.device)
    for chunk, logs in distributions(handle, states):
        found[chunk] = logs[:, columns].cpu().numpy()
    return found


def top(handle: Handle, states: np.ndarray, count: int) -> Top:
    """The likeliest next tokens of every row."""
    ids = np.empty((len(states), count), np.int64)
    values = np.empty((len(states), count), np.float64)
    for chunk, logs in distributions(handle, states):
        best = logs.topk(count)
        ids[chunk], values[chunk] = best.indices.cpu().numpy(), best.values.cpu().numpy()
    return Top(ids, values)


def logits(handle: Handle, states: np.ndarray) -> np.ndarray:
    """All logits, float32 of shape (rows, vocabulary)."""
    found = np.empty((len(states), handle.shape.vocabulary), np.float32)
    for chunk, values in _logits(handle, states):
        found[chunk] = values.float().cpu().numpy()
    return found


def of_tokens(handle: Handle, states: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Log-probability of one next token per row, float64 of shape (rows,)."""
    found = np.empty(len(states), np.float64)
    own = torch.tensor(list(tokens), device=handle.device)
    for chunk, logs in distributions(handle, states):
        found[chunk] = logs.gather(1, own[chunk, None]).squeeze(1).cpu().numpy()
    return found


def distributions(handle: Handle, states: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
    """Log-probabilities of all next tokens, float64 of shape (rows, vocabulary), CHUNK rows at a time.

    Yields:
        The rows of `states` that they belong to, and the log-probabilities.
    """
    for chunk, values in _logits(handle, states):
        with handle.arithmetic():
            logs = values.double().log_softmax(-1)
        yield chunk, logs


def _logits(handle: Handle, states: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
    """Logits of every row in chunks, with the rows of `states` that they belong to."""
    for start in range(0, len(states), CHUNK):
        rows = states[start : start + CHUNK]
        filled = np.zeros((CHUNK, states.shape[1]), np.float32)
        filled[: len(rows)] = rows
        with handle.arithmetic():
            values = handle.unembedding(torch.from_numpy(filled).to(handle.device, handle.dtype))
        # Not within: of two that are read side by side, the first to end would restore what the other set.
        yield slice(start, start + len(rows)), values[: len(rows)]
