"""A clean pass that stops at every block for streams that depart from it at one position.

Under causal attention a change at one position leaves earlier positions and lower layers as they are. A
changed row therefore needs, block by block, the clean keys and values of the positions before its own, and
nothing else of the clean pass. They are held for one block at a time: all streams cross a block while the
clean pass is at it.

Nothing here knows an architecture. The attention module is handed an object in place of its cache, and a
block is called with what the model itself calls it with (its rotation, its window), cut down to the streams.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ws_dsl.models.attention import few_queries, packed
from ws_dsl.models.batches import Batch
from ws_dsl.models.forward import Row
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import pack
from ws_dsl.models.taps import Enough


class _Alike(NamedTuple):
    """Rows with equally many tokens before the one that their streams are at.

    Attributes:
        before: How many.
        streams: Places of the streams, int64 of shape (rows, streams of each).
        tokens: Index in the pack of the token that they are at, int64 of shape (rows,).
    """

    before: int
    streams: Tensor
    tokens: Tensor


class Lanes:
    """What streams depart from: rows of a pack, each at its own position.

    Attributes:
        tokens: Index in the pack of the token that every stream is at, int64 of shape (streams,).
    """

    def __init__(self, places: Sequence[tuple[int, int]], device: torch.device, slots: int = 1):
        """Args: for every row the index in the pack of its first token, and a position; streams of each.

        Streams of one row share its keys, and their bits depend on how many they are.
        """
        tokens = torch.tensor([start + position for start, position in places], device=device)
        streams = torch.arange(len(places) * slots, device=device).unflatten(0, (-1, slots))
        self.tokens = tokens.repeat_interleave(slots)
        by_position: defaultdict[int, list[int]] = defaultdict(list)
        for row, (_, position) in enumerate(places):
            by_position[position].append(row)
        self._alike = [_Alike(before, streams[own], tokens[own]) for before, own in by_position.items()]

    def attend(
        self,
        clean: tuple[Tensor, Tensor],
        _module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        settings: dict[str, Any],
    ) -> Tensor:
        """Attention of every stream to the clean tokens before it and to itself."""
        found = torch.empty_like(query.transpose(1, 2))
        window = settings.get("sliding_window")
        for before, *places in self._alike:
            streams, tokens = (part.to(query.device) for part in places)
            seen = before if window is None else min(before, window - 1)
            earlier = tokens[:, None] + torch.arange(-seen, 0, device=query.device)
            keys, values = (
                torch.cat([both[0][:, earlier], own[0][:, streams]], dim=2).transpose(0, 1)
                for both, own in zip(clean, (key, value), strict=True)
            )
            own = query[0][:, streams].transpose(0, 1)
            mask = _itself(len(own), seen, streams.shape[1], query.device)
            found[0, streams] = few_queries(own, keys, values, mask, settings["scaling"])
        return found


def _itself(rows: int, seen: int, slots: int, device: torch.device) -> Tensor | None:
    """What streams of one row see: the tokens before, and of the streams each itself."""
    if slots == 1:
        return None
    own = torch.eye(slots, dtype=torch.bool, device=device)
    return nn.functional.pad(own, (seen, 0), value=True).expand(rows, 1, -1, -1)


class Crossing:
    """One block while a clean pass is at it, with the clean keys and values of every row.

    Attributes:
        layer: The block, counted from 0.
        block: Its module.
        entering: Clean residual stream that enters it at every row's position, (rows, width).
    """

    def __init__(self, handle: Handle, layer: int, tokens: Tensor, stream: Tensor, arguments: dict[str, Any]):
        """Args: model; layer; each row's token in the pack; clean stream; what the block is called with."""
        self._handle = handle
        self._arguments = arguments
        self._clean: tuple[Tensor, Tensor] | None = None
        self.layer = layer
        self.block = handle.block(layer)
        self.entering = stream[0, tokens.to(stream.device)]

    def cross(self, streams: Tensor, lanes: Lanes) -> Tensor:
        """Streams through the block, (streams, width), each as the only one at its row's position."""
        assert self._clean is not None
        tokens = lanes.tokens.to(streams.device)
        arguments = {
            **self._arguments,
            "position_embeddings": tuple(part[:, tokens] for part in self._arguments["position_embeddings"]),
            "position_ids": self._arguments["position_ids"][:, tokens],
            "past_key_values": self,
            "attend": partial(lanes.attend, self._clean),
        }
        with self._handle.arithmetic(len(streams)):
            return self.block(streams[None], **arguments)[0]

    def update(self, keys: Tensor, values: Tensor, _layer: int) -> tuple[Tensor, Tensor]:
        """Called by the attention module, once by the clean pass and then by every crossing.

        Args: keys and values of shape (1, key/value heads, tokens or streams, head width).
        Returns: the same.
        """
        if self._clean is None:
            self._clean = keys, values
        return keys, values


def clean_pass(
    handle: Handle,
    rows: Sequence[Row],
    batch: Batch,
    first: int,
    visit: Callable[[Crossing], None],
    *,
    whole: bool,
) -> Tensor | None:
    """Runs a pack without edits and visits every block from a layer up.

    Its arithmetic is that of `ws_dsl.models.forward`, to the last bit.

    Args:
        handle: The model.
        rows: Rows of the pack; edits are not applied.
        batch: The pack.
        first: First layer that is visited.
        visit: Called with every block, lower ones first.
        whole: Whether the pass goes on to the final norm, and not only to the last keys and values.

    Returns:
        The final norm's output at every row's position, (rows, width), of a whole pass.
    """
    laid = pack([row.ids for row in rows], batch.length, handle.device)
    tokens = torch.tensor(
        [start + row.position for row, (_, start) in zip(rows, laid.origins, strict=True)],
        device=handle.device,
    )
    last = handle.shape.layers - 1
    crossings: list[Crossing] = []

    def before(layer: int, _block: nn.Module, inputs: tuple[Any, ...], arguments: dict[str, Any]) -> Any:
        if arguments.get("past_key_values") is not None:
            return None
        if crossings:
            visit(crossings.pop())
        crossing = _Last if layer == last and not whole else Crossing
        crossings.append(crossing(handle, layer, tokens, inputs[0], arguments))
        return inputs, {**arguments, "past_key_values": crossings[0]}

    with handle.arithmetic(batch.length), packed(handle.model), ExitStack() as stack:
        for layer in range(first, handle.shape.layers):
            hook = partial(before, layer)
            stack.callback(handle.block(layer).register_forward_pre_hook(hook, with_kwargs=True).remove)
        states = None
        with suppress(Enough):
            states = handle.final(**laid.arguments)
        visit(crossings.pop())
        return None if states is None else states.to(handle.device)[0, tokens]


class _Last(Crossing):
    """The last block of a pass that needs no clean output."""

    def update(self, keys: Tensor, values: Tensor, _layer: int) -> tuple[Tensor, Tensor]:
        clean = self._clean is None
        both = super().update(keys, values, _layer)
        if clean:
            raise Enough
        return both
