"""Attention over packs and single tokens, against torch's row by row; its bits, against place and thread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ws_dsl.models.attention import few_queries, segments

SHAPES = [(4, 4, 16), (4, 2, 16), (14, 2, 64), (4, 1, 256)]
"""Heads, key/value heads, head width."""


@pytest.fixture(params=[1, 2, 4])
def threads(request: pytest.FixtureRequest):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def module(heads: int, shared: int) -> Any:
    return SimpleNamespace(num_key_value_groups=heads // shared, is_causal=True)


@pytest.mark.parametrize("window", [None, 7])
@pytest.mark.parametrize(("heads", "shared", "width"), SHAPES)
def test_rows_of_a_pack_attend_to_themselves(heads: int, shared: int, width: int, window: int | None):
    lengths, spare = [3, 9, 9, 9, 20, 1, 40], 5
    total = sum(lengths) + spare
    query, key, value = (drawn(1, total, of, width).transpose(1, 2) for of in (heads, shared, shared))
    settings = {"scaling": 0.3, "sliding_window": window}
    found = segments(lengths, spare)(module(heads, shared), query, key, value, settings)
    start = 0
    for length in lengths:
        own = slice(start, start + length)
        back = torch.arange(length)[:, None] - torch.arange(length)
        mask = (back >= 0) & (back < (window or length))
        theirs = scaled_dot_product_attention(
            query[:, :, own],
            key[:, :, own].repeat_interleave(heads // shared, 1),
            value[:, :, own].repeat_interleave(heads // shared, 1),
            attn_mask=mask,
            scale=0.3,
        )
        torch.testing.assert_close(found[:, own], theirs.transpose(1, 2), atol=1e-6, rtol=1e-5)
        start += length


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("heads", "shared", "width"), SHAPES)
def test_one_query_is_that_of_its_row(heads: int, shared: int, width: int, masked: bool):
    query, key, value = drawn(5, heads, 1, width), drawn(5, shared, 13, width), drawn(5, shared, 13, width)
    mask = (torch.arange(13) >= torch.arange(5)[:, None])[:, None, None] if masked else None
    wide = (part.repeat_interleave(heads // shared, 1) for part in (key, value))
    theirs = scaled_dot_product_attention(query, *wide, attn_mask=mask, scale=0.2)
    torch.testing.assert_close(few_queries(query, key, value, mask, 0.2), theirs.transpose(1, 2))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("heads", "shared", "width"), SHAPES)
@pytest.mark.usefixtures("threads")
def test_one_query_has_the_same_bits_at_every_place(heads: int, shared: int, width: int, masked: bool):
    order = torch.randperm(13, generator=torch.Generator().manual_seed(0))
    for keys in (1, 2, 7, 8, 9, 21, 64, 150):
        query = drawn(13, heads, 1, width)
        key, value = drawn(13, shared, keys, width), drawn(13, shared, keys + 1, width)[:, :, 1:]
        mask = torch.ones(13, 1, 1, keys, dtype=torch.bool) if masked else None
        found = few_queries(query, key, value, mask, 0.2)
        for places in (order, order[:1], order[3:9]):
            some = None if mask is None else mask[places]
            alone = few_queries(query[places], key[places], value[places], some, 0.2)
            assert torch.equal(alone, found[places])


@pytest.mark.parametrize(("heads", "shared", "width"), SHAPES)
@pytest.mark.usefixtures("threads")
def test_a_row_has_the_same_bits_at_every_place_of_a_pack(heads: int, shared: int, width: int):
    sizes = (heads, shared, shared)
    for length in (1, 2, 3, 7, 8, 20, 33, 70):
        own = [drawn(length, of, width) for of in sizes]
        found: list[Tensor] = []
        for before, after in (([], []), ([5], [length, 4]), ([length] * 3, [length]), ([2, 11], [90])):
            lengths = [*before, length, *after]
            parts: list[Tensor] = []
            for of, mine in zip(sizes, own, strict=True):
                filled = [drawn(sum(before), of, width), mine, drawn(sum(after), of, width)]
                parts.append(torch.cat(filled)[None].transpose(1, 2))
            attended = segments(lengths, 0)(module(heads, shared), *parts, {"scaling": 0.3})
            found.append(attended[0, sum(before) : sum(before) + length])
        assert all(torch.equal(one, found[0]) for one in found[1:])
