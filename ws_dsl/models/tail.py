"""The last block of a pass, computed at the tokens that are read and at no others.

What follows the attention of the last block works token by token, and most of its output is never looked at.
A pack's pass therefore ends with that attention; what enters the block and what the attention gives are kept
of the tokens that are read, and once they fill a pack of their own they go through the block, whose attention
is handed what it gave before. Every product has the shape that it has in a whole pass, so that every bit is
the same: whether a pack's pass ends here or not may depend on anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ws_dsl.models.attention import Attend, packed
from ws_dsl.models.batches import Batch
from ws_dsl.models.deltas import Weighted, changed
from ws_dsl.models.edits import Edit
from ws_dsl.models.handle import Handle
from ws_dsl.models.places import Place
from ws_dsl.models.taps import Enough, View, Where, tap
from ws_dsl.specs.site import Site


class _Tokens(NamedTuple):
    """Tokens of one pack that are read.

    Attributes:
        indices: Places of their rows in the sequence that the caller has.
        weights: Weight differences under which each runs.
        entering: Residual stream that enters the block, (tokens, width).
        attended: What its attention gives, (tokens, heads, head width).
    """

    indices: list[int]
    weights: list[tuple[Weighted, ...]]
    entering: Tensor
    attended: Tensor


class Tail:
    """The last block that a pass needs, and the final norm where it is asked for.

    Attributes:
        last: Hook of the place that is read last.
        early: Places that are read before the block.
        late: Places that are read in it or after it.
        kept: Tokens that are kept.
    """

    def __init__(self, handle: Handle, places: Mapping[str, Place]):
        """Args: model; places that are read, by hook."""
        self._handle = handle
        self.last = max(places, key=lambda hook: places[hook].site)
        site = places[self.last].site
        self._layer = handle.shape.layers - 1 if site.layer is None else site.layer
        self._start = Site(self._layer, "hook_resid_pre", None)
        self._after_attention = Site(self._layer, "attn.hook_z", None) < site
        self.early = {hook: place for hook, place in places.items() if place.site < self._start}
        self.late = {hook: place for hook, place in places.items() if hook not in self.early}
        self.kept = 0
        self._tokens: list[_Tokens] = []
        self._arguments: dict[str, Any] = {}

    def takes(self, batch: Batch, edits: Sequence[Sequence[Edit]], reads: int) -> bool:
        """Whether the pass over a batch may end here, and so many tokens be read later.

        It may where the batch is a pack of the usual size without edits in the block or after it, and pays
        where half of its tokens are not read.
        """
        return (
            self._after_attention
            and self._handle.resumes
            and (batch.rows, batch.length) == (1, self._handle.room)
            and 2 * reads <= self._handle.room
            and all(site < self._start for site in {edit.site for own in edits for edit in own})
        )

    def is_full(self, reads: int) -> bool:
        """Whether so many tokens no longer fit beside those that are kept."""
        return self.kept + reads > self._handle.room

    @contextmanager
    def ending(self, indices: list[int], weights: list[tuple[Weighted, ...]], where: Where) -> Iterator[None]:
        """A pass over a pack, which ends with the attention of the block.

        Args:
            indices: Places of the rows of the tokens that are read, in the sequence that the caller has.
            weights: Weight differences under which each of them runs.
            where: Where they are in the pack.
        """
        tokens = where[1]

        def enter(_block: nn.Module, inputs: tuple[Any, ...], arguments: dict[str, Any]) -> Any:
            self._arguments = arguments
            attend = partial(leave, arguments["attend"], inputs[0])
            return inputs, {**arguments, "attend": attend}

        def leave(attend: Attend, stream: Tensor, *asked: Any) -> Tensor:
            attended = attend(*asked)
            own = (part[0, tokens.to(part.device)] for part in (stream, attended))
            self._tokens.append(_Tokens(indices, weights, *own))
            self.kept += len(indices)
            raise Enough

        hook = self._handle.block(self._layer).register_forward_pre_hook(enter, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def finish(self) -> tuple[list[int], dict[str, Tensor]]:
        """Lets go of all tokens that are kept.

        Returns:
            Places of their rows, and activations of shape (tokens, width of the hook) by late hook.
        """
        tokens, self._tokens, self.kept = self._tokens, [], 0
        indices = [index for own in tokens for index in own.indices]
        room, device = self._handle.room, self._handle.device
        stream, attended = (
            nn.functional.pad(found, (0, 0) * (found.ndim - 1) + (0, room - len(found)))[None]
            for found in (torch.cat([own[2] for own in tokens]), torch.cat([own[3] for own in tokens]))
        )
        weights = [each for own in tokens for each in own.weights]
        where = (
            torch.zeros(len(indices), dtype=torch.long, device=device),
            torch.arange(len(indices), device=device),
        )
        values: dict[str, Tensor] = {}

        def visit(hook: str, view: View) -> None:
            values[hook] = view.read(where)
            if hook == self.last:
                raise Enough

        def spread(coeffs: Sequence[float]) -> Tensor:
            return nn.functional.pad(torch.tensor(coeffs, dtype=torch.float32), (0, room - len(coeffs)))[None]

        with ExitStack() as stack:
            stack.enter_context(self._handle.arithmetic(room))
            stack.enter_context(packed(self._handle.model))
            stack.enter_context(changed(self._handle, weights, spread))
            for hook, place in sorted(self.late.items(), key=lambda item: item[1].site):
                stack.callback(tap(place, partial(visit, hook)).remove)
            stack.enter_context(suppress(Enough))
            arguments = {**self._arguments, "attend": lambda *_: attended}
            left = self._handle.block(self._layer)(stream, **arguments)
            self._handle.model.model.norm(left)
        return indices, values
