"""A checkpoint in a folder: its content is the model, and what cannot be one is told before a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import checkpoints
from ws_dsl.errors import SpecError
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.steps.data.hf_model import HfModel


def key(root: Path, model: str) -> str | None:
    (root / "study.yaml").write_text(
        f"ws: 1\nid: s\nquestion: q\nmodel: {{kind: hf_model, {model}}}\nsteps: {{}}\n", encoding="utf-8"
    )
    opened = Session(Project(root, root / "registry", root / "site")).open(root / "study.yaml")
    return opened.state.keys.get(opened.plan.nodes[0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    checkpoints.build(tmp_path / "tiny", "llama", layers=1)
    return tmp_path


def test_a_moved_folder_is_the_same_model_and_an_edited_one_another(root: Path):
    first = key(root, "path: tiny")
    shutil.copytree(root / "tiny", root / "copy")
    assert key(root, "path: copy") == first
    (root / "copy" / "README.md").write_text("a note", encoding="utf-8")
    assert key(root, "path: copy") == first
    config = root / "copy" / "config.json"
    config.write_text(config.read_text("utf-8").replace("1e-06", "1e-05") + "\n", encoding="utf-8")
    assert key(root, "path: copy") != first
    assert key(root, "path: tiny, dtype: bfloat16") != first


def broken(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


def pickled(folder: Path) -> None:
    for weights in folder.glob("*.safetensors"):
        weights.rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (broken("config.json"), "has no config.json"),
        (broken("tokenizer.json"), "has no tokenizer.json"),
        (broken("model.safetensors"), "has no weights"),
        (pickled, "pickled form"),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_told_at_its_path(root: Path, breaking: Any, message: str):
    breaking(root / "tiny")
    with pytest.raises(SpecError, match=message) as caught:
        key(root, "path: tiny")
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column, problem.code) == (4, 25, "bad-checkpoint")


def test_a_folder_that_is_not_there_is_told(root: Path):
    with pytest.raises(SpecError, match=r"4:25 error\[missing-file\] model.path"):
        key(root, "path: nowhere")


@pytest.mark.parametrize(
    "fields",
    [{}, {"path": "a", "repo": "b", "revision": "0" * 40}, {"repo": "a"}, {"repo": "a", "revision": "main"}],
)
def test_one_source_pinned(fields: dict[str, str]):
    with pytest.raises(ValueError, match="HfModel"):
        HfModel.model_validate(fields)
