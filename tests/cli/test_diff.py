"""`diff`: what was changed is the cause, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab, small
from ws_dsl.registry import Store


def again(lab: Lab, ws: Terminal, study: dict[str, Any]) -> None:
    lab.study(study)
    assert ws("run", "small.yaml").code in (0, 1)


def changed(ws: Terminal, *words: str) -> dict[str, Any]:
    said = ws("diff", *(words or ("small",)), "--json")
    assert said.code == 0, said.err
    return said.json


def runs(lab: Lab) -> list[str]:
    """Keys of all runs, the latest first."""
    return [run.key for run in Store(lab.project.registry).catalogue.runs("small")]


def test_a_single_run_has_nothing_before_it(ws: Terminal):
    said = ws("diff", "small")
    assert said.code == 3 and "no run before" in said.err


def test_a_run_is_what_it_is(lab: Lab, ws: Terminal):
    (key,) = runs(lab)
    told = changed(ws, key[:10], "small")
    assert told["same"] and told["moved"] == told["causes"] == []
    assert "nothing differs" in ws("diff", key[:10], key[:10]).out


def test_a_changed_field_is_the_only_cause(lab: Lab, ws: Terminal):
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["neuron"] = ["L1N4"]
    again(lab, ws, study)
    told = changed(ws)
    assert [cause["cells"] for cause in told["causes"]] == [["named[site=neuron]"]]
    assert "L1N4" in told["causes"][0]["why"][0]
    assert {"score", "delta", "shift"} <= set(told["consequences"])
    assert {moved["cell"] for moved in told["moved"]} <= {
        f"shift[arm=named, paraphrase={p}, site=neuron]" for p in ("sure", "boss")
    }
    assert not told["same"]


def test_a_changed_row_is_shown_with_what_it_said(lab: Lab, ws: Terminal):
    claims = lab.root / "claims.jsonl"
    claims.write_text(claims.read_text().replace("2 + 3 = 5", "7 + 2 = 9"))
    again(lab, ws, small())
    (cause,) = changed(ws)["causes"]
    assert cause["cells"] == ["claims"] and "content of path" in cause["why"][0]
    assert cause["rows"]["changed"] == [
        {"row": "arithmetic-0", "columns": {"claim": ["2 + 3 = 5", "7 + 2 = 9"]}}
    ]
    said = ws("diff", "small").out
    assert "row arithmetic-0: claim 2 + 3 = 5 → 7 + 2 = 9" in said


def test_rows_that_come_and_go_are_named(lab: Lab, ws: Terminal):
    claims = lab.root / "claims.jsonl"
    lines = claims.read_text().splitlines()
    new = json.loads(lines[0]) | {"claim_id": "arithmetic-9"}
    claims.write_text("\n".join([*lines[1:], json.dumps(new)]) + "\n")
    again(lab, ws, small())
    (cause,) = [one for one in changed(ws)["causes"] if one["cells"] == ["claims"]]
    assert (cause["rows"]["added"], cause["rows"]["removed"]) == (["arithmetic-9"], ["arithmetic-0"])


def test_a_rule_that_changed_turns_its_verdict_and_moves_no_number(lab: Lab, ws: Terminal):
    study = small()
    study["rules"]["moves"]["first"][0]["when"]["shift"] = {"mean.low_gt": 1e6}
    again(lab, ws, study)
    told = changed(ws)
    assert told["verdicts"] == [{"name": "moves", "old": "supported", "new": "undecided"}]
    assert told["causes"] == told["moved"] == [] and len(told["rules"]) >= 1
    assert "moves: supported → undecided" in ws("diff", "small").out


def test_a_check_that_fails_now_is_told(lab: Lab, ws: Terminal):
    study = small()
    study["checks"] = {"far": {"kind": "holds", "of": "shift", "when": {"all_mean_gt": 1000}}}
    again(lab, ws, study)
    told = changed(ws)
    assert told["checks"] == [{"name": "far", "old": None, "new": "failed"}]
    assert told["added"] == ["check/far"] and told["removed"] == []


def test_moved_beyond_the_interval_means_outside_of_the_earlier_one(lab: Lab, ws: Terminal):
    study = small()
    study["steps"]["score"]["tokens"] = {"plus": [" No"], "minus": [" Yes"]}
    again(lab, ws, study)
    moved = changed(ws)["moved"]
    assert any(one["beyond"] for one in moved)
    for one in moved:
        if one["beyond"] is not None:
            inside = one["old"]["low"] <= one["new"]["value"] <= one["old"]["high"]
            assert one["beyond"] is not inside
    assert [one["beyond"] is True for one in moved] == sorted(
        (o["beyond"] is True for o in moved), reverse=True
    )


def test_runs_are_compared_in_the_order_in_which_they_are_named(lab: Lab, ws: Terminal):
    study = small()
    study["steps"]["shift"]["stats"] = ["mean"]
    again(lab, ws, study)
    new, old = runs(lab)
    assert changed(ws)["old"]["key"] == changed(ws, old, new)["old"]["key"] == old
    assert changed(ws, new, old)["old"]["key"] == new


@pytest.mark.parametrize("name", ["nothing-at-all", "ffffffffffff"])
def test_what_is_no_run_is_refused(ws: Terminal, name: str):
    assert ws("diff", name).code in (2, 3)


def test_an_artifact_is_no_run(lab: Lab, ws: Terminal):
    cells = json.loads((lab.root / "site" / "studies" / "small" / "study.json").read_text())["cells"]
    said = ws("diff", cells[0]["key"])
    assert said.code == 2 and "no run of a study" in said.err
