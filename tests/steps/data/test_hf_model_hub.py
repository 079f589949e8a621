"""A Hub model is its files: found in the cache offline, one artifact with the same files in a folder."""

# ruff: noqa: E501 (studies as they are written)

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests import checkpoints
from ws_dsl.errors import ModelError, SpecError
from ws_dsl.run.execute import execute
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session

REVISION = "0123456789abcdef0123456789abcdef01234567"
STUDY = """\
ws: 1
id: hub
question: Is it the same model?
model: {kind: hf_model, repo: someone/tiny, revision: %s}
steps:
  copy: {kind: hf_model, path: tiny}
  claims: {kind: dataset, path: claims.jsonl, key: id, columns: {claim: text}}
  prompts: {kind: prompts, rows: claims, text: "Is it true that {{claim}}?", over: {model as source: [model, copy]}}
"""


class Quiet:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def step(self, name: str, kind: str, missing: int, total: int) -> None: ...
    def cells(self, count: int, size: int) -> None: ...
    def rows(self, count: int) -> None: ...
    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    checkpoints.build(tmp_path / "tiny", "qwen3", seed=1)
    (tmp_path / "claims.jsonl").write_text(json.dumps({"id": "1", "claim": "iron is heavy"}) + "\n")
    (tmp_path / "study.yaml").write_text(STUDY % REVISION)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Project(tmp_path, tmp_path / "registry", tmp_path / "site")


def test_files_in_the_cache_are_the_model(project: Project) -> None:
    snapshot = project.root / "hub" / "models--someone--tiny" / "snapshots" / REVISION
    shutil.copytree(project.root / "tiny", snapshot)
    session = Session(project)
    opened = session.open(project.root / "study.yaml")
    progress = Quiet()
    execute(opened.plan, opened.state, session.store, progress)
    assert progress.notes == []
    keys = {node.step: opened.state.keys[node] for node in opened.plan.nodes}
    assert keys["model"] == keys["copy"]
    prompts = [opened.state.digests[node] for node in opened.plan.nodes if node.step == "prompts"]
    assert len(set(prompts)) == 1


def test_files_that_are_out_of_reach_are_one_clear_message(project: Project) -> None:
    session = Session(project)
    opened = session.open(project.root / "study.yaml")
    statuses = {str(node): opened.state.status(node) for node in opened.plan.nodes}
    assert statuses["model"] == "waiting"
    with pytest.raises(ModelError, match="someone/tiny is not in the Hugging Face cache"):
        execute(opened.plan, opened.state, session.store, Quiet())


@pytest.mark.parametrize("change", [f", revision: {REVISION}", "repo: someone/tiny, revision: main"])
def test_a_revision_is_a_commit(project: Project, change: str) -> None:
    study = project.root / "study.yaml"
    before = change if change.startswith(",") else f"repo: someone/tiny, revision: {REVISION}"
    study.write_text((STUDY % REVISION).replace(before, "" if change.startswith(",") else change))
    with pytest.raises(SpecError) as caught:
        Session(project).open(study)
    assert caught.value.problems[0].place.line == 4
