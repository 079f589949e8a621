"""`delta export` and `delta mergekit`: what other programs load is the delta."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from tests.cli.terminal import Terminal
from tests.run.lab import CLAIMS, STUDY, Lab
from ws_dsl import organism
from ws_dsl.artifacts.delta import Delta
from ws_dsl.models.deltas import matrix, weight
from ws_dsl.models.handle import Handle, load
from ws_dsl.run.context import Library

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

STEPS: dict[str, Any] = {
    "claims": {**STUDY["steps"]["claims"]},
    "asked": {
        "kind": "prompts",
        "rows": "claims",
        "user": "Is it true that {{claim}}?",
        "over": {"reply as side": {"plus": "Yes.", "minus": "No."}},
    },
    "adapter": {
        "kind": "train_adapter",
        "data": "asked",
        "steps": 2,
        "seed": 0,
        "warmup": 0,
        "over": {"family": {"lora": {"kind": "lora", "rank": 2}, "ia3": {"kind": "ia3"}}},
    },
    "dW": {"kind": "weight_diff", "plus": "adapter[side=plus]", "minus": "adapter[side=minus]"},
    "down": {"kind": "modules", "delta": "dW[family=lora]", "modules": ["down"], "part": "keep"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("deltas"))
    (lab.root / "ws-dsl.toml").touch()
    lab.data(CLAIMS[:6])
    lab.run({"ws": 1, "id": "deltas", "question": "?", "model": {"kind": "organism"}, "steps": STEPS})
    return lab


@pytest.fixture
def at(trained: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(trained, monkeypatch, capsys)


@pytest.fixture(scope="module")
def handle() -> Handle:
    return load(organism.folder())


def delta_of(lab: Lab, kind: str, family: str) -> tuple[str, Delta]:
    """Key of a delta, and the delta."""
    from ws_dsl.registry import Store

    store = Store(lab.root / "registry")
    for entry in store.catalogue.artifacts():
        manifest = store.require(entry.key)
        if entry.kind == kind and manifest.facts["family"] == family:
            return entry.key, Library(store).open(entry.key, manifest.digest)
    raise LookupError(kind)


def added(folders: dict[Path, float], before: Handle) -> dict[str, np.ndarray]:
    """What merging adapters into the model with weights adds, by address: the oracle is PEFT."""
    from peft import PeftModel

    found: dict[str, np.ndarray] = {}
    for folder, times in folders.items():
        fresh = load(organism.folder())
        with fresh.arithmetic():
            model: Any = PeftModel.from_pretrained(fresh.model, str(folder)).double()
            model.merge_and_unload()
        for layer in range(4):
            for name in ("q", "k", "v", "o", "gate", "up", "down"):
                address = f"L{layer}{name}"
                change = matrix(fresh, address).weight.detach().numpy() - weight(before, address)
                found[address] = found.get(address, 0) + times * change
    return found


def agree(found: dict[str, np.ndarray], delta: Delta, handle: Handle, times: float = 1.0) -> None:
    for address, change in found.items():
        part = delta.parts.get(address)
        if part is None:
            assert not change.any()
        else:
            np.testing.assert_allclose(change, times * part.dense(weight(handle, address)), atol=1e-7)


def test_an_exported_delta_is_what_peft_loads(trained: Lab, at: Terminal, handle: Handle):
    key, delta = delta_of(trained, "weight_diff", "lora")
    told = at("delta", "export", key[:12], "--rank", "4", "-o", "four", "--json")
    assert told.code == 0 and told.json["error"] < 1e-6 and told.json["full_rank"] == 4
    agree(added({trained.root / "four": 1.0}, handle), delta, handle)
    cut = at("delta", "export", key[:12], "--rank", "1", "-o", "one", "--json")
    found = added({trained.root / "one": 1.0}, handle)
    lost = sum(
        np.linalg.norm(change - delta.parts[address].dense()) ** 2 for address, change in found.items()
    )
    total = sum(np.linalg.norm(part.dense()) ** 2 for part in delta.parts.values())
    assert cut.json["error"] == pytest.approx((lost / total) ** 0.5, rel=1e-4)
    assert "rank 1 leaves out" in cut.err and "rank 4 would leave out nothing" in cut.err


def test_a_change_that_rests_on_the_weights_finds_those_of_the_embedded_model(
    trained: Lab, at: Terminal, handle: Handle
):
    key, delta = delta_of(trained, "weight_diff", "ia3")
    assert at("delta", "export", key[:12], "--rank", "64", "-o", "ia3").code == 0
    agree(added({trained.root / "ia3": 1.0}, handle), delta, handle)
    wrong = at("delta", "export", key[:12], "--model", str(organism.folder("llama")))
    assert wrong.code != 0 and "is another model than the delta's" in wrong.err


def test_a_recipe_adds_what_its_delta_adds(trained: Lab, at: Terminal, handle: Handle):
    """Task arithmetic by hand: base + Σ weight × (merged − base)."""
    for kind, family in (("weight_diff", "lora"), ("weight_diff", "ia3"), ("modules", "lora")):
        key, delta = delta_of(trained, kind, family)
        place = f"{kind}-{family}"
        assert at("delta", "mergekit", key[:12], "--coeff", "0.5", "-o", place).code == 0
        recipe = YAML(typ="safe").load(trained.root / place / "recipe.yaml")
        assert recipe["merge_method"] == "task_arithmetic" and not recipe["parameters"]["normalize"]
        base = recipe["base_model"]
        folders: dict[Path, float] = {}
        for model in recipe["models"]:
            before, _, adapter = model["model"].partition("+")
            assert before == base == str(organism.folder())
            folders[Path(adapter)] = model["parameters"]["weight"]
        agree(added(folders, handle), delta, handle, 0.5)


def test_what_is_no_delta(trained: Lab, at: Terminal):
    from ws_dsl.registry import Store

    entries = Store(trained.root / "registry").catalogue.artifacts()
    adapter = next(entry.key for entry in entries if entry.kind == "train_adapter")
    said = at("delta", "export", adapter[:12])
    assert said.code == 3 and "is no delta: it is of kind train_adapter" in said.err
