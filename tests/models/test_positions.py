"""Which tokens a name stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.errors import MeasurementError
from ws_dsl.models.positions import places, position, positions, shared_suffix
from ws_dsl.specs.position import Position, TokenPosition

TOKENS = ["<s>", "Is", " it", " so", "?", " Yes", " it", " is", "</s>"]
SPANS = {"user": (1, 5), "prompt": (0, 5), "reply": (5, 8)}
OPEN = {"user": (1, 5), "prompt": (0, 9)}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("last", [8]),
        ("prompt_last", [4]),
        ("reply_first", [5]),
        ("reply_last", [7]),
        ("reply", [5, 6, 7]),
        ("all", list(range(9))),
        (0, [0]),
        (-2, [7]),
        (TokenPosition(token=" it"), [2]),
        (TokenPosition(token=" it", count=2), [6]),
        (TokenPosition(token=" it", count=-1), [6]),
    ],
)
def test_names(name: Position, found: list[int]):
    assert positions(name, TOKENS, SPANS) == found


def test_without_a_reply_the_prompt_is_the_row():
    assert position("prompt_last", TOKENS, OPEN) == position("last", TOKENS, OPEN) == 8


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (9, "9 tokens has no position 9"),
        (-10, "no position -1"),
        (TokenPosition(token="it"), "no position of 'it'; tokens with it in them: ' it'$"),
        (TokenPosition(token="no"), "no position of 'no'$"),
        (TokenPosition(token=" it", count=3), "of ' it', number 3"),
        (TokenPosition(token=" it", count=-3), "number -3"),
        ("reply_first", "no position reply_first"),
        ("reply", "no position reply"),
    ],
)
def test_what_is_absent_is_said(name: Position, told: str):
    with pytest.raises(MeasurementError, match=told):
        positions(name, TOKENS, OPEN)


@pytest.mark.parametrize("name", ["last", "prompt_last", "all"])
def test_a_row_without_tokens_has_none(name: Position):
    with pytest.raises(MeasurementError, match=f"0 tokens has no position {name}"):
        positions(name, [], {"prompt": (0, 0)})


def test_several_are_not_one():
    with pytest.raises(MeasurementError, match="reply is 3 positions of a row"):
        position("reply", TOKENS, SPANS)


ids = st.lists(st.integers(0, 3), min_size=1, max_size=8)


@given(ids, ids, st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_the_shared_suffix_is_the_longest_and_right_aligned(one: list[int], other: list[int], end: list[int]):
    source, target = [*one, *end], [*other, *end]
    pairs = shared_suffix(source, target)
    assert pairs[-1] == (len(source) - 1, len(target) - 1)
    assert len(pairs) >= len(end)
    assert len({left - right for left, right in pairs}) == 1
    assert all(source[left] == target[right] for left, right in pairs)
    left, right = pairs[0]
    assert 0 in (left, right) or source[left - 1] != target[right - 1]


def test_rows_that_end_differently_do_not_align():
    with pytest.raises(MeasurementError, match="rows of 2 and 3 tokens end differently"):
        shared_suffix([1, 2], [1, 2, 3])


def test_several_names_in_the_order_they_are_written():
    assert places([TokenPosition(token=" it"), "prompt_last", 0], TOKENS, SPANS) == [2, 4, 0]
    assert places("reply", TOKENS, SPANS) == [5, 6, 7]
    with pytest.raises(MeasurementError, match="-1, last name a token of a row of 9 tokens twice"):
        places([-1, "last"], TOKENS, SPANS)
