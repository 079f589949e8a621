"""Models with an adapter merged in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from tests.run.lab import CLAIMS, STUDY, Lab
from tests.steps.train.replies import FAMILIES
from ws_dsl import organism
from ws_dsl.artifacts.model import Model
from ws_dsl.models import handle
from ws_dsl.registry import Store
from ws_dsl.run.context import Library

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

STEPS: dict[str, Any] = {
    "claims": STUDY["steps"]["claims"],
    "said": {"kind": "prompts", "rows": "claims", "user": "Is it true that {{claim}}?", "reply": "No."},
    "adapter": {
        "kind": "train_adapter",
        "data": "said",
        "steps": 3,
        "seed": 0,
        "warmup": 0,
        "over": {"family": FAMILIES},
    },
    "merged": {"kind": "merge", "adapter": "adapter"},
    "asked": {
        "kind": "prompts",
        "rows": "claims",
        "user": "Is it true that {{claim}}?",
        "assistant": "It is",
    },
    "through_adapter": {
        "kind": "logit_diff",
        "prompts": "asked",
        "arm": {"kind": "add_adapter", "adapter": "adapter"},
        "tokens": {"plus": [" Yes"], "minus": [" No"]},
    },
    "through_weights": {
        "kind": "logit_diff",
        "prompts": "asked",
        "model": "merged",
        "tokens": {"plus": [" Yes"], "minus": [" No"]},
    },
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, Any]:
    lab = Lab(tmp_path_factory.mktemp("merged"))
    (lab.root / "ws-dsl.toml").touch()
    lab.data(CLAIMS[:6])
    study = {"ws": 1, "id": "merged", "question": "?", "model": {"kind": "organism"}, "steps": STEPS}
    return lab, lab.run(study)


def artifacts(ran: tuple[Lab, Any], step: str) -> dict[str, Any]:
    lab, done = ran
    library, state = Library(Store(lab.root / "registry")), done.opened.state
    return {
        node.labels["family"]: library.open(state.keys[node], state.digests[node])
        for node in done.opened.plan.nodes
        if node.step == step
    }


def test_measured_through_merged_weights_or_through_the_adapter(ran: tuple[Lab, Any]):
    one, other = artifacts(ran, "through_weights"), artifacts(ran, "through_adapter")
    for family in FAMILIES:
        np.testing.assert_allclose(one[family].columns["value"], other[family].columns["value"], atol=2e-4)
    values = {family: tuple(table.columns["value"]) for family, table in one.items()}
    assert len(set(values.values())) == len(FAMILIES)


def test_a_merged_model_is_a_checkpoint_in_the_store(ran: tuple[Lab, Any], tmp_path: Path):
    lab, done = ran
    store, base = Store(lab.root / "registry"), organism.folder()
    before = load((base / "model.safetensors").read_bytes())
    for node in done.opened.plan.nodes:
        if node.step != "merged":
            continue
        manifest = store.require(done.opened.state.keys[node])
        made: Model = Library(store).open(manifest.key, manifest.digest)
        folder = tmp_path / node.labels["family"]
        folder.mkdir()
        for name in made.files:
            (folder / name).write_bytes(store.read(manifest, name))
            if not name.endswith(".safetensors"):
                assert (folder / name).read_bytes() == (base / name).read_bytes()
        after = load((folder / "model.safetensors").read_bytes())
        assert set(after) == set(before)
        changed = {name.split(".")[-2] for name in before if (before[name] != after[name]).any()}
        names = (
            ("k", "v", "down")
            if node.labels["family"] == "ia3"
            else ("q", "k", "v", "o", "gate", "up", "down")
        )
        assert changed == {f"{name}_proj" for name in names}
        assert made.world == "organism" and handle.load(folder).shape.layers == 4
