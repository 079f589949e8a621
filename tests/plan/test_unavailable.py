"""Cells that a kind cannot make, and kinds that come before what is trained."""

from __future__ import annotations

from collections.abc import Callable

from tests.plan.conftest import cells, short
from ws_dsl.errors import Problem
from ws_dsl.plan.environment import Environment
from ws_dsl.plan.inspector import inspect_plan
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State

Planned = Callable[..., Plan]
SCORES = """\
items: {kind: items}
s: {kind: score, of: items, over: {level: [0, 1, 2, 3]}}
h: {kind: half, of: s, over: {side: [left, right]}}
"""


def inspected(plan: Plan) -> list[Problem]:
    state = State(Environment("cpu", "2.0", "5.0"), lambda keys: {}, lambda path: None)
    return inspect_plan(plan, state, lambda key: {})


def test_what_cannot_be_made_is_listed_with_its_reason(plan: Planned):
    made = plan(SCORES)
    assert [str(node) for node in made.steps()["h"]] == [
        f"h[side={side}, level={level}]" for side in ("left", "right") for level in (0, 1)
    ]
    assert [(one.step, one.labels, one.reason) for one in made.unavailable] == [
        ("h", {"side": side, "level": str(level)}, f"level {level} has no {side}")
        for side in ("left", "right")
        for level in (2, 3)
    ]


def test_what_would_read_it_goes_too_and_nothing_else(plan: Planned):
    made = plan(
        SCORES
        + "g: {kind: gap, plus: h, minus: s}\n"
        + "m: {kind: mean, of: g}\n"
        + "both: {kind: stack, axis: what, of: {whole: s, half: h}}\n"
        + "all: {kind: mean, of: both}"
    )
    assert {labels["level"] for labels in cells(made, "m")} == {"0", "1"}
    assert len(cells(made, "all")) == 4 + 4
    assert len(made.unavailable) == 4


def test_a_study_without_such_cells_lists_none(plan: Planned):
    assert plan("items: {kind: items}\ns: {kind: score, of: items}").unavailable == []


def test_a_step_of_which_nothing_can_be_made(wrong: Callable[..., list[Problem]]):
    found = wrong("items: {kind: items}\ns: {kind: score, of: items, level: 3}\nh: {kind: half, of: s}")
    assert short(found) == [(8, 7, "empty-step", "steps.h.kind")]
    assert found[0].message == "no cell of this step can be made: level 3 has no left"


def test_a_selection_of_what_cannot_be_made(wrong: Callable[..., list[Problem]]):
    found = wrong(SCORES + 'm: {kind: mean, of: "h[level=3]"}')
    assert short(found) == [(9, 19, "empty-selection", "steps.m.of")]


def test_what_comes_before_training_reads_nothing_trained(plan: Planned):
    made = plan(
        "items: {kind: items}\nadapter: {kind: tuned}\narm: {kind: tried, adapter: adapter}\n"
        "plain: {kind: score, of: items}\n"
        "edited: {kind: score, of: items, over: {arm: [none, arm]}}\n"
        "before: {kind: early, of: plain}\n"
        "after: {kind: early, of: edited}"
    )
    (found,) = inspected(made)
    assert (found.code, found.subject) == ("made-too-late", "steps.after")
    assert "before Adapter may be read, and reads adapter" in found.message
