"""What makes two row sets one, and the tables that may not be stored."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ws_dsl.artifacts.rows import row_set
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

IDS = st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers()), unique=True)


@settings(deadline=None)
@given(IDS, st.randoms())
def test_order_does_not_matter(ids: list[tuple[Any, ...]], order: random.Random):
    shuffled = list(ids)
    order.shuffle(shuffled)
    assert row_set(shuffled) == row_set(ids)


@settings(deadline=None)
@given(IDS.filter(bool))
def test_any_row_less_is_another_set(ids: list[tuple[Any, ...]]):
    assert row_set(ids[1:]) != row_set(ids)


@pytest.mark.parametrize("other", [[("1",)], [(1,), (2,)], [(1, 2)], [("é",)], [("e\u0301",)], []])
def test_unlike_ids_are_unlike_sets(other: list[tuple[Any, ...]]):
    assert row_set(other) != row_set([(1,)])
    assert row_set([("é",)]) != row_set([("e\u0301",)])


def test_an_id_twice_is_refused():
    with pytest.raises(MeasurementError, match="row a is there twice"):
        row_set([("a",), ("b",), ("a",)])


@pytest.mark.parametrize(
    ("value", "status", "message"),
    [
        (float("nan"), "ok", "not a finite number"),
        (float("inf"), "ok", "not a finite number"),
        (None, "ok", "not a finite number"),
        (0.0, "refusal", "has a value"),
        (None, "dunno", "unknown status"),
    ],
)
def test_a_value_exists_where_the_status_is_ok_and_only_there(value: float | None, status: str, message: str):
    with pytest.raises(MeasurementError, match=message):
        Table(("id",), {"id": ["a"], "value": [value], "status": [status]}, {}).to_artifact()
