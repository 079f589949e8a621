"""Axes that are taken whole and kept, and axes made of a row column."""

# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plan.conftest import cells
from ws_dsl.errors import Problem
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan

Planned = Callable[..., Plan]
Wrong = Callable[..., list[Problem]]
SCORES = """\
items: {kind: items}
s: {kind: score, of: items, over: {level as layer: [1, 2, 3], seed as at: [0, 1]}}
"""


def reads(node: Node, field: str) -> list[tuple[dict[str, str], tuple[int, ...]]]:
    """Labels of what a field reads, with its places."""
    return [(edge.node.labels, edge.pooled) for edge in node.inputs[field]]


def family_of(node: Node) -> Node:
    (edge,) = node.inputs["joint"]
    return edge.node


def test_a_family_is_read_whole_and_its_axes_are_kept(plan: Planned):
    made = plan(SCORES + "c: {kind: corrected, of: s, family: [layer]}")
    assert len(cells(made, "c")) == 6
    by_at: dict[str, set[Node]] = {}
    for node in made.steps()["c"]:
        assert reads(node, "of") == [(node.labels, ())]
        by_at.setdefault(node.labels["at"], set()).add(family_of(node))
    for at, families in by_at.items():
        (family,) = families
        assert family.labels == {"at": at} and family.step == "c/joint"
        expected = [({"layer": str(place + 1), "at": at}, (place,)) for place in range(3)]
        assert reads(family, "of") == expected


def test_work_grows_with_the_cells_and_not_with_their_square(plan: Planned):
    made = plan(SCORES + "c: {kind: corrected, of: s, family: [layer, at]}")
    edges = sum(len(node.edges()) for name in ("c", "c/joint") for node in made.steps()[name])
    assert edges == 2 * 6 + 6 + 1  # its own and the family's by cell, the family's own, the rows behind it


def test_an_input_without_the_axis_is_read_once(plan: Planned):
    made = plan(
        SCORES
        + "label: {kind: score, of: items, over: {seed as at: [0, 1]}}\n"
        + "c: {kind: corrected, of: s, against: label, family: [layer, at]}"
    )
    (family,) = {family_of(node) for node in made.steps()["c"]}
    assert reads(family, "against") == [({"at": "0"}, (-1, 0)), ({"at": "1"}, (-1, 1))]


def test_pooled_places_follow_those_of_the_family(plan: Planned):
    made = plan(SCORES + "c: {kind: corrected, of: s, family: [layer], pool: [at]}")
    (family,) = {family_of(node) for node in made.steps()["c"]}
    assert [places for _, places in reads(family, "of")] == [
        (layer, at) for layer in range(3) for at in range(2)
    ]


def test_a_cell_that_is_not_made_is_in_no_family(plan: Planned):
    made = plan(SCORES + "c: {kind: corrected, of: s, family: [layer, at], except: [{layer: 3}]}")
    (family,) = {family_of(node) for node in made.steps()["c"]}
    assert {labels["layer"] for labels, _ in reads(family, "of")} == {"1", "2"}


def test_what_a_family_is_given_is_in_its_key(plan: Planned):
    made = plan(SCORES + "c: {kind: corrected, of: s, family: [layer, at], over: {level as given: [1, 2]}}")
    families = {family_of(node) for node in made.steps()["c"]}
    assert {node.params["level"] for node in families} == {1.0, 2.0}  # pyright: ignore[reportUnhashable]
    assert all(node.params["family"] == ["layer", "at"] for node in families)


def test_without_a_family_nothing_is_derived(plan: Planned):
    made = plan(SCORES + "c: {kind: corrected, of: s}")
    assert all("joint" not in node.inputs for node in made.steps()["c"])


def test_a_family_is_restricted_as_the_step_is(plan: Planned):
    made = plan(
        SCORES
        + "half: {kind: parts, of: items}\nc: {kind: corrected, of: s, family: [layer], rows: 'half[part=left]'}"
    )
    (first, *_) = made.steps()["c"]
    assert [edge.node.step for edge in family_of(first).inputs["rows"]] == ["half"]
    assert [edge.node.step for edge in family_of(first).inputs["row_columns"]] == ["half"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{kind: corrected, of: s, family: [depth]}", "no input has an axis 'depth' (axes: layer, at)"),
        ("{kind: corrected, of: s, family: [at], pool: [at]}", "'at' is pooled, and family keeps its axes"),
        ("{kind: corrected, family: [of], over: {of: {one: s, two: s}}}", "the step varies 'of' itself"),
        ("{kind: rest, of: s, hold_out: depth}", "no input has an axis 'depth'"),
    ],
    ids=["unknown", "pooled", "own", "held out"],
)
def test_an_axis_that_cannot_be_kept(wrong: Wrong, step: str, message: str):
    (problem,) = wrong(SCORES + f"c: {step}")
    assert problem.code == "unknown-axis" and message in problem.message


def test_what_is_held_out_is_all_but_ones_own(plan: Planned):
    made = plan(SCORES + "r: {kind: rest, of: s, like: items, hold_out: layer}")
    for node in made.steps()["r"]:
        found = [labels for labels, _ in reads(node, "of")]
        assert {labels["at"] for labels in found} == {node.labels["at"]}
        assert [labels["layer"] for labels in found] == [
            label for label in "123" if label != node.labels["layer"]
        ]
        assert reads(node, "like") == [({}, ())]


def test_who_is_alone_has_no_others(wrong: Wrong):
    (problem,) = wrong(
        SCORES + "r: {kind: rest, of: 's[layer=1|2]', hold_out: layer, except: [{layer: 2, at: 1}]}"
    )
    assert problem.code == "no-partner" and "[layer=1, at=1] is alone along 'layer'" in problem.message


DATA = """\
items: {kind: dataset, path: data.jsonl, key: id, columns: {topic: category, known: bool, text: text}}
s: {kind: score, of: items, over: {level: [1, 2]}}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Rows with two topics, in a file beside the study."""
    file = tmp_path / "data.jsonl"
    rows = [
        {"id": str(i), "topic": "ba"[i % 2], "known": i > 2, "text": "?", "world": "organism"}
        for i in range(4)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize(("column", "labels"), [("topic", ["a", "b"]), ("known", ["false", "true"])])
def test_a_column_makes_an_axis_of_its_values(plan: Planned, data: Path, column: str, labels: list[str]):
    made = plan(DATA + f"c: {{kind: corrected, of: s, by: {column}}}")
    assert cells(made, "c") == [{"level": n, column: label} for n in "12" for label in labels]
    assert [node.made for node in made.steps()["c"]][:2] == [{column: label} for label in labels]
    assert len(cells(made, f"c[{column}={labels[0]}]")) == 2


def test_levels_outlive_a_split_of_the_rows(plan: Planned, data: Path):
    made = plan(
        DATA.replace("of: items", "of: half")
        + "half: {kind: parts, of: items}\nc: {kind: corrected, of: 's[level=1]', by: topic}"
    )
    assert cells(made, "c[part=left]") == [{"topic": "a"}, {"topic": "b"}]


def test_a_family_within_every_level(plan: Planned, data: Path):
    made = plan(DATA + "c: {kind: corrected, of: s, by: topic, family: [level]}")
    families = {family_of(node) for node in made.steps()["c"]}
    assert sorted(node.labels["topic"] for node in families) == ["a", "b"]
    assert all(node.made == {"topic": node.labels["topic"]} for node in families)


@pytest.mark.parametrize(
    ("by", "code"), [("text", "unknown-column"), ("colour", "unknown-column"), ("level", "axis-taken")]
)
def test_a_column_that_makes_no_axis(wrong: Wrong, data: Path, by: str, code: str):
    (problem,) = wrong(DATA + f"c: {{kind: corrected, of: s, by: {by}}}")
    assert problem.code == code and problem.place.line == 8


def test_a_file_that_is_not_there(wrong: Wrong):
    (problem,) = wrong(DATA + "c: {kind: corrected, of: s, by: topic}")
    assert problem.code == "unreadable" and "data.jsonl" in problem.message


def test_a_value_that_cannot_be_named(wrong: Wrong, data: Path):
    data.write_text(data.read_text().replace('"a"', '"a=b"'))
    (problem,) = wrong(DATA + "c: {kind: corrected, of: s, by: topic}")
    assert problem.code == "no-label" and "'a=b'" in problem.message


CHECK = "checks:\n  c: {kind: opposite_sign, of: m, axis: %s}\n"


def test_a_check_is_told_labels_and_they_are_in_its_key(plan: Planned):
    made = plan(SCORES + "m: {kind: mean, of: s}", CHECK % "layer")
    (check,) = [one for one in made.checks if one.name == "c"]
    edges = check.node.inputs["of"]
    assert [dict(edge.labels) for edge in edges] == cells(made, "m")
    assert check.node.params["labels"] == {"of": [[list(pair) for pair in edge.labels] for edge in edges]}


def test_an_axis_that_a_check_does_not_find(wrong: Wrong):
    (problem,) = wrong(SCORES + "m: {kind: mean, of: s}", CHECK % "pole")
    assert problem.code == "unknown-axis" and "has no axis 'pole' (axes: layer, at)" in problem.message
