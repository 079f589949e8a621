"""`gc` and `tag`: dry unless asked, the same list, and the studies' results untouched."""

from __future__ import annotations

import pytest

from tests.cli.terminal import Terminal
from tests.cli.test_run import files
from tests.run.lab import Lab, small
from ws_dsl.registry import Store


@pytest.fixture
def changed(ws: Terminal, lab: Lab) -> Lab:
    """The study, run again with another neuron."""
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["neuron"] = ["L2N7"]
    lab.study(study)
    assert ws("run", "small.yaml").code == 0
    return lab


def artifacts(lab: Lab) -> set[str]:
    return {entry.key for entry in Store(lab.project.registry).catalogue.artifacts()}


def test_nothing_of_a_latest_run_goes(ws: Terminal, lab: Lab):
    before = artifacts(lab)
    said = ws("gc", "--apply", "--grace", "0")
    assert said.code == 0 and said.out.startswith("removed: 0 artifacts, 0 B in all")
    assert artifacts(lab) == before


def test_the_older_run_goes_and_the_latest_is_still_cached(ws: Terminal, changed: Lab):
    before, site = artifacts(changed), files(changed.root / "site")
    dry = ws("gc", "--json").json
    assert artifacts(changed) == before and not dry["applied"]
    said = ws("gc")
    assert "of small, run of" in said.out and "--apply" in said.err
    real = ws("gc", "--apply", "--json").json
    assert real["rubbish"] == dry["rubbish"] and real["applied"]
    gone = {one["name"] for one in real["rubbish"] if one["what"] == "artifact"}
    assert gone and artifacts(changed) == before - gone
    assert ws("verify", "--deep").out == ""
    again = ws("run", "small.yaml", "--json").json
    assert again["studies"][0]["made"] == 0 and files(changed.root / "site") == site
    assert ws("gc").out.startswith("would remove: 0 artifacts")


def test_a_tagged_run_keeps_its_cells(ws: Terminal, lab: Lab):
    before = artifacts(lab)
    assert ws("tag", "paper-v1", "small").code == 0
    assert "run of small" in ws("tag").out
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["neuron"] = ["L2N7"]
    lab.study(study)
    assert ws("run", "small.yaml").code == 0
    assert ws("gc", "--apply", "--grace", "0").out.startswith("removed: 0 artifacts")
    assert artifacts(lab) >= before
    assert ws("tag", "--delete", "paper-v1").code == 0
    assert ws("gc", "--apply", "--json").json["rubbish"]
    assert not artifacts(lab) >= before


def test_a_forgotten_study_goes_altogether(ws: Terminal, lab: Lab):
    assert ws("gc", "--apply", "--forget", "small", "--grace", "0").code == 0
    assert artifacts(lab) == set()
    assert ws("run", "small.yaml").code == 0
    assert ws("gc", "--forget", "large").code == 3


def test_tags_of_what_does_not_exist(ws: Terminal):
    assert ws("tag", "x", "nothing").code == 2
    assert ws("tag", "x", "abcdef0123").code == 3
    assert ws("tag", "--delete", "x").code == 3
    assert ws("tag", "x").code == 2
    assert ws("tag", "--json").json["tags"] == []
