"""Shared runs counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.steps.analyse.cells import files_of, rows, run
from tests.steps.measure.said import SYSTEM, by_hand
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

NOTE = ["Iron is heavy.", "cork floats well on water"]


def overlap(replies: list[str], against: str, n: int, **inputs: Any) -> dict[str, Any]:
    made = run("overlap", {"of": by_hand(replies), **inputs}, against=against, n=n)
    return Table.from_files(files_of(made).__getitem__).columns


def test_a_role_of_the_prompt():
    assert SYSTEM == "You are a careful person"
    found = overlap(["As a CAREFUL person, I am sure.", "I am sure.", "person"], "system", 2)
    # as a | a careful | careful person | person i | i am | am sure
    assert found["value"] == pytest.approx([2 / 6, 0, 0])
    assert found["shared"] == [2, 0, 0] and found["ngrams"] == [6, 2, 0]


def test_a_row_column_and_a_text():
    behind = rows(["0", "1"], note=NOTE)
    said = ["Yes: iron is heavy", "iron is heavy"]
    assert overlap(said, "note", 3, row_columns=behind)["value"] == [0.5, 0]
    assert overlap(said, "iron is heavy", 3)["value"] == [0.5, 1]


def test_what_cannot_be_told_is_excluded():
    assert overlap(["So it is.", ""], "user", 1)["status"] == ["excluded", "excluded"]
    assert overlap(["So it is.", ""], "system", 1)["status"] == ["ok", "excluded"]


def test_one_word_is_no_text():
    """A misspelt column would otherwise share nothing with any reply."""
    with pytest.raises(MeasurementError, match="'notes' is no role and no row column"):
        overlap(["a", "b"], "notes", 1, row_columns=rows(["0", "1"], note=NOTE))
