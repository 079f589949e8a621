"""Laws of forward passes and edits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.models.conftest import agree, last
from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, at_sites, capture, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.positions import shared_suffix
from ws_dsl.models.readout import logits
from ws_dsl.specs.site import FINAL, Site, family_hooks, family_sites

Tokens = list[list[int]]


def held(ids: list[int], sites: list[Site], values: dict[str, np.ndarray], place: int) -> Row:
    return Row(ids, len(ids) - 1, [Edit(site, len(ids) - 1, values[str(site)][place]) for site in sites])


def test_a_clamp_to_its_own_value_changes_nothing(handle: Handle, prompts: Tokens):
    sites = [Site.parse(text) for text in ("L0H0", "L1H3", "L2N41", "L3N159", "L2")]
    free = [last(ids) for ids in prompts]
    values = at_sites(handle, free, sites)
    clamped = final_states(handle, [held(ids, sites, values, place) for place, ids in enumerate(prompts)])
    assert clamped.tobytes() == final_states(handle, free).tobytes()


EDITABLE = [
    "embed",
    "L1pre",
    "L2Q3",
    "L1K1",
    "L2V0",
    "L0H0",
    "L2R3",
    "L1attn",
    "L2mid",
    "L3N159",
    "L1mlp",
    "L2",
]
EDITABLE += ["normalized", "final"]


def test_every_kind_of_site_held_at_its_own_value_changes_nothing(handle: Handle, prompts: Tokens):
    some = prompts[:3]
    sites = [Site.parse(text) for text in EDITABLE]
    free = [last(ids) for ids in some]
    values = at_sites(handle, free, sites)
    states = final_states(handle, free)
    for site in sites:
        clamped = [held(ids, [site], values, place) for place, ids in enumerate(some)]
        assert final_states(handle, clamped).tobytes() == states.tobytes()
        assert at_sites(handle, clamped, [site])[str(site)].tobytes() == values[str(site)].tobytes()


def test_what_heads_give_adds_up(handle: Handle, prompts: Tokens):
    """In Gemma a norm follows; everywhere else the sum is what attention adds."""
    rows = [last(ids) for ids in prompts]
    captured = capture(handle, rows, ["blocks.1.attn.hook_result", "blocks.1.hook_attn_out"])
    total = captured["blocks.1.attn.hook_result"].reshape(len(rows), handle.shape.heads, -1).sum(1)
    if handle.architecture == "Gemma3ForCausalLM":
        norm: Any = handle.block(1)
        total = norm.post_attention_layernorm(torch.from_numpy(total)).numpy()
    agree(total, captured["blocks.1.hook_attn_out"])


def test_the_residual_stream_is_the_sum_of_what_is_added(handle: Handle, prompts: Tokens):
    parts = ("hook_resid_pre", "hook_attn_out", "hook_resid_mid", "hook_mlp_out", "hook_resid_post")
    row = [last(prompts[0])]
    for layer in range(handle.shape.layers):
        pre, attention, mid, mlp, post = (
            capture(handle, row, [f"blocks.{layer}.{part}"])[f"blocks.{layer}.{part}"] for part in parts
        )
        agree(pre + attention, mid)
        agree(mid + mlp, post)


def test_an_edit_of_what_is_captured_is_what_is_captured(handle: Handle, prompts: Tokens):
    """Also where values are computed on the way: what a head gives, and the normalised state."""
    ids = prompts[0]
    for text in EDITABLE:
        site = Site.parse(text)
        value = np.linspace(-1, 1, site.width(handle.shape), dtype=np.float32)
        found = at_sites(handle, [Row(ids, 5, [Edit(site, 5, value)])], [site])
        assert found[text][0].tolist() == value.tolist()


def test_operations(handle: Handle, prompts: Tokens):
    site, ids = Site.parse("L1H2"), prompts[0]
    at = len(ids) - 1
    own = at_sites(handle, [last(ids)], [site])["L1H2"][0]
    pairs = [
        (Edit(site, at, operation="zero"), Edit(site, at, 0.0)),
        (Edit(site, at, 0.5, "scale"), Edit(site, at, own / 2)),
        (Edit(site, at, 1.0, "scale"), Edit(site, at, 0.0, "add")),
        (Edit(site, at, 3.0), Edit(site, at, np.full(16, 3, np.float32))),
        (Edit(site, at, own, "add"), Edit(site, at, 2.0, "scale")),
    ]
    for pair in pairs:
        both = final_states(handle, [Row(ids, at, [edit]) for edit in pair])
        assert both[0].tobytes() == both[1].tobytes()


def test_the_shared_suffix_of_a_source_is_put_into_a_target(handle: Handle, prompts: Tokens):
    """Keys and values of the tokens before the common end still come from the target."""
    source, target = prompts[1], prompts[4]
    pairs = shared_suffix(source, target)
    site = Site.parse("L1")
    values = at_sites(handle, [Row(source, left) for left, _ in pairs], [site])["L1"]
    edits = [Edit(site, right, value) for (_, right), value in zip(pairs, values, strict=True)]
    found = capture(
        handle, [Row(target, right, edits) for _, right in pairs], ["blocks.1.hook_resid_post", FINAL]
    )
    assert found["blocks.1.hook_resid_post"].tobytes() == values.tobytes()
    assert np.abs(found[FINAL][-1] - final_states(handle, [last(target)])[0]).max() > 1e-3


def test_clamping_every_head_and_neuron_is_the_source_run(handle: Handle, prompts: Tokens):
    """The residual stream is the embedding plus what heads and neurons add; all prompts end alike."""
    sources = [*prompts[1:], prompts[0]]
    assert all(ids[-1] == source[-1] for ids, source in zip(prompts, sources, strict=True))
    sites = [*family_sites("heads", handle.shape), *family_sites("neurons", handle.shape)]
    values = at_sites(handle, [last(ids) for ids in sources], sites)
    clamped = final_states(handle, [held(ids, sites, values, place) for place, ids in enumerate(prompts)])
    agree(clamped, final_states(handle, [last(ids) for ids in sources]))
    assert np.abs(clamped - final_states(handle, [last(ids) for ids in prompts])).max() > 0.1


def test_the_last_residual_stream_alone_decides(handle: Handle, prompts: Tokens):
    site = Site.parse("L3")
    sources = [last(ids) for ids in prompts[::-1]]
    values = at_sites(handle, sources, [site])
    clamped = final_states(handle, [held(ids, [site], values, place) for place, ids in enumerate(prompts)])
    agree(clamped, final_states(handle, sources))


def test_an_edit_leaves_earlier_positions_and_layers_alone(handle: Handle, prompts: Tokens):
    ids, hooks = prompts[0], [*family_hooks("heads", handle.shape), *family_hooks("neurons", handle.shape)]
    edit = Edit(Site.parse("L1"), len(ids) - 3, np.full(handle.shape.width, 3, np.float32))
    for position, changed in ((len(ids) - 4, False), (len(ids) - 3, True), (len(ids) - 1, True)):
        before = capture(handle, [Row(ids, position)], hooks)
        after = capture(handle, [Row(ids, position, [edit])], hooks)
        differ = {hook for hook in hooks if before[hook].tobytes() != after[hook].tobytes()}
        assert differ == ({hook for hook in hooks if hook[7] in "23"} if changed else set())


def test_what_is_captured_is_the_edited_value(handle: Handle, prompts: Tokens):
    site = Site.parse("L2H1")
    value = np.arange(16, dtype=np.float32)
    row = Row(prompts[0], 4, [Edit(site, 4, value)])
    assert at_sites(handle, [row], [site])["L2H1"][0].tolist() == value.tolist()


def test_setting_is_adding_the_difference(handle: Handle, prompts: Tokens):
    site, ids = Site.parse("L1H2"), prompts[0]
    at = len(ids) - 1
    own = at_sites(handle, [last(ids)], [site])["L1H2"][0]
    value = np.linspace(-2, 2, 16, dtype=np.float32)
    rows = [Row(ids, at, [Edit(site, at, value)]), Row(ids, at, [Edit(site, at, value - own, "add")])]
    both = final_states(handle, rows)
    agree(both[0], both[1])


@pytest.mark.parametrize("side", ["left", "right", "none"])
def test_padding(handle: Handle, prompts: Tokens, side: str):
    """The engine's padding on either side against a plain forward of the library, padded in each way."""
    ours = logits(handle, final_states(handle, [last(ids) for ids in prompts]))
    agree(
        ours, logits(handle, capture(handle, [last(ids) for ids in prompts], [FINAL], layout="left")[FINAL])
    )
    if side == "none":
        plain = [handle.model(torch.tensor([ids])).logits[0, -1] for ids in prompts]
        agree(ours, torch.stack(plain).numpy())
        return
    longest = max(len(ids) for ids in prompts)
    fill = [[0] * (longest - len(ids)) for ids in prompts]
    pairs = list(zip(prompts, fill, strict=True))
    left = side == "left"
    tokens = torch.tensor([pad + ids if left else ids + pad for ids, pad in pairs])
    real = [[1] * len(ids) for ids in prompts]
    mask = torch.tensor([pad + one if left else one + pad for one, (_, pad) in zip(real, pairs, strict=True)])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    found = handle.model(tokens, attention_mask=mask, position_ids=positions).logits
    ends = torch.tensor([longest - 1 if left else len(ids) - 1 for ids in prompts])
    agree(ours, found[torch.arange(len(prompts)), ends].numpy())


def test_passes_and_rows_are_counted(handle: Handle, prompts: Tokens):
    passes, rows, told = handle.passes, handle.rows, []
    final_states(handle, [last([*prompts[0][:-1], token]) for token in range(40)], told.append)
    together = handle.room // len(prompts[0])
    assert told[0] == together and sum(told) == 40
    assert (handle.passes - passes, handle.rows - rows) == (-(-40 // together), 40)


def test_rows_that_differ_in_their_position_alone_run_once(handle: Handle, prompts: Tokens):
    ids, rows, told = prompts[0], handle.rows, []
    hooks = ["blocks.2.attn.hook_z", FINAL]
    every = capture(handle, [Row(ids, position) for position in range(len(ids))], hooks, told.append)
    assert (handle.rows - rows, told) == (1, [len(ids)])
    for position in (0, len(ids) - 1):
        alone = capture(handle, [Row(ids, position)], hooks)
        assert all(alone[hook][0].tobytes() == every[hook][position].tobytes() for hook in hooks)


def test_a_pass_ends_after_the_last_hook_asked_for(handle: Handle, prompts: Tokens):
    ran: list[int] = []
    hooks = [
        handle.block(layer).register_forward_pre_hook(lambda _module, _inputs, layer=layer: ran.append(layer))
        for layer in range(handle.shape.layers)
    ]
    capture(handle, [last(prompts[0])], ["blocks.1.attn.hook_z", "blocks.0.hook_resid_post"])
    for hook in hooks:
        hook.remove()
    assert ran == [0, 1]


def test_no_rows(handle: Handle):
    assert final_states(handle, []).shape == (0, handle.shape.width)


def test_what_is_refused(handle: Handle, prompts: Tokens):
    ids = prompts[0]
    value = np.zeros(1, np.float32)
    with pytest.raises(MeasurementError, match="outside a row of"):
        final_states(handle, [Row(ids, len(ids))])
    with pytest.raises(MeasurementError, match="outside a row of"):
        final_states(handle, [Row(ids, -1)])
    with pytest.raises(MeasurementError, match="outside a row of 0 tokens"):
        final_states(handle, [Row([], 0)])
    with pytest.raises(ModelError, match="L1P0 is an attention pattern; patterns are read"):
        final_states(handle, [Row(ids, 0, [Edit(Site.parse("L1P0"), 0, value)])])
    with pytest.raises(
        ModelError, match=r"hook_pattern is as wide as its row is long; ws_dsl\.models\.patterns"
    ):
        capture(handle, [Row(ids, 0)], ["blocks.1.attn.hook_pattern"])
    with pytest.raises(MeasurementError, match="two edits of L1N3"):
        final_states(handle, [Row(ids, 0, [Edit(Site.parse("L1N3"), 0, value)] * 2)])
    with pytest.raises(ModelError, match="outside the model: it has layers L0 to L3"):
        final_states(handle, [Row(ids, 0, [Edit(Site.parse("L4N3"), 0, value)])])
    with pytest.raises(ModelError, match="context is 256"):
        final_states(handle, [last([5] * 257)])
    for hook in ("blocks.4.attn.hook_z", "blocks.0.hook_mlp_in", "embed"):
        with pytest.raises(ModelError, match="has no hook"):
            capture(handle, [last(ids)], [hook])


def test_the_final_norm_is_what_the_unembedding_reads(handle: Handle, prompts: Tokens):
    states = capture(handle, [last(ids) for ids in prompts], [FINAL])[FINAL]
    plain = torch.stack([handle.model(torch.tensor([ids])).logits[0, -1] for ids in prompts])
    agree(handle.unembedding(torch.from_numpy(states)).numpy(), plain.numpy())
