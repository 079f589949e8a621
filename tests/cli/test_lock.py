"""Registration: rules written down before results, and what is left of it when something changes."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import CLAIMS, Lab, small


@pytest.fixture
def fresh(empty: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in a project without any results."""
    return Terminal(empty, monkeypatch, capsys)


@pytest.fixture
def locked(ws: Terminal, lab: Lab) -> Terminal:
    """A study locked before its results: they are taken away, it is locked, and they are put back."""
    (lab.root / "STUDY.lock").unlink()
    lab.project.registry.rename(lab.root / "later")
    assert ws("lock", "small.yaml").code == 0
    shutil.rmtree(lab.project.registry, ignore_errors=True)
    (lab.root / "later").rename(lab.project.registry)
    return ws


def registered(ws: Terminal) -> str | None:
    said = ws("run", "small.yaml", "--json")
    assert said.code == 0
    (verdict,) = said.json["studies"][0]["verdicts"]
    page = (ws.lab.root / "site/studies/small/index.md").read_text(encoding="utf-8")
    assert ("*post hoc*" in page) == (verdict["registered"] is None)
    return verdict["registered"]


def lines(lab: Lab) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (lab.root / "STUDY.lock").read_text().splitlines()]


def changed(lab: Lab, bound: float = 0.5) -> None:
    study = small()
    study["rules"]["moves"]["first"][0]["when"] = {"shift": {"mean.low_gt": bound}}
    lab.study(study)


def test_without_a_lock_it_is_post_hoc(ws: Terminal):
    assert registered(ws) is None


def test_locked_before_results(locked: Terminal, lab: Lab):
    date = lines(lab)[0]["registered"]
    assert registered(locked) == date
    page = (lab.root / "site/studies/small/index.md").read_text(encoding="utf-8")
    assert date in page
    said = locked("lock", "small.yaml")
    assert said.code == 0 and "registered already" in said.err


def test_a_rule_changed_later_is_post_hoc_and_the_old_one_is_not(locked: Terminal, lab: Lab):
    date = registered(locked)
    changed(lab)
    assert registered(locked) is None
    assert "stay post hoc" in locked("lock", "small.yaml").err
    assert registered(locked) is None
    lab.study(small())
    assert registered(locked) == date


def test_locked_after_results_stays_post_hoc(ws: Terminal):
    said = ws("lock", "small.yaml")
    assert said.code == 0 and "stay post hoc" in said.err
    assert registered(ws) is None


def test_post_hoc_survives_a_new_store(ws: Terminal, lab: Lab):
    """The first results are in the lock file, which is committed."""
    assert [set(line) for line in lines(lab)] == [{"study", "results_on", "estimates"}]
    shutil.rmtree(lab.project.registry)
    assert "stay post hoc" in ws("lock", "small.yaml").err
    changed(lab)
    assert "stay post hoc" in ws("lock", "small.yaml").err


def test_a_deleted_lock_file_is_post_hoc(locked: Terminal, lab: Lab):
    assert registered(locked) is not None
    (lab.root / "STUDY.lock").unlink()
    assert registered(locked) is None
    assert "stay post hoc" in locked("lock", "small.yaml").err


def test_other_data_or_other_fields_are_not_what_was_registered(locked: Terminal, lab: Lab):
    study = small()
    study["steps"]["score"]["tokens"]["plus"].append(" yes")
    lab.study(study)
    assert registered(locked) is None
    lab.study(small())
    lab.data(CLAIMS[:-1])
    assert registered(locked) is None


def test_names_titles_and_unread_steps_are_free(locked: Terminal, lab: Lab):
    study = small()
    text = json.dumps(study["steps"]).replace('"delta"', '"moved"')
    study["steps"] = json.loads(text) | {"natural": {"kind": "next_token", "prompts": "prompts"}}
    study["question"] = "Does it move?"
    study["report"] = {}
    lab.study(study)
    assert registered(locked) is not None


def test_a_lock_file_written_by_hand_is_told_by_line(fresh: Terminal, empty: Lab):
    (empty.root / "STUDY.lock").write_text('{"study": "small", "registered": "yesterday"}\n')
    said = fresh("lock", "small.yaml")
    assert said.code == 2 and "STUDY.lock:1" in said.err and "Traceback" not in said.err
