"""Words counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.steps.analyse.cells import files_of, run
from tests.steps.measure.said import by_hand
from ws_dsl.artifacts.table import Table

PLUS, MINUS = ["love", "like", "had fun"], ["hate", "dislike", "don't care"]


def lexicon(replies: list[str]) -> dict[str, Any]:
    made = run("lexicon", {"of": by_hand(replies)}, plus=PLUS, minus=MINUS)
    return Table.from_files(files_of(made).__getitem__).columns


@pytest.mark.parametrize(
    ("reply", "plus", "minus", "value"),
    [
        ("I love it.", 1, 0, 1),
        ("LOVE it, love it, hate it!", 2, 1, 1 / 3),
        ("I dislike it.", 0, 1, -1),  # not `like`
        ("Unlike gloves.", 0, 0, 0),
        ("We had fun; fun we had.", 1, 0, 1),
        ("I don\u2019t care.", 0, 1, -1),
    ],
)
def test_whole_words_whatever_their_case(reply: str, plus: int, minus: int, value: float):
    found = lexicon([reply])
    assert (found["plus"], found["minus"], found["value"]) == ([plus], [minus], [pytest.approx(value)])


def test_an_empty_reply_is_excluded_and_not_neutral():
    assert lexicon(["", "So."])["status"] == ["excluded", "ok"]


@pytest.mark.parametrize("words", [{"plus": ["Like"], "minus": ["like"]}, {"plus": ["!"], "minus": ["a"]}])
def test_lists_that_cannot_be_meant(words: dict[str, Any]):
    with pytest.raises(ValueError, match=r"twice|no word"):
        run("lexicon", {"of": by_hand(["a"])}, **words)
