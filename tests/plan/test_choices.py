"""What a choice leaves of a step, and what is not a choice."""

# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

from collections.abc import Callable

from tests.plan.conftest import cells, short
from ws_dsl.errors import Problem
from ws_dsl.plan.plan import Plan

Planned = Callable[..., Plan]
Wrong = Callable[..., list[Problem]]

STEPS = """\
items: {kind: items}
parts: {kind: split, of: items, into: {validation: 0.5, test: 0.5}, seed: 0}
weak: {kind: score, of: parts, over: {level as depth: [1, 2], seed as how: {a: 7, b: 8}}}
flat: {kind: score, of: parts}
both: {kind: stack, axis: arm, of: {weak: weak, flat: flat}}
effect: {kind: summary, of: both, stats: [mean]}
best: {kind: choose, of: "effect[split=validation]", axes: [depth], statistic: mean, take: max}
"""


def test_the_axes_of_the_choice_disappear(plan: Planned):
    made = plan(STEPS + 'final: "effect[best, split=test]"')
    assert cells(made, "best") == [{"arm": "weak", "how": "a"}, {"arm": "weak", "how": "b"}, {"arm": "flat"}]
    assert cells(made, "final") == cells(made, "best")


def test_it_reads_the_choice_and_all_candidates(plan: Planned):
    made = plan(STEPS + 'final: "effect[best, split=test]"')
    first, _, flat = (node for _, node in made.view("final")[0].entries)
    assert first is not None and flat is not None
    assert [dict(edge.labels) for edge in first.inputs["of"]] == [{"depth": "1"}, {"depth": "2"}]
    assert [edge.node for edge in first.inputs["of"]] == [
        node for _, node in made.view("effect[split=test, arm=weak, how=a]")[0].entries
    ]
    assert [edge.node for edge in first.inputs["choice"]] == [
        node for _, node in made.view("best[arm=weak, how=a]")[0].entries
    ]
    # Where there is nothing to choose, the cell is itself.
    assert flat is made.view("effect[split=test, arm=flat]")[0].entries[0].node


def test_it_chooses_among_cells_of_other_steps(plan: Planned):
    made = plan(STEPS + 'rows: "both[best, arm=weak]"\nagain: {kind: summary, of: rows, stats: [median]}')
    expected = [{"how": how, "split": part} for part in ("validation", "test") for how in "ab"]
    assert sorted(cells(made, "again"), key=str) == sorted(expected, key=str)


def test_what_it_is_not_about_is_left_out(plan: Planned):
    only = 'one: {kind: choose, of: "effect[split=validation, arm=weak]", axes: [depth], statistic: mean, take: max}\n'
    made = plan(STEPS + only + 'final: "effect[arm=weak, one, split=test]"')
    assert cells(made, "final") == [{"how": "a"}, {"how": "b"}]


def test_two_references_to_one_choice_share_its_cells(plan: Planned):
    made = plan(STEPS + 'one: "effect[best, split=test]"\ntwo: "effect[split=test, best]"')
    assert [e.node for e in made.view("one")[0].entries] == [e.node for e in made.view("two")[0].entries]


def test_what_is_no_choice(wrong: Wrong):
    steps = len(STEPS.splitlines()) + 6
    for written, code, says in (
        ('final: "effect[flat]"', "wrong-type", "is no choice"),
        ('final: "effect[bets]"', "missing-reference", "Did you mean 'best'"),
        (
            'final: "effect[split=test, arm=flat, other]"\nother: {kind: choose, of: "effect[arm=weak, split=test]", axes: [depth], statistic: mean, take: max}',
            "empty-selection",
            "chooses no cell",
        ),
        (
            "other: {kind: choose, of: effect, axes: [layer], statistic: mean, take: max}",
            "unknown-axis",
            "no input has an axis",
        ),
    ):
        (problem,) = wrong(STEPS + written)
        assert (problem.place.line, problem.code) == (steps, code), written
        assert says in problem.message, problem.message


def test_a_choice_cannot_be_of_itself(wrong: Wrong):
    (problem,) = wrong(
        STEPS + 'a: {kind: choose, of: "effect[a]", axes: [depth], statistic: mean, take: max}'
    )
    assert short([problem])[0][2] == "cycle"
