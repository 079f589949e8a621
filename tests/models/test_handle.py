"""Loading a checkpoint folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from ws_dsl.errors import ModelError
from ws_dsl.models.handle import Handle, load
from ws_dsl.specs.checkpoint import shape


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


def test_other_precisions(folder: Path):
    assert load(folder, "bfloat16").dtype == torch.bfloat16


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
