"""The steering studies in tests: their plans, and copies of the project in which they run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab
from ws_dsl.organism import folder as weights
from ws_dsl.plan.plan import Plan
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.specs.source import read

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def planned(name: str, folder: Path) -> Plan:
    """The plan of a study as it is in the repository, with nothing made."""
    session = Session(Project(EXPERIMENTS.parent, folder, folder / "site"))
    return session.open(EXPERIMENTS / f"{name}.yaml").plan


def labels(plan: Plan, reference: str, axis: str) -> list[str]:
    """The labels on an axis of what a reference names, in order."""
    entries = plan.view(reference)[0].entries
    return list(dict.fromkeys(entry.labels[axis] for entry in entries if axis in entry.labels))


def splits(plan: Plan, reference: str) -> set[str]:
    """The parts of the rows that cells rest on."""
    behind = [node.rows_from for _, node in plan.view(reference)[0].entries if node is not None]
    return {node.made["split"] for node in behind if node is not None and "split" in node.made}


def copied(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in a copy of the project that reaches neither the Hub nor a cache of it."""
    shutil.copytree(EXPERIMENTS, root / "experiments")
    (root / "ws-dsl.toml").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(root / "hub"))
    return Terminal(Lab(root), monkeypatch, capsys)


def smaller(ws: Terminal, name: str, keep: Iterable[str], changed: Mapping[str, Any]) -> str:
    """Writes a study that has some steps of another, and those rules that can be read from them.

    Returns:
        Its path, for the command line.
    """
    parent = ws.lab.root / f"experiments/{name}.yaml"
    written: Any = read(parent).data
    steps: dict[str, Any] = dict.fromkeys(set(written["steps"]) - set(keep))
    rules = {
        rule: None
        for rule, spec in written["rules"].items()
        if not {text.split("[")[0] for text in spec["read"].values()} <= set(keep)
    }
    study = {
        "extends": parent.name,
        "id": f"{written['id']}-small",
        "steps": {**steps, **changed},
        "checks": None,
        "rules": rules,
        "report": None,
    }
    path = parent.with_name(f"{name}_small.yaml")
    path.write_text(json.dumps(study), encoding="utf-8")
    return f"experiments/{path.name}"


def forgetful(folder: Path) -> Path:
    """The embedded model's files with random weights: it reads and writes, and knows nothing."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(weights("qwen3"), folder)
    file, stream = folder / "model.safetensors", torch.Generator().manual_seed(0)
    drawn = {
        name: tensor.float().std() * torch.randn(tensor.shape, generator=stream)
        if tensor.ndim > 1
        else tensor
        for name, tensor in load_file(file).items()
    }
    save_file(drawn, file, metadata={"format": "pt"})
    return folder


def verdicts(ws: Terminal, *words: str) -> dict[str, str]:
    """What the rules of a study say when it is run."""
    said = ws("run", "--json", *words)
    assert said.code == 0, said.err
    (study,) = said.json["studies"]
    return {one["rule"]: one["verdict"] for one in study["verdicts"]}
