"""Whatever is written in the place of any part of a study, it is planned or told; nothing else is raised."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ws_dsl.errors import SpecError
from ws_dsl.plan.planner import make_plan
from ws_dsl.specs import kinds
from ws_dsl.specs.document import Document
from ws_dsl.specs.source import read

STUDY = Path(__file__).parents[2] / "experiments" / "pressure_agreeing.yaml"
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, "", " ", "x", "none", "model", "score", "score[arm=none]", "score[",
    "a[b as c]", "score.pmass", "claims.label", "{{claim}}", [], [[]], [None], ["x"], ["none", "head"], [{}],
    {},    {"x": None},
    {"kind": "clamp"}, {"kind": "prompts", "rows": "claims", "text": "x"}, {"kind": None}, {"file": "no.txt"},
    {"file": None}, {"axis": "arm"}, {"over": {"x": {"y": 1}}}, {"over": []}, {"level": [1, 2]},
    {"median_ge": "x"},
]  # fmt: skip
KEYS = [
    "over",
    "except",
    "pool",
    "rows",
    "until",
    "kind",
    "seed",
    "x",
    "of",
    "as",
    "round",
    "tokens as round",
    "",
    "ü",
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


DATA = read(STUDY).data
PATHS = list(paths(DATA))


def changed(path: tuple[Any, ...], junk: Any, key: str | None) -> dict[str, Any]:
    data = copy.deepcopy(DATA)
    parent: Any = data
    for part in path[:-1]:
        parent = parent[part]
    if key is not None and isinstance(parent[path[-1]], dict):
        parent[path[-1]][key] = copy.deepcopy(junk)
    else:
        parent[path[-1]] = copy.deepcopy(junk)
    return data


@settings(max_examples=400)
@given(st.sampled_from(PATHS), st.sampled_from(JUNK), st.none() | st.sampled_from(KEYS))
def test_a_study_is_planned_or_its_mistakes_are_told(path: tuple[Any, ...], junk: Any, key: str | None):
    kinds.use_folder(STUDY.parent / "kinds")
    try:
        make_plan(Document(STUDY, changed(path, junk, key)))
    except SpecError as error:
        told = error.problems
    else:
        told = []
    assert all(problem.code and problem.subject and problem.message for problem in told)


@settings(max_examples=200)
@given(st.data())
def test_text_is_read_or_its_mistakes_are_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    text = STUDY.read_text("utf-8")
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, min(len(text), start + 40)))
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    middle = data.draw(st.text(st.sampled_from("{}[]:,-|>&*!%@`'\"#?\n\t \\ax0"), max_size=4))
    file.write_text(text[:start] + middle + text[stop:], encoding="utf-8")
    try:
        make_plan(read(file))
    except SpecError as error:
        told = error.problems
    else:
        told = []
    assert all(problem.place.line >= 1 for problem in told)
