from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import CLAIMS, Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.specs.kind import Gathered
from ws_dsl.specs.kinds import find
from ws_dsl.steps.check.sign_declared import SignDeclared


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.data([{**claim, "truth": 1 if claim["label"] else -1} for claim in CLAIMS])
    return lab


def signed(prompts: dict[str, Any] | None = None, **steps: dict[str, Any]) -> dict[str, Any]:
    """The small study over rows that have a sign."""
    study = small()
    study["steps"]["claims"]["columns"]["truth"] = "sign"
    study["steps"]["prompts"] |= prompts or {}
    study["steps"] |= steps
    return study


def gathered(lab: Lab, study: dict[str, Any]) -> Gathered | None:
    return SignDeclared.gather(lab.open(study)[1].plan.nodes)


def test_what_was_gathered_is_told():
    found = finding("sign_declared", {"scored": [Given(None)] * 2}, columns=[["truth"], ["truth", "yes"]])
    assert not found.holds and found.at == [("scored", 0), ("scored", 1)]
    assert "2 cells are scored without a sign of their rows (truth, yes)" in found.detail
    assert find("sign_declared").spec.severity == "warn"  # pyright: ignore


def test_rows_with_a_sign_that_nothing_reads(lab: Lab):
    found = gathered(lab, signed())
    assert found is not None
    assert {edge.node.step for edge in found.inputs["scored"]} == {"score"}
    assert found.settings["columns"] == [["truth"]] * len(found.inputs["scored"])


@pytest.mark.parametrize("sign", ["truth", 1])
def test_a_sign_that_is_declared(lab: Lab, sign: str | int):
    assert gathered(lab, signed({"sign": sign})) is None


def test_a_sign_that_is_read_later(lab: Lab):
    by_sign = {"kind": "summary", "of": "score", "by": "truth", "stats": ["mean"]}
    found = gathered(lab, signed(by_sign=by_sign))
    assert found is None


def test_the_probability_of_the_answer_of_each_row_needs_no_sign(lab: Lab):
    said = {
        "kind": "answer_distribution",
        "prompts": "answered[condition=neutral]",
        "equals": "truth",
    }
    steps = {
        "answered": {**small()["steps"]["prompts"], "answers": {" Yes": 1, " No": -1}},
        "said": said,
        "right": {"kind": "summary", "of": "said", "stats": ["mean"]},
    }
    study = signed({"sign": "truth"}, **steps)
    assert gathered(lab, study) is None
    del study["steps"]["said"]["equals"]
    assert gathered(lab, study) is not None


def test_rows_without_a_sign(lab: Lab):
    assert gathered(lab, small()) is None


def test_scores_that_are_shown_alone(lab: Lab):
    """Nothing is claimed of them."""
    study = signed()
    for step in ("delta", "shift"):
        del study["steps"][step]
    assert gathered(lab, {**study, "rules": {}, "report": {}}) is None


def test_the_study_is_told_and_goes_on(lab: Lab):
    _, opened = lab.open(signed())
    (check,) = [one for one in opened.plan.checks if one.name == "sign_declared"]
    assert check.severity == "warn"
    assert not [one for one in lab.open(small())[1].plan.checks if one.name == "sign_declared"]
