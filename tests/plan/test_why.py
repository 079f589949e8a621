"""What changed is named, never just said to have changed."""

from __future__ import annotations

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
