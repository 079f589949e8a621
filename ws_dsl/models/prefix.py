"""A clean pass that stops at every block for streams that depart from it at one position.

Under causal attention a change at one position leaves earlier positions and lower layers as they are. A
changed row therefore needs, block by block, the clean keys and values of the positions before its own, and
nothing else of the clean pass. They are held for one block at a time: all streams cross a block while the
clean pass is at it.

Nothing here knows an architecture. The attention module is handed an object in place of its cache, and a
block is called with what the model itself calls it with (its rotation, its mask, its window), cut down to one
position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ws_dsl.models.batches import Batch
from ws_dsl.models.forward import Row
from ws_dsl.models.handle import Handle
from ws_dsl.models.padding import pad


class _Enough(Exception):
    """Ends a clean pass once the last block has its keys and values."""


class Crossing:
    """One block while a clean pass is at it, with the clean keys and values of every row.

    Attributes:
        layer: The block, counted from 0.
        block: Its module.
        entering: Clean residual stream that enters it at every row's position, (rows, width).
    """

    def __init__(
        self,
        layer: int,
        block: nn.Module,
        positions: Tensor,
        slots: int,
        stream: Tensor,
        arguments: dict[str, Any],
    ):
        """Args: layer; block; position of every row; most slots of a row; what the block is called with."""
        rows, length, _ = stream.shape
        self._positions = positions.to(stream.device)
        self._rows = torch.arange(rows, device=stream.device)
        # Whole groups of eight keys keep rows at aligned places in memory.
        self._room = -(-slots // 8) * 8
        self._length = length
        self._arguments = arguments
        self._keys = self._values = None
        self.layer = layer
        self.block = block
        self.entering = stream[self._rows, self._positions]
        self._mask = self._visible(slots)

    def cross(self, streams: Tensor) -> Tensor:
        """Streams through the block, (rows, slots, width), each as the only one at its row's position."""
        slots = streams.shape[1]
        cosine, sine = (self._at(part, slots) for part in self._arguments["position_embeddings"])
        arguments = {
            **self._arguments,
            "position_embeddings": (cosine, sine),
            "position_ids": self._positions[:, None].expand(-1, slots),
            "attention_mask": self._mask[:, :, :slots],
            "past_key_values": self,
        }
        return self.block(streams, **arguments)

    def update(self, keys: Tensor, values: Tensor, _layer: int) -> tuple[Tensor, Tensor]:
        """Called by the attention module, once by the clean pass and then by every crossing.

        Args: keys and values of shape (rows, key/value heads, positions or slots, head width).
        Returns: keys and values that are attended to.
        """
        if self._keys is None or self._values is None:
            self._keys, self._values = (
                nn.functional.pad(part, (0, 0, 0, self._room)) for part in (keys, values)
            )
            return keys, values
        own = slice(self._length, self._length + keys.shape[2])
        self._keys[:, :, own], self._values[:, :, own] = keys, values
        return self._keys, self._values

    def _at(self, part: Tensor, slots: int) -> Tensor:
        """Rotation at every row's position, from (1 or rows, length, head width)."""
        own = part.expand(len(self._rows), -1, -1)[self._rows, self._positions]
        return own[:, None].expand(-1, slots, -1)

    def _visible(self, slots: int) -> Tensor:
        """What each slot attends to: the clean row before its position, as the model masks it, and itself."""
        mask = self._arguments["attention_mask"]
        before = torch.arange(self._length, device=self._rows.device) < self._positions[:, None]
        if mask is not None:
            before &= mask.expand(len(self._rows), -1, -1, -1)[self._rows, 0, self._positions, : self._length]
        own = torch.eye(slots, self._room, dtype=torch.bool, device=before.device)
        rows = len(self._rows)
        return torch.cat([before[:, None].expand(-1, slots, -1), own.expand(rows, -1, -1)], dim=-1)[:, None]


def clean_pass(
    handle: Handle,
    rows: Sequence[Row],
    batch: Batch,
    slots: int,
    first: int,
    visit: Callable[[Crossing], None],
    *,
    whole: bool,
) -> Tensor | None:
    """Runs a batch without edits and visits every block from a layer up.

    Its arithmetic is that of `ws_dsl.models.forward`, to the last bit.

    Args:
        handle: The model.
        rows: Rows of the batch, without its dummy rows; edits are not applied.
        batch: Their shape.
        slots: The most slots that a crossing is given.
        first: First layer that is visited.
        visit: Called with every block, lower ones first.
        whole: Whether the pass goes on to the final norm, and not only to the last keys and values.

    Returns:
        The final norm's output at every row's position, (rows with dummies, width), of a whole pass.
    """
    padded = pad([row.ids for row in rows], batch, "right", handle.device)
    positions = torch.tensor(
        [row.position for row in rows] + [0] * (batch.rows - len(rows)), device=handle.device
    )
    last = handle.shape.layers - 1
    crossings: list[Crossing] = []

    def before(layer: int, block: nn.Module, inputs: tuple[Any, ...], arguments: dict[str, Any]) -> Any:
        if arguments.get("past_key_values") is not None:
            return None
        if crossings:
            visit(crossings.pop())
        crossing = _Last if layer == last and not whole else Crossing
        crossings.append(crossing(layer, block, positions, slots, inputs[0], arguments))
        return inputs, {**arguments, "past_key_values": crossings[0]}

    with handle.arithmetic(), ExitStack() as stack:
        for layer in range(first, handle.shape.layers):
            hook = partial(before, layer)
            stack.callback(handle.block(layer).register_forward_pre_hook(hook, with_kwargs=True).remove)
        states = None
        with suppress(_Enough):
            states = handle.model.model(**padded.arguments, use_cache=False).last_hidden_state
        visit(crossings.pop())
        where = torch.arange(batch.rows, device=handle.device), positions
        return None if states is None else states.to(handle.device)[where]


class _Last(Crossing):
    """The last block of a pass that needs no clean output."""

    def update(self, keys: Tensor, values: Tensor, _layer: int) -> tuple[Tensor, Tensor]:
        clean = self._keys is None
        both = super().update(keys, values, _layer)
        if clean:
            raise _Enough
        return both
