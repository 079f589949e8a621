"""Loading a checkpoint folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.conftest import last
from ws_dsl.errors import ModelError
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import capture, final_states
from ws_dsl.models.handle import Handle, load
from ws_dsl.models.readout import logits
from ws_dsl.specs.checkpoint import shape
from ws_dsl.specs.site import FINAL, Site


def test_shape_is_the_modules(handle: Handle, folder: Path):
    assert shape(folder) == handle.shape
    first = handle.model.model.layers[0]
    assert first.self_attn.o_proj.in_features == handle.shape.heads * handle.shape.head_width
    assert first.self_attn.k_proj.out_features == handle.shape.kv_heads * handle.shape.head_width
    assert first.mlp.down_proj.in_features == handle.shape.neurons
    assert handle.model.lm_head.weight.shape == (handle.shape.vocabulary, handle.shape.width)
    assert len(handle.model.model.layers) == handle.shape.layers


def test_the_model_is_for_measuring(handle: Handle):
    assert not handle.model.training
    assert not any(parameter.requires_grad for parameter in handle.model.parameters())
    assert handle.dtype == torch.float32
    assert handle.model.config._attn_implementation == "sdpa"
    assert handle.threads == 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_precisions(handle: Handle, folder: Path, prompts: list[list[int]], dtype: str):
    """As good as their digits: eight binary ones in bfloat16, eleven in float16."""
    half = load(folder, dtype)
    assert half.dtype == getattr(torch, dtype)
    rows = [last(ids) for ids in prompts[:3]]
    whole, rough = (logits(one, final_states(one, rows)) for one in (handle, half))
    assert np.corrcoef(whole.ravel(), rough.ravel())[0, 1] > (0.98 if dtype == "bfloat16" else 0.999)
    edited = [row._replace(edits=[Edit(Site.parse("L1R2"), row.position, 2.0, "scale")]) for row in rows]
    assert np.abs(final_states(half, edited) - final_states(half, rows)).max() > 0.01


def test_spread_over_all_devices(handle: Handle, folder: Path, prompts: list[list[int]]):
    spread = load(folder, device="auto")
    rows = [last(ids) for ids in prompts[:3]]
    hooks = ["blocks.1.attn.hook_result", "blocks.3.hook_resid_mid", FINAL]
    for hook, values in capture(spread, rows, hooks).items():
        assert values.tobytes() == capture(handle, rows, [hook])[hook].tobytes()


def test_what_is_not_installed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ws_dsl.models.handle.find_spec", lambda package: None)
    with pytest.raises(ModelError, match=r"several devices needs accelerate, .*: pip install accelerate"):
        load(folder, device="auto")
    with pytest.raises(ModelError, match=r"in 4 bits needs bitsandbytes, .*: pip install bitsandbytes"):
        load(folder, "bfloat16", "cuda", bits=4)


def test_what_is_asked_of_the_loader_for_four_bits(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The quantising package runs on cards alone; the request to it is looked at instead."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr("ws_dsl.models.handle.find_spec", lambda package: True)

    def loader(*_: Any, **named: Any) -> None:
        asked.update(named)
        raise RuntimeError

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", loader)
    with pytest.raises(RuntimeError):
        load(folder, "bfloat16", "cuda", bits=4)
    quantised = asked["quantization_config"]
    assert (quantised.load_in_4bit, quantised.bnb_4bit_quant_type) == (True, "nf4")
    assert quantised.bnb_4bit_compute_dtype == torch.bfloat16
    assert asked["device_map"] == {"": "cuda"}


def test_logits_are_capped_where_the_model_caps_them(handle: Handle, prompts: list[list[int]]):
    rows = [last(ids) for ids in prompts]
    found = logits(handle, final_states(handle, rows))
    assert (np.abs(found).max() <= 4) == (handle.architecture == "Gemma3ForCausalLM")


def test_threads_are_given_back(handle: Handle):
    before = torch.get_num_threads()
    with handle.arithmetic():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_pickled_weights_are_refused_with_the_command_that_converts_them(folder: Path, tmp_path: Path):
    copy = tmp_path / "pickled"
    shutil.copytree(folder, copy)
    weights = load(folder).model.state_dict()
    (copy / "model.safetensors").unlink()
    torch.save(weights, copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pickled form \(pytorch_model\.bin\)") as refused:
        load(copy)
    command = str(refused.value).split('python -c "')[1].removesuffix('"')
    exec(command)
    converted = load(copy).model.state_dict()
    assert all(torch.equal(converted[name], value) for name, value in weights.items())


def test_untested_architectures_are_refused(folder: Path, tmp_path: Path):
    copy = tmp_path / "other"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["GPT2LMHeadModel"]}))
    with pytest.raises(ModelError, match="is a GPT2LMHeadModel"):
        load(copy)


def test_no_checkpoint(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        load(tmp_path)
