"""The first report's question on the model that it was asked of, which is not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.checkpoints import build
from tests.cli.terminal import Terminal
from tests.run.lab import Lab

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STUDY = "experiments/real/pressure_agreeing_qwen.yaml"


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in a copy of the project that reaches neither the Hub nor a cache of it."""
    for name in ("data/claims_real.jsonl", "real/pressure_agreeing_qwen.yaml", "real/STUDY.lock"):
        (tmp_path / "experiments" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(EXPERIMENTS / name, tmp_path / "experiments" / name)
    (tmp_path / "ws-dsl.toml").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Terminal(Lab(tmp_path), monkeypatch, capsys)


def test_it_has_no_mistakes_without_its_model(ws: Terminal) -> None:
    said = ws("check", STUDY)
    assert said.code == 0 and "no mistakes" in said.out


def test_a_dry_run_tells_what_waits_for_the_model(ws: Terminal) -> None:
    (study,) = ws("run", "--dry-run", "--json", STUDY).json["studies"]
    steps = {step["step"]: step["cells"] for step in study["steps"]}
    assert steps["claims"] == {"new": 1} and steps["model"] == steps["neuron"] == {"waiting": 1}
    assert not ws.lab.project.registry.exists()
    assert all(step["read"] for step in study["steps"])


def test_its_rules_are_registered(ws: Terminal) -> None:
    said = ws("lock", STUDY)
    assert said.code == 0 and "registered already" in said.err


def test_a_registration_stands_when_the_model_arrives(ws: Terminal) -> None:
    """The revision is registered, so fetching its files changes nothing; other claims do."""
    from tests.steps.data.test_hf_model_hub import REVISION

    study = ws.lab.root / STUDY
    text = study.read_text(encoding="utf-8")
    for site, small in {"L21N1876": "L1N7", "L19H2": "L1H2"}.items():
        text = text.replace(f"[{site}", f"[{small}").replace(f", {site}", f", {small}")
    pinned = "Qwen/Qwen1.5-0.5B-Chat, revision: 4d14e384a4b037942bb3f3016665157c8bcb70ea"
    study.write_text(text.replace(pinned, f"someone/tiny, revision: {REVISION}"), encoding="utf-8")
    assert "registered 20" in ws("lock", STUDY).err
    build(ws.lab.root / "hub" / "models--someone--tiny" / "snapshots" / REVISION, "qwen2", layers=2)
    assert "registered already" in ws("lock", STUDY).err
    data = ws.lab.root / "experiments/data/claims_real.jsonl"
    data.write_text(data.read_text(encoding="utf-8").replace("12 plus 7", "13 plus 6"), encoding="utf-8")
    assert "registered 20" in ws("lock", STUDY).err


def test_it_runs_on_a_small_checkpoint_with_components_that_it_has(ws: Terminal) -> None:
    build(ws.lab.root / "small", "qwen2", layers=2)
    study = ws.lab.root / STUDY
    text = study.read_text(encoding="utf-8").replace("L21N1876", "L1N7").replace("L19H2", "L1H2")
    study.write_text(text, encoding="utf-8")
    said = ws("run", STUDY, "--model", "small", "--json")
    (ran,) = said.json["studies"]
    failed = {check["check"] for check in ran["checks"] if check["outcome"] == "failed"}
    # A random model gives no mass to Yes and No, and the study says so.
    assert (said.code, failed) == (1, {"pmass"})
    assert {verdict["rule"] for verdict in ran["verdicts"]} == {"one_neuron_dominates"}
    folder = ws.lab.root / "site/studies/pressure-agreeing-qwen"
    assert {path.stem for path in (folder / "figures").glob("*.svg")} == {"residual", "removed", "truth"}
    assert json.loads((folder / "run.json").read_text())["rows"] > 0


def test_components_that_the_model_lacks_are_told_by_line(ws: Terminal) -> None:
    build(ws.lab.root / "small", "qwen2", layers=2)
    said = ws("check", STUDY, "--model", "small")
    assert said.code == 2 and "unknown-site" in said.err and "Traceback" not in said.err
