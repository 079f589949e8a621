"""Exact changes of adapters against PEFT's own merges in float64."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.conftest import last
from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.models.adapters import delta_of
from ws_dsl.models.deltas import Weighted, matrix, weight
from ws_dsl.models.forward import final_states
from ws_dsl.models.handle import Handle, load
from ws_dsl.models.tuning import Method, Tuned, attach
from ws_dsl.models.tuning import folder as files_of
from ws_dsl.specs.kinds import find

FAMILIES: dict[str, dict[str, Any]] = {
    "lora": {},
    "dora": {},
    "pissa": {"alpha": 12.0},
    "delora": {},
    "oft": {"block": 16},
    "oft_exact": {"block": 16, "terms": None},
    "ia3": {},
}
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def attached(handle: Handle, family: str, seed: int = 0) -> Tuned:
    """An adapter on all matrices that the family takes."""
    written = {"kind": family.removesuffix("_exact"), **FAMILIES[family]}
    fields = {"data": "step", "family": written, "steps": 1, "seed": 0}
    own: Any = find("train_adapter").spec.model_validate(fields)
    chosen = own.family
    layers = range(handle.shape.layers)
    method = Method(chosen.type, chosen.settings(), chosen.usual, layers, chosen.decayed, chosen.replaces)
    return attach(handle, method, seed)


def adapter(handle: Handle, family: str, size: float = 0.1) -> Adapter:
    """An adapter whose parameters were moved at random, as training would."""
    tuned = attached(handle, family)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (*tuned.decayed.values(), *tuned.others.values()):
            parameter.add_(size * torch.randn(parameter.shape, generator=draw))
    return Adapter(files_of(tuned), "model", [], {}, {})


def with_peft(base: Handle, made: Adapter, place: Path, dtype: torch.dtype) -> Any:
    """PEFT's model of a checkpoint with an adapter from its folder."""
    from peft import PeftModel

    for name, content in made.files.items():
        (place / name).write_bytes(content)
    return PeftModel.from_pretrained(base.model, str(place)).to(dtype).eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_what_peft_merges_in_float64(folder: Path, handle: Handle, tmp_path: Path, family: str):
    """The error is at most twice that of a merge in float32; it is far below, as nothing is subtracted."""
    made = adapter(handle, family)
    parts = delta_of(made, handle)
    errors: dict[torch.dtype, list[float]] = {torch.float32: [], torch.float64: []}
    wide, plain = load(folder), load(folder)
    with wide.arithmetic(), warnings.catch_warnings():
        exact = with_peft(wide, made, tmp_path, torch.float64).merge_and_unload()
        usual = with_peft(plain, made, tmp_path, torch.float32).merge_and_unload()
    assert len(parts) == len(handle.model.model.layers) * (3 if family == "ia3" else 7)
    for address, part in parts.items():
        before = weight(handle, address).astype(np.float64)
        layer, name = int(address[1]), address[2:]
        block = "self_attn" if name in "qkvo" else "mlp"
        after, rounded = (
            getattr(getattr(model.model.layers[layer], block), f"{name}_proj") for model in (exact, usual)
        )
        change = after.weight.double().numpy() - before
        assert np.linalg.norm(change) > 0.01 * np.linalg.norm(before)
        ours = float(np.linalg.norm(part.dense(before) - change))
        theirs = float(np.linalg.norm(rounded.weight.double().numpy() - before - change))
        errors[torch.float32].append(theirs)
        errors[torch.float64].append(ours)
        bias = matrix(handle, address).bias
        if part.bias is not None:
            np.testing.assert_allclose(part.bias, (after.bias - bias.double()).numpy(), rtol=1e-5, atol=1e-7)
        elif bias is not None:
            assert torch.equal(after.bias, bias.double())
    assert np.linalg.norm(errors[torch.float64]) <= 2 * np.linalg.norm(errors[torch.float32])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pass_under_the_change_is_one_through_the_adapter(
    folder: Path, handle: Handle, prompts: list[list[int]], tmp_path: Path, family: str
):
    made = adapter(handle, family)
    delta = Weighted("one", delta_of(made, handle), 1.0)
    found = final_states(handle, [last(ids)._replace(weights=(delta,)) for ids in prompts])
    fresh = load(folder)
    model = with_peft(fresh, made, tmp_path, torch.float32)
    with fresh.arithmetic():
        expected = [
            model.base_model.model.model(torch.tensor([ids])).last_hidden_state[0, -1].numpy()
            for ids in prompts
        ]
    # PEFT turns inputs and normalises factors in another order, which rounds otherwise.
    np.testing.assert_allclose(found, np.stack(expected), atol=5e-5)
    clean = final_states(handle, [last(ids) for ids in prompts])
    assert np.abs(found - clean).max() > 0.05


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_that_was_not_trained_changes_nothing(handle: Handle, family: str):
    made = Adapter(files_of(attached(handle, family)), "model", [], {}, {})
    for address, part in delta_of(made, handle).items():
        weights = weight(handle, address)
        assert np.linalg.norm(part.dense(weights)) <= 1e-6 * np.linalg.norm(weights)


def test_the_measuring_model_is_left_as_it_is(handle: Handle):
    before = {name: tensor.clone() for name, tensor in handle.model.state_dict().items()}
    modules = [type(module) for module in handle.model.modules()]
    for family in FAMILIES:
        adapter(handle, family)
    assert [type(module) for module in handle.model.modules()] == modules
    after = handle.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert not any(parameter.requires_grad for parameter in handle.model.parameters())
