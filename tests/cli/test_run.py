"""`run`: what it says, what it leaves, how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal, process
from tests.run.lab import Lab, small
from tests.run.test_faults import flip
from ws_dsl.registry import Store

HEAVY = [
    "numpy",
    "pyarrow",
    "lancedb",
    "torch",
    "transformers",
    "matplotlib",
    "markdown_it",
    "rich",
    "scipy",
    "jinja2",
]


def files(folder: Path) -> dict[str, bytes]:
    """What is committed of a site: run.json holds times and is not."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def failing() -> dict[str, Any]:
    study = small()
    study["checks"] = {"impossible": {"kind": "holds", "of": "shift", "when": {"all_mean_gt": 1000}}}
    return study


def test_warm_commands_execute_nothing_and_import_nothing_heavy(lab: Lab, ws: Terminal):
    assert ws("run", "small.yaml").code == 0
    code = f"""
import sys
from ws_dsl.cli.main import app
for words in (["run", "small.yaml", "--json"], ["check", "small.yaml"], ["plan", "small.yaml"]):
    app(words, standalone_mode=False)
print([name for name in {HEAVY} if name in sys.modules])
"""
    warm = process(lab, code)
    out, err = warm.communicate()
    assert warm.returncode == 0, err
    report, rest = json.JSONDecoder().raw_decode(out), out.splitlines()
    assert report[0]["studies"][0]["made"] == 0
    assert rest[-1] == "[]"
    assert "cells cached" in err


def test_a_warm_run_writes_nothing(lab: Lab, ws: Terminal):
    """But for the lease that it holds while it goes on, which keeps what it reads from being collected."""

    def times() -> dict[Path, int]:
        passing = ("sqlite", "leases")
        kept = [path for path in lab.root.rglob("*") if not any(word in path.name for word in passing)]
        return {path: path.stat().st_mtime_ns for path in kept}

    assert ws("run", "small.yaml").code == 0
    before = times()
    assert ws("run", "small.yaml").code == 0
    assert times() == before
    assert [path for path in (lab.root / "registry" / "leases").rglob("*") if path.is_file()] == []


def test_a_rerun_from_an_empty_store_leaves_the_committed_files_as_they_are(
    lab: Lab, tmp_path: Path, ws: Terminal
):
    before, lock = files(lab.root / "site" / "studies"), (lab.root / "STUDY.lock").read_bytes()
    again = ws("run", "small.yaml", "--registry", str(tmp_path / "fresh"))
    assert again.code == 0 and "0 cached" in again.err
    assert files(lab.root / "site" / "studies") == before
    assert (lab.root / "STUDY.lock").read_bytes() == lock


def test_a_failing_check_fails_the_run_and_shows_on_its_page(lab: Lab, ws: Terminal):
    lab.study(failing())
    said = ws("run", "small.yaml", "--json")
    outcomes = {check["check"]: check["outcome"] for check in said.json["studies"][0]["checks"]}
    assert (said.code, outcomes["impossible"]) == (1, "failed")
    page = (lab.root / "site/studies/small/index.md").read_text(encoding="utf-8")
    assert page.index("Failed check") < page.index("Shifts by row")
    assert "all_mean_gt 1000" in page
    again = ws("run", "small.yaml")
    assert again.code == 1 and "failed: impossible" in again.err


def test_a_warning_does_not_fail_the_run(lab: Lab, ws: Terminal):
    study = failing()
    study["checks"]["impossible"]["severity"] = "warn"
    lab.study(study)
    said = ws("run", "small.yaml")
    assert said.code == 0 and "warned: impossible" in said.err


@pytest.mark.parametrize(
    ("bound", "verdict"), [(-1000, "supported"), (1000, "undecided")], ids=["case", "otherwise"]
)
def test_the_first_case_that_holds_decides(lab: Lab, ws: Terminal, bound: float, verdict: str):
    study = small()
    study["rules"]["moves"]["first"][0]["when"] = {"shift": {"mean_gt": bound}}
    lab.study(study)
    (found,) = ws("run", "small.yaml", "--json").json["studies"][0]["verdicts"]
    assert found["verdict"] == verdict
    words = found["claim"].rstrip(".")
    assert words in (lab.root / "site/studies/small/index.md").read_text(encoding="utf-8")


def test_a_rule_that_reads_what_its_estimate_does_not_have(lab: Lab, ws: Terminal):
    study = small()
    study["rules"]["moves"]["first"][0]["when"] = {"shift": {"kurtosis_gt": 0}}
    lab.study(study)
    said = ws("run", "small.yaml")
    assert said.code in (1, 2) and "kurtosis" in said.err and "mean" in said.err
    assert "Traceback" not in said.err


def test_a_study_that_returns_to_what_it_was_is_the_latest(lab: Lab, ws: Terminal):
    """A, B, A: what `plan`, `why` and `ls` compare with is the last run, not the last new one."""
    store = Store(lab.project.registry)
    first = store.catalogue.previous("small", "named", {"site": "neuron"})
    changed = small()
    changed["steps"]["named"]["over"]["sites as site"]["neuron"] = ["L2N7"]
    for study in (changed, small()):
        lab.study(study)
        assert ws("run", "small.yaml").code == 0
    assert store.catalogue.previous("small", "named", {"site": "neuron"}) == first
    assert len(store.catalogue.runs("small")) == 3
    assert ws("run", "small.yaml").code == 0
    assert len(store.catalogue.runs("small")) == 3


def test_a_read_only_store_with_everything_in_it_still_reports(
    lab: Lab, ws: Terminal, monkeypatch: pytest.MonkeyPatch
):
    page = files(lab.root / "site" / "studies")
    for path in (lab.root / "site").rglob("*"):
        if path.is_file():
            path.unlink()

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("ws_dsl.registry.commit.attempt", refuse)
    assert ws("run", "small.yaml").code == 0
    assert files(lab.root / "site" / "studies") == page
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["late"] = ["L3N9"]
    lab.study(study)
    said = ws("run", "small.yaml")
    assert said.code == 1 and "cannot be written" in said.err and "Traceback" not in said.err


@pytest.mark.parametrize("step", ["shift", "check/pmass"])
def test_damage_met_while_the_page_is_made(lab: Lab, ws: Terminal, step: str):
    """Everything is cached, a title is edited, and what the page reads is damaged."""
    store, study = Store(lab.project.registry), small()
    _, opened = lab.open(study)
    node = next(node for node in opened.plan.nodes if node.step == step)
    manifest = store.manifest(opened.state.keys[node])
    assert manifest is not None
    flip(store.layout.object(next(iter(manifest.files.values())).sha256))
    study["question"] = "Does pressure move it?"
    lab.study(study)
    said = ws("run", "small.yaml", "--json")
    assert said.code == 0 and f"note: {node}: the stored bytes are damaged; set aside" in said.err
    assert said.json["studies"][0]["made"] == 1
    assert ws("verify").code == 0


def test_a_damaged_page_is_rendered_anew(lab: Lab, ws: Terminal):
    store, page = Store(lab.project.registry), files(lab.root / "site" / "studies")
    manifest = store.manifest(store.catalogue.runs("small")[0].key)
    assert manifest is not None
    for name in ("study.json", "index.md"):
        flip(store.layout.object(manifest.files[name].sha256))
    said = ws("run", "small.yaml")
    assert said.code == 0 and "page is damaged; set aside" in said.err
    assert files(lab.root / "site" / "studies") == page
    assert ws("verify").code == 0


def test_one_model_in_the_place_of_another(lab: Lab, ws: Terminal, tmp_path: Path):
    from tests.checkpoints import build
    from tests.run.lab import CLAIMS

    build(tmp_path / "checkpoint", "qwen3", layers=4)
    said = ws("run", "small.yaml", "--model", str(tmp_path / "checkpoint"))
    assert said.code == 2 and "wrong-world" in said.err
    lab.data([claim | {"world": "real"} for claim in CLAIMS])
    lock = (lab.root / "STUDY.lock").read_bytes()
    said = ws("run", "small.yaml", "--model", str(tmp_path / "checkpoint"), "--json")
    (study,) = said.json["studies"]
    assert study["rows"] > 0 and said.code in (0, 1)
    assert (lab.root / "STUDY.lock").read_bytes() == lock
