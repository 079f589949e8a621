"""What changed is named, never just said to have changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.plan.keys import key_of
from ws_dsl.plan.row_changes import row_changes
from ws_dsl.plan.why import changes

OLD = {
    "kind": "dataset",
    "version": 1,
    "params": {"path": "a" * 64, "count": 3},
    "inputs": {},
    "made": {},
    "environment": {},
}


def changed(**params: object) -> list[str]:
    return changes(OLD, {**OLD, "params": {**OLD["params"], **params}})  # pyright: ignore[reportGeneralTypeIssues]


def test_contents_are_told_by_their_digests() -> None:
    assert changed(path="b" * 64) == ["the content of path changed: aaaaaaaa → bbbbbbbb"]


def test_code_is_told_apart_from_data() -> None:
    old = {**OLD, "params": {"source": "a" * 64}}
    new = {**OLD, "params": {"source": "b" * 64}}
    assert changes(old, new) == ["the code of the kind changed: aaaaaaaa → bbbbbbbb"]


def test_a_field_is_told_with_both_values() -> None:
    assert changed(count=4) == ["count: 3 → 4"]


def test_nothing_changed() -> None:
    assert changes(OLD, OLD) == []


def test_an_environment_is_told_part_by_part() -> None:
    old = {**OLD, "environment": {"device": "cpu", "torch": "2.13", "peft": "0.18"}}
    new = {**OLD, "environment": {"device": "cpu", "torch": "2.14"}}
    assert changes(old, new) == ["peft 0.18 → None", "torch 2.13 → 2.14"]


def test_a_pooled_place_is_told() -> None:
    def of(place: int) -> dict[str, object]:
        return {**OLD, "inputs": {"of": [{"digest": "a" * 64, "column": None, "pooled": [place]}]}}

    assert changes(of(0), of(1)) == ["input of is pooled at place [1], was at [0]"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "1", "a" * 64]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
    max_leaves=5,
)
INPUT = st.fixed_dictionaries(
    {
        "digest": st.sampled_from(["a" * 64, "b" * 64]),
        "column": st.sampled_from([None, "pmass"]),
        "pooled": st.lists(st.integers(0, 1), max_size=1),
    }
)
DERIVATION = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["clamp", "dataset"]),
        "version": st.integers(1, 2),
        "params": st.dictionaries(st.sampled_from(["path", "key", "source"]), JSON, max_size=2),
        "inputs": st.dictionaries(st.sampled_from(["of", "model"]), st.lists(INPUT, max_size=2), max_size=2),
        "made": st.dictionaries(st.just("split"), st.sampled_from(["search", "verify"])),
        "environment": st.dictionaries(st.sampled_from(["torch", "device"]), st.sampled_from(["1", "2"])),
    }
)


@given(DERIVATION, DERIVATION)
def test_reasons_are_given_exactly_where_keys_differ(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert (changes(old, new) == []) == (key_of(old) == key_of(new))


ROWS = [{"id": name, "claim": f"claim {name}", "label": True} for name in "abcd"]


def lines(rows: list[dict[str, Any]], **style: Any) -> bytes:
    return "".join(json.dumps(row, **style) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [ROWS[0], {**ROWS[1], "claim": "other", "label": False}, *ROWS[2:]],
            ["d.jsonl row 2 changed (b): claim: 'claim b' → 'other'; label: True → False"],
        ),
        (ROWS[1:], ["d.jsonl row 1 is gone (a)"]),
        ([{"id": "z", "claim": "new"}, *ROWS], ["d.jsonl row 1 is new (z)"]),
        (ROWS[::-1], ["the rows of d.jsonl are in another order"]),
        ([{**ROWS[0], "note": 1}, *ROWS[1:]], ["d.jsonl row 1 changed (a): column note is new"]),
        (
            [{**row, "label": False} for row in ROWS],
            [f"d.jsonl row {n} changed ({name}): label: True → False" for n, name in enumerate("abc", 1)]
            + ["d.jsonl: 1 more"],
        ),
    ],
    ids=["changed", "gone", "new", "order", "column", "many"],
)
def test_rows_are_told_by_number_key_and_column(rows: list[dict[str, Any]], told: list[str]) -> None:
    assert row_changes("d.jsonl", lines(ROWS), lines(rows), ["id"]) == told


def test_spaces_and_line_ends_change_no_row() -> None:
    other = lines(ROWS, separators=(",", ":")).replace(b"\n", b"\n\n")
    assert row_changes("d.jsonl", lines(ROWS), other, ["id"]) == [
        "d.jsonl was written otherwise, with the same rows"
    ]


def test_csv_rows_are_counted_without_the_head() -> None:
    old, new = b"id,claim\na,1\nb,2\n", b"id,claim\na,1\nb,3\n"
    assert row_changes("d.csv", old, new, ["id"]) == ["d.csv row 2 changed (b): claim: '2' → '3'"]


def test_rows_without_a_key_are_compared_by_place() -> None:
    old, new = lines([{"x": 1}, {"x": 1}]), lines([{"x": 1}, {"x": 2}])
    assert row_changes("d.jsonl", old, new, ["id"]) == ["d.jsonl row 2 changed: x: 1 → 2"]


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from(["d.jsonl", "d.csv"]))
def test_no_content_is_too_odd_to_be_compared(old: bytes, new: bytes, name: str) -> None:
    assert all(isinstance(line, str) for line in row_changes(name, old, new, ["id"]))


def test_what_is_no_longer_there_is_told_by_its_digest() -> None:
    old, new = (
        {**OLD, "params": {"path": "a" * 64, "key": "id"}},
        {**OLD, "params": {"path": "b" * 64, "key": "id"}},
    )
    contents = {"a" * 64: lines(ROWS), "b" * 64: lines(ROWS[:3])}
    files = {"path": "d.jsonl"}
    assert changes(old, new, files=files, content=contents.get) == ["d.jsonl row 4 is gone (d)"]
    assert changes(old, new, files=files) == ["the content of d.jsonl changed: aaaaaaaa → bbbbbbbb"]
