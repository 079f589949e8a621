"""Vectors of a file in a study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.registry.directions import MODEL, build_vectors
from tests.run.lab import Lab, Ran
from ws_dsl.artifacts.vector_files import write_gguf, write_safetensors
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import DataError, MeasurementError
from ws_dsl.registry import Store
from ws_dsl.registry.vectors import VectorIndex
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell


class Made(NamedTuple):
    key: str
    digest: str


def cell(ran: Ran, step: str) -> Made:
    """The only cell of a step."""
    (node,) = (node for node in ran.opened.plan.nodes if node.step == step)
    return Made(ran.opened.state.keys[node], ran.opened.state.digests[node])


class Model(NamedTuple):
    digest: str = MODEL


def imported(path: Path, **fields: Any) -> Vectors:
    """What a cell over a file gives."""
    kind = find("imported_vectors")
    spec = kind.spec.model_validate({"file": path.name, **fields})
    cell: Any = Cell(spec, {"model": [Model()]}, {"file": path})  # pyright: ignore[reportArgumentType]
    ((_, artifact),) = kind.module.run([cell], None)
    return Vectors.from_files(lambda name: artifact.files[name])


def test_what_was_exported_comes_back_whatever_is_said_again(tmp_path: Path):
    written = build_vectors(3)
    write_safetensors(tmp_path / "v", written)
    for said in ({}, {"site": "L3", "at": "last", "mean_norm": 2.5, "method": "mean_diff"}):
        found = imported(tmp_path / "v", **said)
        assert found.to_artifact().files == written.to_artifact().files


@pytest.mark.parametrize("said", [{"site": "L2"}, {"at": -1}, {"mean_norm": 2.0}, {"method": "pca"}])
def test_what_the_file_says_otherwise_is_refused(tmp_path: Path, said: dict[str, Any]):
    write_safetensors(tmp_path / "v", build_vectors(3))
    with pytest.raises(MeasurementError, match=r"v says that|none of L2"):
        imported(tmp_path / "v", **said)


def test_vectors_of_another_model_are_refused(tmp_path: Path):
    write_safetensors(tmp_path / "v", replace(build_vectors(3), model="b" * 64))
    with pytest.raises(MeasurementError, match="model is bbb"):
        imported(tmp_path / "v")


def test_a_file_of_another_program_needs_what_it_does_not_tell(tmp_path: Path):
    values = {"honest": np.eye(2, 8, dtype=np.float32)[0], "kind": np.eye(2, 8, dtype=np.float32)[1]}
    save_file(values, tmp_path / "v")
    said: dict[str, Any] = {"site": "blocks.2.hook_resid_post", "at": "reply_mean", "mean_norm": 4.0}
    found = imported(tmp_path / "v", **said)
    assert (found.site, found.at, found.mean_norm, found.method) == ("L2", "reply_mean", 4.0, "imported")
    assert found.labels == ["honest", "kind"] and found.model == MODEL and not found.made_on
    one = imported(tmp_path / "v", **said, label="kind")
    assert one.labels == ["kind"] and one.values.tolist() == [values["kind"].tolist()]
    with pytest.raises(MeasurementError, match="it has honest, kind"):
        imported(tmp_path / "v", **said, label="sad")
    for name in said:
        with pytest.raises(MeasurementError, match=f"has to say {name}"):
            imported(tmp_path / "v", **{key: value for key, value in said.items() if key != name})


def test_a_control_vector_is_of_the_layer_that_is_named(tmp_path: Path):
    pytest.importorskip("gguf")
    one, two = (build_vectors(seed, count=1, site=f"L{seed}") for seed in (1, 2))
    write_gguf(tmp_path / "v.gguf", [one, two], "qwen3")
    assert imported(tmp_path / "v.gguf", format="gguf", site="L2").values.tolist() == two.values.tolist()
    with pytest.raises(MeasurementError, match="vectors of L1, L2, and the study names no site"):
        imported(tmp_path / "v.gguf", format="gguf")
    with pytest.raises(MeasurementError, match="none of L3"):
        imported(tmp_path / "v.gguf", format="gguf", site="L3")


def test_what_is_no_such_file_is_refused(tmp_path: Path):
    (tmp_path / "v").write_bytes(b"{}")
    for form in ("safetensors", "gguf"):
        with pytest.raises(DataError):
            imported(tmp_path / "v", format=form)


def test_an_arm_of_an_imported_vector_is_that_of_the_vector(tmp_path: Path):
    """A vector made in one study, taken along as a file, moves the scores of another study alike."""
    lab = Lab(tmp_path)
    lab.data()
    shared: dict[str, Any] = {
        "claims": {
            "kind": "dataset",
            "path": "claims.jsonl",
            "key": "claim_id",
            "columns": {"claim": "text", "label": "bool", "topic": "category"},
        },
        "prompts": {
            "kind": "prompts",
            "rows": "claims",
            "over": {
                "text as side": {"plain": "{{claim}}. Is it? ", "sure": "I am sure: {{claim}}. Is it? "}
            },
        },
    }
    states = {"kind": "states", "prompts": "prompts", "at": "last", "layer": 1}
    vector = {"kind": "mean_diff", "plus": "states[side=sure]", "minus": "states[side=plain]"}
    score = {
        "arm": {"kind": "add_vector", "vector": "vector", "coeff": 1.0, "during": "prompt"},
        "score": {
            "kind": "logit_diff",
            "prompts": "prompts[side=plain]",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
            "arm": "arm",
        },
    }
    study = {"ws": 1, "id": "one", "question": "?", "model": {"kind": "organism"}}
    made = lab.run({**study, "steps": {**shared, "states": states, "vector": vector, **score}})
    store = Store(lab.project.registry)
    write_safetensors(tmp_path / "v.safetensors", VectorIndex(store).vectors(cell(made, "vector").key))
    taken = {"kind": "imported_vectors", "file": "v.safetensors"}
    again = lab.run({**study, "id": "two", "steps": {**shared, "vector": taken, **score}})
    assert cell(again, "score").digest == cell(made, "score").digest
    assert cell(again, "arm") == cell(made, "arm")
