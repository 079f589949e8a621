"""Rows of one batch as the model takes them, padded to one length.

On the right nothing else is needed: under causal attention no real token sees the padding. On the left, as
    generation needs it, padding is masked and positions are counted from each row's first token; there is
    always some
padding, because a batch without any would go through other arithmetic than one with a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ws_dsl.models.batches import Batch

Side: TypeAlias = Literal["left", "right"]


class Padded(NamedTuple):
    """Rows of one batch, dummy rows included.

    Attributes:
        arguments: What the model is called with: `input_ids` of shape (rows, length), and where padding is on
            the left `attention_mask` and `position_ids` of the same shape.
        shifts: How far each row is moved to the right.
    """

    arguments: dict[str, Tensor]
    shifts: list[int]


def lengths(rows: Sequence[Sequence[int]], side: Side) -> list[int]:
    """Lengths by which rows are put in batches."""
    return [len(ids) + (side == "left") for ids in rows]


def pad(rows: Sequence[Sequence[int]], batch: Batch, side: Side, device: torch.device) -> Padded:
    """Pads the token ids of a batch's rows and adds its dummy rows."""
    shifts = [batch.length - len(ids) if side == "left" else 0 for ids in rows]
    ids = torch.zeros((batch.rows, batch.length), dtype=torch.long)
    for row, (own, shift) in enumerate(zip(rows, shifts, strict=True)):
        ids[row, shift : shift + len(own)] = torch.tensor(own)
    arguments = {"input_ids": ids.to(device)}
    if side == "left":
        mask = torch.zeros_like(ids)
        mask[:, -1] = 1  # a dummy row is one token
        for row, shift in enumerate(shifts):
            mask[row, shift:] = 1
        arguments["attention_mask"] = mask.to(device)
        arguments["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0).to(device)
    return Padded(arguments, shifts)
