"""`report`: the page of a study from what is stored, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.terminal import Terminal, process
from tests.cli.test_run import files
from tests.run.lab import Lab


def test_it_writes_what_run_wrote(lab: Lab, ws: Terminal):
    studies = lab.root / "site" / "studies"
    before = files(studies)
    shutil.rmtree(studies)
    said = ws("report", "small.yaml", "--json")
    assert said.code == 0 and said.json["changed"] and Path(said.json["site"]).is_file()
    assert files(studies) == before
    assert not ws("report", "small.yaml", "--json").json["changed"]


def test_it_says_the_verdicts_that_run_says(lab: Lab, ws: Terminal):
    (ran,) = ws("run", "small.yaml", "--json").json["studies"]
    told = ws("report", "small.yaml", "--json").json
    assert told["verdicts"] == ran["verdicts"] and told["checks"] == ran["checks"]


def test_a_study_is_found_by_its_id_among_the_experiments(lab: Lab, ws: Terminal):
    folder = lab.root / "experiments"
    folder.mkdir()
    for name in ("small.yaml", "claims.jsonl", "STUDY.lock"):
        shutil.copy(lab.root / name, folder / name)
    assert "index.md" in ws("report", "small").err
    nothing = ws("report", "smal")
    assert nothing.code == 3 and "small" in nothing.err


def test_what_is_missing_is_named_and_nothing_is_made(lab: Lab, ws: Terminal):
    claims = lab.root / "claims.jsonl"
    claims.write_text(claims.read_text().replace("2 + 3 = 5", "2 + 4 = 6"))
    before = sorted(lab.project.registry.rglob("*.json"))
    said = ws("report", "small.yaml")
    assert said.code == 3
    assert "cells are not stored" in said.err and "\n  claims\n" in said.err
    assert "ws-dsl run small.yaml" in said.err
    assert sorted(lab.project.registry.rglob("*.json")) == before


def test_a_page_that_is_there_is_left_without_opening_anything_heavy(lab: Lab, ws: Terminal):
    assert ws("report", "small.yaml").code == 0
    code = """
import sys
from ws_dsl.cli.main import app
app(["report", "small.yaml", "--json"], standalone_mode=False)
print([name for name in ("numpy", "pyarrow", "torch", "matplotlib", "jinja2") if name in sys.modules])
"""
    warm = process(lab, code)
    out, err = warm.communicate()
    assert warm.returncode == 0, err
    assert out.splitlines()[-1] == "[]"
