"""Laws of attention patterns; their parity is tested with the rest."""

from __future__ import annotations

import numpy as np
import pytest

from tests.checkpoints import WINDOW
from tests.models.conftest import last
from ws_dsl.errors import ModelError
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, capture, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.patterns import patterns
from ws_dsl.specs.site import Site

WINDOWED = {"MistralForCausalLM": {0, 1, 2, 3}, "Gemma3ForCausalLM": {0, 2}}


def test_a_head_shares_out_its_attention_within_its_window(handle: Handle, prompts: list[list[int]]):
    for hook, rows in patterns(handle, [Row(ids, len(ids) - 2) for ids in prompts], range(4)).items():
        for ids, heads in zip(prompts, rows, strict=True):
            assert heads.shape == (handle.shape.heads, len(ids))
            assert np.allclose(heads.sum(1), 1, atol=1e-6)
            assert not heads[:, -1].any()
            outside = heads[:, : len(ids) - 1 - WINDOW]
            assert outside.any() != (int(hook[7]) in WINDOWED.get(handle.architecture, ()))


def test_a_head_is_its_values_by_its_pattern(handle: Handle, prompts: list[list[int]]):
    """The plain attention that makes patterns, against the fused one that makes everything else."""
    ids, heads, groups = prompts[0], handle.shape.heads, handle.shape.heads // handle.shape.kv_heads
    pattern = patterns(handle, [last(ids)], [2])["blocks.2.attn.hook_pattern"][0]
    hooks = ["blocks.2.attn.hook_v", "blocks.2.attn.hook_z"]
    found = capture(handle, [Row(ids, position) for position in range(len(ids))], hooks)
    values = found[hooks[0]].reshape(len(ids), handle.shape.kv_heads, -1).repeat(groups, axis=1)
    mixed = np.einsum("ht,thd->hd", pattern, values)
    assert np.abs(mixed - found[hooks[1]][-1].reshape(heads, -1)).max() < 1e-5


def test_patterns_follow_edits_and_leave_the_model_as_it_was(handle: Handle, prompts: list[list[int]]):
    ids = prompts[0]
    before = final_states(handle, [last(ids)]).tobytes()
    edit = Edit(Site.parse("L1mid"), len(ids) - 1, operation="zero")
    rows = [last(ids), Row(ids, len(ids) - 1, [edit])]
    found = patterns(handle, rows, [1, 2])
    assert np.array_equal(*found["blocks.1.attn.hook_pattern"])
    assert np.abs(np.subtract(*found["blocks.2.attn.hook_pattern"])).max() > 0.01
    assert patterns(handle, rows[1:], [2])["blocks.2.attn.hook_pattern"][0].tobytes() == (
        found["blocks.2.attn.hook_pattern"][1].tobytes()
    )
    assert handle.model.config._attn_implementation == "sdpa"
    assert final_states(handle, [last(ids)]).tobytes() == before


def test_no_such_layer(handle: Handle, prompts: list[list[int]]):
    with pytest.raises(ModelError, match="has no hook"):
        patterns(handle, [last(prompts[0])], [4])
