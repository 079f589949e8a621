"""The embedded model enters keys by its weights."""

from __future__ import annotations

from pathlib import Path

from ws_dsl import organism
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.specs.checkpoint import defining_files


def test_its_files_are_in_its_key_and_its_world_is_its_own(tmp_path: Path):
    (tmp_path / "study.yaml").write_text(
        "ws: 1\nid: s\nquestion: q\nmodel: {kind: organism}\nsteps: {}\n", encoding="utf-8"
    )
    opened = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site")).open(
        tmp_path / "study.yaml"
    )
    (node,) = opened.plan.nodes
    recorded = opened.state.derivations[node]["params"]["weights"]
    assert sorted(recorded) == defining_files(organism.folder("qwen3"))
    assert node.kind.spec.foresee(node.spec, None) == {"world": "organism"}  # pyright: ignore[reportArgumentType]
