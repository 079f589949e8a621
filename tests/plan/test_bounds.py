"""A study that means too much is refused before it is written out."""

from __future__ import annotations

import pytest

from ws_dsl.plan import evaluator, relation, variants

ROWS = "a: {kind: items, over: {count: [1, 2, 3, 4]}}\nb: {kind: items, over: {weight: [1, 2, 3, 4]}}\n"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of ten cells, so that the tests are small."""
    for module in (relation, variants, evaluator):
        monkeypatch.setattr(module, "MOST_CELLS", 10)


def test_axes_that_a_step_crosses(plan, wrong):
    assert len(plan("s: {kind: items, over: {count: [1, 2, 3], weight: [1, 2, 3]}}").nodes) == 1 + 9
    (problem,) = wrong("s: {kind: items, over: {count: [1, 2, 3], weight: [1, 2, 3, 4]}}")
    assert (problem.code, problem.subject) == ("too-large", "steps.s.over.weight")


def test_axes_that_cross_in_a_join(wrong):
    (problem,) = wrong(ROWS + "p: {kind: push, source: a}\ns: {kind: score, of: b, arm: p}")
    assert (problem.code, problem.subject) == ("too-large", "steps.s.arm")
    assert "more than 10 cells" in problem.message


def test_steps_that_are_many_together(wrong):
    steps = "".join(
        f"s{place}: {{kind: items, over: {{count: [1, 2, 3, 4, 5, 6, 7, 8]}}}}\n" for place in range(9)
    )
    assert {problem.code for problem in wrong(steps)} == {"too-large"}


def test_a_hundred_axes_of_two_labels(wrong):
    over = ", ".join(f"count as a{place}: [1, 2]" for place in range(100))
    (problem,) = wrong(f"s: {{kind: items, over: {{{over}}}}}")
    assert problem.code == "too-large"
