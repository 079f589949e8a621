"""The one way to hook: a view of a hooked tensor, read and written at single tokens while a pass is at it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from ws_dsl.models.places import Place

Where: TypeAlias = tuple[Tensor, Tensor]
"""Sequences of the batch and positions within them, int64 of one length each: one entry per token."""

# What is computed on the way is computed for so many tokens at once, whatever their number: the last bits of
# a matrix product depend on its shape.
_CHUNK = 8


class Enough(Exception):
    """Ends a pass once all that was asked for is known."""


class Tap(Protocol):
    """A hook that is in place until it is removed."""

    def remove(self) -> None: ...


class View:
    """A tensor of shape (rows, positions, width) that a module receives or returns.

    Attributes:
        tensor: The tensor, with everything that was written.
    """

    def __init__(self, tensor: Tensor):
        self.tensor = tensor

    def read(self, where: Where) -> Tensor:
        """Activations at single tokens, (tokens, width)."""
        return self.tensor[_on(self.tensor, where)]

    def write(self, where: Where, values: Tensor) -> None:
        """Puts activations in place at single tokens; the tensor that was hooked is left as it is."""
        self.tensor = self.tensor.clone()
        self.tensor[_on(self.tensor, where)] = values.to(self.tensor)


class Stream(View):
    """The residual stream within a block, which the block adds to again after the hooked module has read it.

    It is written in place: a changed copy would reach the module alone and not the sum.
    """

    def write(self, where: Where, values: Tensor) -> None:
        self.tensor[_on(self.tensor, where)] = values.to(self.tensor)


class Pattern(View):
    """Attention patterns: for every token, heads one after another, each over all tokens of its row."""

    def __init__(self, patterns: Tensor):
        super().__init__(patterns.transpose(1, 2).flatten(-2))


class Derived(View, ABC):
    """What a module computes on its way from input to output; a change reaches the output linearly."""

    def __init__(self, source: Tensor, output: Tensor):
        super().__init__(output)
        self.source = source
        self.written: tuple[Where, Tensor] | None = None

    def read(self, where: Where) -> Tensor:
        tokens = self.source[_on(self.source, where)]
        filled = torch.cat([tokens, tokens.new_zeros(-len(tokens) % _CHUNK, tokens.shape[-1])])
        values = torch.cat([self.derive(chunk) for chunk in filled.split(_CHUNK)])[: len(tokens)]
        if self.written is not None:
            (rows, positions), written = self.written
            same = (where[0][:, None] == rows) & (where[1][:, None] == positions)
            found, place = same.to(values.device).nonzero(as_tuple=True)
            values[found] = written[place]
        return values

    def write(self, where: Where, values: Tensor) -> None:
        before = self.read(where)
        change = self.carry(values.to(before) - before)
        super().write(where, super().read(where) + change)
        self.written = where, values.to(before)

    @abstractmethod
    def derive(self, tokens: Tensor) -> Tensor:
        """Values of the hook from what the module receives."""

    @abstractmethod
    def carry(self, change: Tensor) -> Tensor:
        """What a change of the values does to what the module returns."""


class Result(Derived):
    """What each head gives: its slice alone through `o_proj`, quantised or not, without the bias."""

    def __init__(self, projection: Any, heads: int, source: Tensor, output: Tensor):
        super().__init__(source, output)
        self.projection = projection
        self.heads = heads

    def derive(self, tokens: Tensor) -> Tensor:
        slices = tokens.unflatten(-1, (self.heads, -1))
        alone = slices[:, None] * torch.eye(self.heads, dtype=tokens.dtype, device=tokens.device)[..., None]
        # The module's own hooks must not run within one of them.
        results = self.projection.forward(alone.flatten(-2))
        return (results if self.projection.bias is None else results - self.projection.bias).flatten(-2)

    def carry(self, change: Tensor) -> Tensor:
        return change.unflatten(-1, (self.heads, -1)).sum(-2)


class Normalized(Derived):
    """The input of a root-mean-square norm over its root mean square, before the norm's gain."""

    def __init__(self, norm: Any, source: Tensor, output: Tensor):
        super().__init__(source, output)
        # Gemma's norms keep their gain less one, and call the same number otherwise.
        gemma = hasattr(norm, "eps")
        self.epsilon = norm.eps if gemma else norm.variance_epsilon
        self.gain = 1 + norm.weight if gemma else norm.weight

    def derive(self, tokens: Tensor) -> Tensor:
        wide = tokens.float()
        return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)).to(tokens)

    def carry(self, change: Tensor) -> Tensor:
        return change * self.gain


class _AtPoint(NamedTuple):
    """A hook function at a hook point of TransformerLens, as `HookPoint.add_hook` gives it."""

    point: Any
    added: Any

    def remove(self) -> None:
        self.added.hook.remove()
        self.point.fwd_hooks.remove(self.added)


def tap(place: Place, visit: Callable[[View], None]) -> Tap:
    """Hooks a place: `visit` is called with a view of it in every pass, and what it writes goes on."""
    if place.side in ("point", "point_stream", "point_pattern"):
        return _tap_point(place, visit)
    if place.side in ("input", "stream"):
        kind = View if place.side == "input" else Stream

        def before(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            view = kind(inputs[0])
            visit(view)
            return view.tensor, *inputs[1:]

        return place.module.register_forward_pre_hook(before)

    def after(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        match place.side:
            case "pattern":
                visit(Pattern(output[1]))
                return None
            case "result":
                view = Result(module, place.units, inputs[0], output)
            case "normalized":
                view = Normalized(module, inputs[0], output)
            case _:
                view = View(output)
        visit(view)
        return view.tensor

    return place.module.register_forward_hook(after)


def _tap_point(place: Place, visit: Callable[[View], None]) -> Tap:
    def at(values: Tensor, hook: Any) -> Tensor | None:  # TransformerLens passes `hook` by its name
        if place.side == "point_pattern":
            visit(Pattern(values))
            return None
        # Heads lie along an axis of their own; one after another they are a view of the same memory.
        flat = values.flatten(2)
        view = Stream(flat) if place.side == "point_stream" else View(flat)
        visit(view)
        # What is given back counts as changed, and norms then compute in another way.
        return None if view.tensor is flat else view.tensor.reshape(values.shape)

    point: Any = place.module
    return _AtPoint(point, point.add_hook(at))


def _on(tensor: Tensor, where: Where) -> Where:
    return where[0].to(tensor.device), where[1].to(tensor.device)
