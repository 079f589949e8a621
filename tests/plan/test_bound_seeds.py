"""Seeds that follow an axis."""

# (studies keep the line breaks that a user would write)

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plan.conftest import cells
from ws_dsl.errors import Problem
from ws_dsl.plan.plan import Plan

STEPS = """\
items: {kind: items}
first: {kind: score, of: items, over: {seed as replicate: [0, 3], level as depth: {low: 1, high: 2}}}
"""


def test_a_seed_is_the_label(plan: Callable[..., Plan]):
    made = plan(STEPS + "second: {kind: redrawn, of: first, seed: {axis: replicate}}")
    assert cells(made, "second") == cells(made, "first")
    for node in made.steps()["second"]:
        assert node.spec.seed == node.params["seed"] == int(node.labels["replicate"])


def test_it_is_the_number_written_out(plan: Callable[..., Plan]):
    """Bound and written by hand, a cell is made from the same."""
    bound = plan(STEPS + "second: {kind: redrawn, of: first, seed: {axis: replicate}}")
    by_hand = plan(STEPS + 'second: {kind: redrawn, of: "first[replicate=3]", seed: 3}')
    own = [node.params for node in bound.steps()["second"] if node.labels["replicate"] == "3"]
    assert own == [node.params for node in by_hand.steps()["second"]]


@pytest.mark.parametrize(
    ("written", "code", "says"),
    [
        ("{kind: redrawn, of: first, seed: {axis: layer}}", "unknown-axis", "'layer'"),
        (
            "{kind: redrawn, of: first, pool: replicate, seed: {axis: replicate}}",
            "unknown-axis",
            "not every cell",
        ),
        ("{kind: redrawn, of: first, seed: {axis: depth}}", "wrong-value", "'low'"),
        ("{kind: redrawn, of: first, seed: {axis: replicate, scope: x}}", "wrong-value", ""),
    ],
)
def test_what_no_seed_can_follow(wrong: Callable[..., list[Problem]], written: str, code: str, says: str):
    (problem,) = wrong(STEPS + f"second: {written}")
    assert (problem.place.line, problem.code) == (8, code)
    assert says in problem.message
