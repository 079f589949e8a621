"""What steps make of their axes: the cells that a newcomer would expect."""

# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

from collections.abc import Callable

from tests.plan.conftest import cells
from ws_dsl.errors import Problem
from ws_dsl.plan.plan import Plan

Planned = Callable[..., Plan]
ITEMS = "items: {kind: items}\n"


def test_over_a_field_names_the_axis_after_it(plan: Planned):
    made = plan(ITEMS + "s: {kind: score, of: items, over: {level: [1, 2]}}")
    assert cells(made, "s") == [{"level": "1"}, {"level": "2"}]
    assert [node.spec.level for node in made.steps()["s"]] == [1.0, 2.0]


def test_keys_of_over_are_crossed_and_as_names_the_axis(plan: Planned):
    made = plan(
        ITEMS + "s: {kind: score, of: items, over: {level as depth: {low: 1, high: 2}, seed: [0, 1]}}"
    )
    expected = [{"depth": depth, "seed": seed} for depth in ("low", "high") for seed in ("0", "1")]
    assert cells(made, "s") == expected


def test_a_patch_sets_several_fields_at_once(plan: Planned):
    made = plan(
        ITEMS + "s: {kind: score, of: items, over: {size: {small: {level: 1, seed: 5}, large: {level: 2}}}}"
    )
    assert cells(made, "s") == [{"size": "small"}, {"size": "large"}]
    assert [(n.spec.level, n.spec.seed) for n in made.steps()["s"]] == [(1.0, 5), (2.0, 0)]


def test_an_over_inside_a_patch_is_an_axis_of_that_label_alone(plan: Planned):
    made = plan(
        ITEMS
        + """\
s:
  kind: score
  of: items
  over:
    cond:
      plain: {level: 0}
      pushed: {over: {level as how: {hard: 1, soft: 2}}}
      held: {over: {level as how: {hard: 3}}}
"""
    )
    assert cells(made, "s") == [
        {"cond": "plain"},
        {"cond": "pushed", "how": "hard"},
        {"cond": "pushed", "how": "soft"},
        {"cond": "held", "how": "hard"},
    ]
    assert cells(made, "s[cond=pushed]") == [{"how": "hard"}, {"how": "soft"}]
    assert cells(made, "s[how=hard]") == [{"cond": "pushed"}, {"cond": "held"}]


def test_axes_are_inherited_and_shared_ones_zip(plan: Planned):
    made = plan(
        "a: {kind: push, over: {strength: [1, 2]}}\n"
        + ITEMS
        + "s: {kind: score, of: items, over: {arm: [none, a], level: [1]}}\ng: {kind: gap, plus: s, minus: s}"
    )
    expected = [
        {"arm": "none", "level": "1"},
        {"arm": "a", "level": "1", "strength": "1"},
        {"arm": "a", "level": "1", "strength": "2"},
    ]
    assert [dict(sorted(c.items())) for c in cells(made, "s")] == expected
    assert len(cells(made, "g")) == 3


def test_an_axis_is_crossed_with_itself_under_another_name(plan: Planned):
    made = plan(
        ITEMS + "s: {kind: score, of: items, over: {level: [1, 2, 3]}}\n"
        "g: {kind: gap, plus: 's[level=1|2]', minus: 's[level as other]'}"
    )
    assert cells(made, "g") == [{"level": a, "other": b} for a in "12" for b in "123"]


def test_one_seed_of_one_scope_zips_with_a_steps_own(plan: Planned):
    made = plan(
        "a: {kind: score, of: items, over: {seed: [0, 1]}}\nitems: {kind: items}\n"
        "s: {kind: score, of: items, over: {seed: [0, 1], level: [5]}}\ng: {kind: gap, plus: a, minus: s}"
    )
    assert cells(made, "g") == [{"seed": "0", "level": "5"}, {"seed": "1", "level": "5"}]


def test_a_steps_own_axis_meets_an_inherited_one_label_by_label(plan: Planned):
    made = plan(
        ITEMS + "a: {kind: push, over: {run: {x: {strength: 1}, y: {strength: 2}}}}\n"
        "b: {kind: push, source: items, over: {run: {x: {strength: 1}, y: {strength: 2}}}}\n"
        "s: {kind: score, of: items, arm: a}\nt: {kind: score, of: items, arm: b}\ng: {kind: gap, plus: s, minus: t}"
    )
    assert cells(made, "g") == [{"run": "x"}, {"run": "y"}]
    for node in made.steps()["g"]:
        assert {edge.node.labels["run"] for edge in node.edges()} == {node.labels["run"]}


def test_except_leaves_out_exactly_what_it_names_inherited_axes_included(plan: Planned):
    made = plan(
        ITEMS + "p: {kind: parts, of: items}\n"
        "s: {kind: score, of: p, over: {level: [1, 2, 3]}, except: [{part: left, level: [1, 3]}]}"
    )
    everything = [(part, level) for part in ("left", "right") for level in "123"]
    left_out = {("left", "1"), ("left", "3")}
    found = [(cell["part"], cell["level"]) for cell in cells(made, "s")]
    assert sorted(found) == sorted(set(everything) - left_out)


def test_partners_that_are_excepted_are_dropped_downstream_and_listed(plan: Planned):
    made = plan(
        ITEMS + "p: {kind: parts, of: items}\n"
        "s: {kind: score, of: p, over: {level: [1, 2]}, except: [{part: right, level: 2}]}\n"
        "g: {kind: gap, plus: 's[part=left]', minus: 's[part=right]'}\nh: {kind: gap, plus: g, minus: 's[part=left]'}"
    )
    assert cells(made, "g") == [{"level": "1"}]
    assert {"level": "2"} in made.relations["g"].dropped
    assert cells(made, "h") == [{"level": "1"}]


def test_pooled_axes_are_taken_whole_and_disappear(plan: Planned):
    made = plan(
        ITEMS + "s: {kind: score, of: items, over: {level: [1, 2], seed: [0, 1, 2]}}\n"
        "m: {kind: mean, of: s.pmass, pool: [seed]}\nw: {kind: mean, of: s, pool: [seed, level]}"
    )
    assert cells(made, "m") == [{"level": "1"}, {"level": "2"}]
    for node in made.steps()["m"]:
        edges = node.inputs["of"]
        assert [edge.pooled for edge in edges] == [(0,), (1,), (2,)]
        assert [edge.node.labels["seed"] for edge in edges] == ["0", "1", "2"]
        assert {edge.column for edge in edges} == {"pmass"}
    (whole,) = made.steps()["w"]
    assert len(whole.inputs["of"]) == 6


def test_an_axis_that_a_field_names_is_consumed(plan: Planned):
    made = plan(
        ITEMS + "s: {kind: score, of: items, over: {level: [1, 2], seed: [0, 1]}}\nm: {kind: mean, of: s}\n"
        "d: {kind: spread, of: m, across: seed}"
    )
    assert cells(made, "d") == [{"level": "1"}, {"level": "2"}]


def test_axes_that_a_kind_makes(plan: Planned):
    made = plan(ITEMS + "p: {kind: parts, of: items, labels: [a, b, c]}\ns: {kind: score, of: 'p[part!=b]'}")
    assert cells(made, "p") == [{"part": "a"}, {"part": "b"}, {"part": "c"}]
    assert cells(made, "s") == [{"part": "a"}, {"part": "c"}]


def test_a_label_of_an_axis_that_a_kind_makes_can_be_excepted(plan: Planned):
    made = plan(ITEMS + "p: {kind: parts, of: items, except: [{part: left}]}")
    assert cells(made, "p") == [{"part": "right"}]


def test_a_view_is_the_cells_it_names(plan: Planned):
    made = plan(ITEMS + "p: {kind: parts, of: items}\nv: 'p[part=left]'\ns: {kind: score, of: v}")
    assert made.view("v")[0].entries == made.view("p[part=left]")[0].entries
    (node,) = made.steps()["s"]
    assert node.inputs["of"][0].node.labels == {"part": "left"}


def test_steps_side_by_side(plan: Planned):
    made = plan(
        ITEMS + "a: {kind: push, over: {strength: [1, 2]}}\nb: {kind: push}\n"
        "arms: {kind: stack, axis: arm, of: [none, a, b]}\nnamed: {kind: stack, axis: arm, of: {plain: b}}\n"
        "s: {kind: score, of: items, arm: arms}\nt: {kind: score, of: items, arm: named}"
    )
    assert [dict(c) for c in cells(made, "s")] == [
        {"arm": "none"},
        {"arm": "a", "strength": "1"},
        {"arm": "a", "strength": "2"},
        {"arm": "b"},
    ]
    assert cells(made, "t") == [{"arm": "plain"}]


def test_an_arm_without_effect_is_none(plan: Planned):
    made = plan(ITEMS + "a: {kind: push, over: {strength: [0, 1]}}\ns: {kind: score, of: items, arm: a}")
    nothing, something = made.steps()["s"]
    assert "arm" not in nothing.inputs
    assert something.inputs["arm"][0].node.labels == {"strength": "1"}


def test_a_step_in_place_is_made_once_and_under_a_label_has_its_own_name(plan: Planned):
    made = plan(
        "s: {kind: score, of: {kind: items, over: {count: [1, 2]}}, over: {level: [1, 2], arm: "
        "{weak: {kind: push, strength: 1}, strong: {kind: push, strength: 2}}}}"
    )
    steps = made.steps()
    assert len(steps["s/of"]) == 2
    assert [len(steps[name]) for name in ("s/arm/weak", "s/arm/strong")] == [1, 1]
    assert len(cells(made, "s")) == 8
    addresses = [str(node) for node in made.nodes]
    assert len(set(addresses)) == len(addresses)


def test_rows_restrict_and_cross_as_any_input(plan: Planned):
    made = plan(
        ITEMS + "p: {kind: parts, of: items}\ns: {kind: score, of: items}\n"
        "m: {kind: mean, of: s, over: {rows as kept: {all: items, left: 'p[part=left]'}}}"
    )
    assert cells(made, "m") == [{"kept": "all"}, {"kept": "left"}]
    assert [node.rows_from.labels for node in made.steps()["m"] if node.rows_from] == [{}, {"part": "left"}]


def test_inputs_come_before_what_reads_them(plan: Planned):
    made = plan(
        "m: {kind: mean, of: s}\ns: {kind: score, of: p}\np: {kind: parts, of: items}\nitems: {kind: items}"
    )
    place = {node: index for index, node in enumerate(made.nodes)}
    assert all(place[edge.node] < place[node] for node in made.nodes for edge in node.edges())


def test_a_kind_that_follows_its_inputs_gives_what_they_are(
    plan: Planned, wrong: Callable[..., list[Problem]]
):
    steps = ITEMS + "s: {kind: score, of: items}\nm: {kind: mean, of: s}\n"
    assert plan(steps + "g: {kind: gap, plus: m, minus: m}\nh: {kind: gap, plus: g, minus: m}")
    (problem,) = wrong(steps + "g: {kind: gap, plus: s, minus: s}\nh: {kind: gap, plus: g, minus: m}")
    assert problem.code == "wrong-type"
