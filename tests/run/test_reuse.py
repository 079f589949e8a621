"""What is computed again, and what is not: counted in cells and in rows that go through a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints import build
from tests.run.lab import CLAIMS, Lab, Ran, small
from ws_dsl.plan import environment


def paraphrases(study: dict[str, Any]) -> dict[str, str]:
    return study["steps"]["prompts"]["over"]["condition"]["pressure"]["over"]["text as paraphrase"]


def sites(study: dict[str, Any]) -> dict[str, list[str]]:
    return study["steps"]["named"]["over"]["sites as site"]


def renamed(study: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The same study under other words: every quoted or bracketed occurrence is replaced."""
    text = json.dumps(study)
    for old, new in names.items():
        for before, after in (('"', '"'), ('"', "["), ("[", "="), (" ", "="), ("=", "]"), ("=", ",")):
            text = text.replace(f"{before}{old}{after}", f"{before}{new}{after}")
    return json.loads(text)


def test_a_second_run_makes_nothing(warm: Lab):
    again = warm.run()
    assert (again.made, again.rows) == (set(), 0)


def test_another_study_with_other_names_and_tokens_runs_no_forward_pass(warm: Lab):
    study = renamed(small(), {"named": "held", "score": "leaning", "claims": "said"})
    study["id"] = "other"
    study["steps"]["leaning"]["tokens"] = {"plus": [" yes"], "minus": [" no"]}
    study["steps"]["next"] = {"kind": "next_token", "prompts": "prompts", "top": 2}
    other = warm.run(study)
    assert other.rows == 0
    assert {cell.partition("[")[0] for cell in other.computed} == {"leaning", "delta", "shift", "next"}


def test_names_and_presentation_recompute_nothing(warm: Lab):
    study = renamed(small(), {"score": "leaning", "found": "held", "site": "part", "boss": "manager"})
    assert "leaning" in study["steps"] and "sites as part" not in json.dumps(small())
    study["question"] = "Quite another question?"
    study["report"]["figures"]["shift"] |= {"alt": "Other words", "title": "Other title"}
    study["rules"]["moves"]["otherwise"]["claim"] = "Other words."
    study["steps"] = dict(reversed(study["steps"].items()))
    again = warm.run(study)
    assert (again.made, again.rows) == (set(), 0)


def test_a_changed_paraphrase_recomputes_its_own_cells(finished: tuple[Lab, Ran], warm: Lab):
    study = small()
    paraphrases(study)["boss"] += " surely"
    again = warm.run(study)
    assert again.computed and all("paraphrase=boss" in cell for cell in again.computed)
    assert again.computed == {cell for cell in cells(again) if "paraphrase=boss" in cell}
    assert 0 < again.rows < finished[1].rows


def test_an_added_site_computes_that_site(finished: tuple[Lab, Ran], warm: Lab):
    study = small()
    sites(study)["late"] = ["L3N9"]
    again = warm.run(study)
    assert again.computed == {cell for cell in cells(again) if "site=late" in cell}
    assert 0 < again.rows < finished[1].rows


def cells(ran: Ran) -> set[str]:
    return {str(node) for node in ran.opened.plan.nodes if not node.step.startswith("check/")}


def test_data_written_otherwise_stop_at_the_rows(warm: Lab):
    warm.data([dict(reversed(claim.items())) for claim in CLAIMS], separators=(",", ":"))
    again = warm.run()
    assert (again.made, again.rows) == ({"claims"}, 0)


def test_changed_data_are_measured_again(warm: Lab):
    warm.data([claim | {"claim": claim["claim"].replace("2 + 3", "3 + 2")} for claim in CLAIMS])
    assert warm.run().rows > 0


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, dict[str, Any]]:
    """A checkpoint in a folder, measured."""
    lab = Lab(tmp_path_factory.mktemp("real"))
    build(lab.root / "checkpoint", "llama", layers=2)
    lab.data([claim | {"world": "real"} for claim in CLAIMS])
    study = small() | {"id": "real", "model": {"kind": "hf_model", "path": "checkpoint"}}
    del study["steps"]["ranked"], study["steps"]["found"]
    study["steps"]["score"]["over"]["arm"] = ["none", "named"]
    study["steps"]["score"]["except"] = [{"condition": "neutral", "arm": "named"}]
    assert lab.run(study).rows > 0
    return lab, study


def test_a_moved_checkpoint_is_the_same_model(real: tuple[Lab, dict[str, Any]], tmp_path: Path):
    shutil.copytree(real[0].root, tmp_path / "lab")
    lab, study = Lab(tmp_path / "lab"), json.loads(json.dumps(real[1]))
    (lab.root / "checkpoint").rename(lab.root / "elsewhere")
    study["model"]["path"] = "elsewhere"
    again = lab.run(study)
    assert (again.made, again.rows) == (set(), 0)


def test_another_precision_is_another_measurement(real: tuple[Lab, dict[str, Any]], tmp_path: Path):
    shutil.copytree(real[0].root, tmp_path / "lab")
    lab, study = Lab(tmp_path / "lab"), json.loads(json.dumps(real[1]))
    study["model"]["dtype"] = "bfloat16"
    again = lab.run(study)
    assert {cell.partition("[")[0] for cell in again.computed} >= {"model", "named", "score/states", "score"}


def test_another_torch_is_another_environment(warm: Lab, monkeypatch: pytest.MonkeyPatch):
    now = environment.current()
    monkeypatch.setattr("ws_dsl.run.session.current", lambda device="cpu": now._replace(torch="9.9"))
    _, opened = warm.open()
    stale = {node.step for node in opened.plan.nodes if opened.state.status(node) == "new"}
    assert stale == {"ranked", "named", "score/states"}
