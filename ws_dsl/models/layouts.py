"""Rows of one batch as the model takes them: packed into one sequence, or padded to one length.

On the right nothing else than padding is needed: under causal attention no real token sees it. On the left,
as generation needs it, padding is masked and positions are counted from each row's first token; there is
always some padding, because a batch without any would go through other arithmetic than one with a little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ws_dsl.models.attention import segments
from ws_dsl.models.batches import Batch, batches, packs

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle

Layout: TypeAlias = Literal["packed", "right", "left"]


class Laid(NamedTuple):
    """Rows of one batch as the model takes them.

    Attributes:
        arguments: What `Handle.final` is called with: `input_ids` of shape (sequences, length); where rows
            are packed `position_ids` of the same shape and how attention runs; where padding is on the left
            `attention_mask` and `position_ids`.
        origins: For every row the sequence that it is in, and the index in it of its first token.
        sizes: Tokens of every row.
    """

    arguments: dict[str, Any]
    origins: list[tuple[int, int]]
    sizes: list[int]

    def spread(self, values: Sequence[float]) -> Tensor:
        """Every row's number at its tokens, float32 of shape (sequences, length); 0 at all others."""
        found = torch.zeros(self.arguments["input_ids"].shape)
        for (sequence, start), size, value in zip(self.origins, self.sizes, values, strict=True):
            found[sequence, start : start + size] = value
        return found


def laid_out(
    handle: Handle, rows: Sequence[Sequence[int]], layout: Layout | None = None
) -> Iterator[tuple[Batch, Laid]]:
    """Token ids of rows, batch by batch.

    Args:
        handle: The model.
        rows: Token ids of every row.
        layout: How; by default packed where attention can run row by row, else padded on the right.
    """
    layout = layout or ("packed" if handle.resumes else "right")
    sizes = lengths(rows, layout)
    for batch in packs(sizes, handle.room) if layout == "packed" else batches(sizes):
        inside = [rows[index] for index in batch.indices]
        if layout == "packed":
            yield batch, pack(inside, batch.length, handle.device)
        else:
            yield batch, pad(inside, batch, layout, handle.device)


def lengths(rows: Sequence[Sequence[int]], layout: Layout) -> list[int]:
    """Lengths by which rows are put in batches."""
    return [len(ids) + (layout == "left") for ids in rows]


def pack(rows: Sequence[Sequence[int]], length: int, device: torch.device) -> Laid:
    """Puts the token ids of rows one after another and fills the pack up to its length."""
    ids: list[int] = []
    positions: list[int] = []
    origins: list[tuple[int, int]] = []
    sizes = [*map(len, rows)]
    for own in rows:
        origins.append((0, len(ids)))
        ids.extend(own)
        positions.extend(range(len(own)))
    spare = [0] * (length - len(ids))
    arguments = {
        "input_ids": torch.tensor([[*ids, *spare]], device=device),
        "position_ids": torch.tensor([[*positions, *spare]], device=device),
        "attend": segments(sizes, len(spare)),
    }
    return Laid(arguments, origins, sizes)


def pad(
    rows: Sequence[Sequence[int]], batch: Batch, side: Literal["right", "left"], device: torch.device
) -> Laid:
    """Pads the token ids of a batch's rows and adds its dummy rows."""
    shifts = [batch.length - len(ids) if side == "left" else 0 for ids in rows]
    ids = torch.zeros((batch.rows, batch.length), dtype=torch.long)
    for row, (own, shift) in enumerate(zip(rows, shifts, strict=True)):
        ids[row, shift : shift + len(own)] = torch.tensor(own)
    arguments: dict[str, Any] = {"input_ids": ids.to(device)}
    if side == "left":
        mask = torch.zeros_like(ids)
        mask[:, -1] = 1  # a dummy row is one token
        for row, shift in enumerate(shifts):
            mask[row, shift:] = 1
        arguments["attention_mask"] = mask.to(device)
        arguments["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0).to(device)
    return Laid(arguments, [*enumerate(shifts)], [*map(len, rows)])
