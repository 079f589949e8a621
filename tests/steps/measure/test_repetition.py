"""Shares counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.steps.analyse.cells import files_of, run
from tests.steps.measure.said import by_hand
from ws_dsl.artifacts.table import Table


def repetition(replies: list[str], n: int) -> dict[str, Any]:
    made = run("repetition", {"of": by_hand(replies)}, n=n)
    return Table.from_files(files_of(made).__getitem__).columns


def test_by_hand():
    found = repetition(["a b a b a b", "a b c d", "a a a a a"], 2)
    # ab ba ab ba ab: two of five are new; of aa aa aa aa one.
    assert found["value"] == pytest.approx([3 / 5, 0, 3 / 4])
    assert found["ngrams"] == [5, 3, 4]


def test_a_loop_comes_close_to_one():
    values = [repetition(["yes no " * times], 3)["value"][0] for times in (2, 5, 50)]
    assert values == sorted(values) and values[-1] == 1 - 2 / 98


def test_a_short_reply_repeats_nothing_and_an_empty_one_is_excluded():
    found = repetition(["a b", ""], 3)
    assert found["value"] == [0, None] and found["ngrams"] == [0, 0]
    assert found["status"] == ["ok", "excluded"]
