"""Attention whose bits do not depend on what else is computed.

The decoders of transformers hand attention to a function that is looked up by name in their configuration,
and hand on to it what they are called with. Two functions are put there while a pass runs. Of rows that
follow one another in one sequence, `packed`, it is given how to attend: the rows of a pack, each causally
over itself; or streams that attend to the clean keys of a row and to their own. Rows of equal length go
through the fused kernel in one call, which computes every row and head by itself. Of rows that grow by one
token, `stepping`, each attends with that token.

A single query is where the kernel's bits follow the thread and the place in memory that it happens to get:
of 200 lengths, 144 differed between places in a batch on two threads of an AMD EPYC. Of eight queries, none
did. Single ones are therefore filled up to eight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

_PACKED, _STEPPING = "ws_dsl_packed", "ws_dsl_stepping"

# Queries that go through the fused kernel together.
_QUERIES = 8


class Attend(Protocol):
    """How the tokens of one sequence attend."""

    def __call__(
        self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, settings: dict[str, Any]
    ) -> Tensor:
        """Args: attention module; (1, heads, tokens, head width) each; scale, window and the like.

        Returns: (1, tokens, heads, head width).
        """
        ...


class Segment(NamedTuple):
    """Rows of equal length that follow one another.

    Attributes:
        start: Index of the first token.
        rows: Number of rows.
        length: Tokens of each.
    """

    start: int
    rows: int
    length: int


class Segments(NamedTuple):
    """The rows of a pack, each attending causally to itself."""

    segments: tuple[Segment, ...]

    def __call__(
        self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, settings: dict[str, Any]
    ) -> Tensor:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        found: list[Tensor] = []
        for start, rows, length in self.segments:
            inside = slice(start, start + rows * length)
            queries, keys, values = (
                part[0, :, inside].unflatten(1, (rows, length)).transpose(0, 1)
                for part in (query, key, value)
            )
            mask = _window(length, settings.get("sliding_window"), query.device)
            attended, _ = sdpa_attention_forward(module, queries, keys, values, mask, **settings)
            found.append(attended.flatten(0, 1))
        return torch.cat(found)[None]


def segments(lengths: Sequence[int], spare: int) -> Segments:
    """Rows of these lengths one after another, and then so many tokens that nobody asked for."""
    found: list[Segment] = []
    start = 0
    for length, same in groupby([*lengths, spare]):
        found.append(Segment(start, len([*same]), length))
        start += found[-1].rows * length
    return Segments(tuple(segment for segment in found if segment.length))


def few_queries(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """Attention of one or a few tokens of every row.

    Args:
        query: (rows, heads, tokens, head width).
        key: (rows, key/value heads, keys, head width).
        value: Likewise.
        mask: Keys that are seen, bool of shape (rows, 1, tokens, keys); None where all are.
        scale: Of the products of queries and keys.

    Returns:
        (rows, tokens, heads, head width).
    """
    rows, _, tokens, _ = query.shape
    own = query.unflatten(1, (key.shape[1], -1)).flatten(2, 3)
    asked = own.shape[2]
    filled = nn.functional.pad(own, (0, 0, 0, -asked % _QUERIES)).contiguous()
    if mask is not None:
        mask = mask.repeat(1, 1, asked // tokens, 1)
        mask = nn.functional.pad(mask, (0, 0, 0, -asked % _QUERIES), value=True)
    if rows * key.shape[1] == 1:
        # A single piece of work is not given to one thread, but shared out in another way.
        filled, key, value = (part.expand(2, -1, -1, -1).contiguous() for part in (filled, key, value))
    found = nn.functional.scaled_dot_product_attention(filled, key, value, attn_mask=mask, scale=scale)
    return found[:rows, :, :asked].unflatten(2, (-1, tokens)).flatten(1, 2).transpose(1, 2)


@contextmanager
def packed(model: Any) -> Iterator[None]:
    """Passes whose attention is told how to attend."""
    from transformers import AttentionInterface

    AttentionInterface.register(_PACKED, _attend)
    with _implementation(model, _PACKED):
        yield


@contextmanager
def stepping(model: Any) -> Iterator[None]:
    """Passes over one token of every row, which sees what the mask lets it."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_STEPPING, _step)
    AttentionMaskInterface.register(_STEPPING, sdpa_mask)
    with _implementation(model, _STEPPING):
        yield


@contextmanager
def _implementation(model: Any, name: str) -> Iterator[None]:
    before = model.config._attn_implementation
    model.config._attn_implementation = name
    try:
        yield
    finally:
        model.config._attn_implementation = before


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: None,
    attend: Attend,
    **settings: Any,
) -> tuple[Tensor, None]:
    return attend(module, query, key, value, settings), None


def _step(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    scaling: float,
    **_settings: Any,
) -> tuple[Tensor, None]:
    return few_queries(query, key, value, mask, scaling), None


def _window(length: int, window: int | None, device: torch.device) -> Tensor | None:
    """What a windowed layer sees of a row longer than its window, bool of shape (1, 1, tokens, tokens)."""
    if window is None or length <= window:
        return None
    place = torch.arange(length, device=device)
    back = place[:, None] - place
    return ((back >= 0) & (back < window))[None, None]
