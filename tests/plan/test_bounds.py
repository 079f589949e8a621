"""A study that means too much is refused before it is written out."""

from __future__ import annotations

import pytest

from ws_dsl.errors import SpecError
from ws_dsl.plan import evaluator, relation, variants
from ws_dsl.plan.planner import make_plan
from ws_dsl.specs.source import read

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


LONG = "x" * 65


def test_names_fit_into_names_of_files(wrong, write):
    steps = f"{LONG}: {{kind: items}}\n{LONG[1:]}: {{kind: items}}"
    (problem,) = wrong(steps)
    assert problem.code == "wrong-value" and "at most 64 characters" in problem.message
    rest = f"report: {{figures: {{{LONG}: {{kind: ecdf, of: a, alt: a}}}}, tables: {{{LONG}: {{of: a}}}}}}\n"
    found = wrong("a: {kind: items}", rest)
    assert sorted({problem.subject.split(".")[1] for problem in found}) == ["figures", "tables"]
    study = write("a: {kind: items}")
    study.write_text(study.read_text(encoding="utf-8").replace("id: small", f"id: {LONG}"), encoding="utf-8")
    with pytest.raises(SpecError, match="at most 64 characters"):
        make_plan(read(study))


@pytest.mark.parametrize("label", ["x" * 101, "a\\0b", "a\\tb", "a\\x7fb"])
def test_labels_can_be_shown(wrong, label):
    (problem,) = wrong(f's: {{kind: items, over: {{count: {{"{label}": 1}}}}}}')
    assert problem.code == "no-label"
