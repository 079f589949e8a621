"""Next tokens: the likeliest, or drawn from the exact distribution by random numbers that have names.

A token is the value of the inverse distribution function, over float64 probabilities, at a number hashed from
a stream and a place in it. It depends on nothing that was drawn before, and rows of one stream draw the same
numbers under every intervention.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ws_dsl.specs.canonical import Json, digest


def uniform(stream: Sequence[Json], place: int) -> float:
    """The number in [0, 1) of a stream at a place, counted from 0."""
    # Of 48 bits: its product with a sum that is 1 but for rounding is then always below that sum.
    return int(digest([list(stream), place])[:12], 16) / 2**48


def choose(logits: Tensor, temperatures: Sequence[float], numbers: Sequence[float]) -> list[int]:
    """One token per row.

    Args:
        logits: (rows, vocabulary).
        temperatures: 0 takes the likeliest token, the first of several; else tokens are drawn from
            softmax(logits / temperature).
        numbers: In [0, 1).
    """
    likeliest = logits.float().argmax(-1, keepdim=True)
    if not any(temperatures):
        return likeliest.squeeze(1).tolist()
    heat, number = (
        torch.tensor(list(part), dtype=torch.float64, device=logits.device)[:, None]
        for part in (temperatures, numbers)
    )
    # At most 0, so that no temperature is too low to divide by.
    odds = (logits - logits.amax(-1, keepdim=True)).double() / torch.where(heat > 0, heat, 1.0)
    below = odds.softmax(-1).cumsum(-1)
    drawn = torch.searchsorted(below, number * below[:, -1:], right=True)
    return torch.where(heat > 0, drawn, likeliest).squeeze(1).tolist()
