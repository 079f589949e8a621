"""Every number of the engine against TransformerLens, and proof that the comparison can fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.checkpoints import WINDOW
from tests.models.conftest import agree, last
from ws_dsl.models.edits import Edit, Operation
from ws_dsl.models.forward import Row, at_sites, capture
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import Layout
from ws_dsl.models.patterns import patterns
from ws_dsl.models.readout import logits
from ws_dsl.specs.site import FINAL, Site

Tokens = list[list[int]]

HOOKS = [
    "hook_embed",
    *(
        f"blocks.{layer}.{part}"
        for layer in range(4)
        for part in (
            "hook_resid_pre",
            "attn.hook_q",
            "attn.hook_k",
            "attn.hook_v",
            "attn.hook_z",
            "attn.hook_result",
            "hook_attn_out",
            "hook_resid_mid",
            "mlp.hook_post",
            "hook_mlp_out",
            "hook_resid_post",
        )
    ),
    "ln_final.hook_normalized",
    FINAL,
]
HEAD, NEURON, STREAM = Site.parse("L1H2"), Site.parse("L2N41"), Site.parse("L1")
EDITED = ["embed", "L1pre", "L2Q3", "L1K1", "L2V0", "L1H2", "L2R3", "L1attn", "L2mid", "L2N41", "L1mlp", "L1"]
EDITED += ["normalized", "final"]
OPERATIONS: tuple[Operation, ...] = ("set", "add", "scale", "zero")
LAYOUTS: tuple[Layout, ...] = ("packed", "right", "left")


@torch.no_grad()
def oracle(bridge: Any, rows: Sequence[Row]) -> np.ndarray:
    """Logits at every row's position, (rows, vocabulary), with the row's edits; one pass for every row."""
    found: list[np.ndarray] = []
    for row in rows:
        hooks = [(edit.site.hook, hook_of(edit)) for edit in row.edits]
        run = bridge.run_with_hooks(torch.tensor([row.ids]), fwd_hooks=hooks)
        found.append(run[0, row.position].numpy())
    return np.stack(found)


def hook_of(edit: Edit) -> Any:
    def change(values: Tensor, hook: Any) -> Tensor:
        # The last norm takes no notice of what is changed in place; a block's own sum of nothing else.
        values = values.clone() if edit.site.part == "ln_final.hook_normalized" else values
        own = (0, edit.position) if edit.site.index is None else (0, edit.position, edit.site.index)
        if edit.site.part == "mlp.hook_post":
            own = (0, edit.position, slice(edit.site.index, (edit.site.index or 0) + 1))
        given = torch.as_tensor(edit.value)
        match edit.operation:
            case "set":
                values[own] = given
            case "add":
                values[own] += given
            case "scale":
                values[own] *= given
            case "zero":
                values[own] = 0
        return values

    return change


@torch.no_grad()
def activation(bridge: Any, ids: Sequence[int], site: Site, position: int) -> np.ndarray:
    """Activation of a site by TransformerLens."""
    _, cache = bridge.run_with_cache(torch.tensor([ids]), names_filter=lambda name: name == site.hook)
    whole = cache[site.hook][0, position]
    return (whole if site.index is None else whole[site.index]).numpy().reshape(-1)


def clamps(bridge: Any, prompts: Tokens, sources: Tokens, *sites: Site) -> list[Row]:
    """Prompts with sites held at their last token at what they are at the source's last token."""
    return [
        Row(
            ids,
            len(ids) - 1,
            [Edit(site, len(ids) - 1, activation(bridge, source, site, -1)) for site in sites],
        )
        for ids, source in zip(prompts, sources, strict=True)
    ]


def engine(handle: Handle, rows: Sequence[Row], layout: Layout = "packed") -> np.ndarray:
    """The same by the engine."""
    return logits(handle, capture(handle, rows, [FINAL], layout=layout)[FINAL])


def differ(ours: np.ndarray, theirs: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        agree(ours, theirs)


def test_the_checkpoints_can_fail(handle: Handle, prompts: Tokens):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        handle.model.config._name_or_path, attn_implementation="eager"
    )
    with torch.no_grad():
        found = [model(torch.tensor([ids]), output_attentions=True) for ids in prompts]
    assert np.std([run.logits[0, -1].numpy() for run in found]) >= 1
    assert np.mean([layer.max(-1).values.mean() for run in found for layer in run.attentions]) >= 0.5
    assert len({len(ids) for ids in prompts}) >= 5
    assert min(len(ids) for ids in prompts) > WINDOW
    assert handle.shape.kv_heads < handle.shape.heads


def test_logits(handle: Handle, bridge: Any, prompts: Tokens):
    rows = [last(ids) for ids in prompts]
    theirs = oracle(bridge, rows)
    for layout in LAYOUTS:
        agree(engine(handle, rows, layout), theirs)


def test_captured_sites(handle: Handle, bridge: Any, prompts: Tokens):
    for place, ids in enumerate(prompts[::2]):
        with torch.no_grad():
            _, cache = bridge.run_with_cache(torch.tensor([ids]), names_filter=lambda name: name in HOOKS)
        for layout in LAYOUTS:
            position = len(ids) - 1 - place
            ours = capture(handle, [Row(ids, position)], HOOKS, layout=layout)
            for hook, values in ours.items():
                agree(values[0], cache[hook][0, position].flatten().numpy())


def test_patterns(handle: Handle, bridge: Any, prompts: Tokens):
    ours = patterns(handle, [Row(ids, len(ids) - 2) for ids in prompts], range(4))
    for place, ids in enumerate(prompts):
        with torch.no_grad():
            _, cache = bridge.run_with_cache(torch.tensor([ids]), names_filter=lambda name: name in ours)
        for hook, values in ours.items():
            agree(values[place], cache[hook][0, :, -2].numpy())


@pytest.mark.filterwarnings("ignore:A forward hook edited hook_scale/hook_normalized")
@pytest.mark.parametrize("address", EDITED)
def test_edits(handle: Handle, bridge: Any, prompts: Tokens, address: str):
    """All operations in one batch, each in a row of its own, at the token that is read or before it."""
    site = Site.parse(address)
    draw = np.random.default_rng(0)
    rows: list[Row] = []
    for place, operation in enumerate(OPERATIONS):
        ids = prompts[place]
        value = draw.normal(size=site.width(handle.shape)).astype(np.float32)
        at = len(ids) - 1 - (place % 2 if site.layer is not None else 0)
        rows.append(Row(ids, len(ids) - 1, [Edit(site, at, value, operation)]))
    theirs = oracle(bridge, rows)
    for layout in LAYOUTS:
        agree(engine(handle, rows, layout), theirs)
    differ(engine(handle, [row._replace(edits=()) for row in rows]), theirs)


@pytest.mark.parametrize("sites", [(HEAD,), (STREAM,), (HEAD, NEURON)], ids=lambda s: "+".join(map(str, s)))
def test_clamps(handle: Handle, bridge: Any, prompts: Tokens, sites: tuple[Site, ...]):
    """Values from our own source runs against values from theirs."""
    sources = [*prompts[1:], prompts[0]]
    theirs = clamps(bridge, prompts, sources, *sites)
    values = at_sites(handle, [last(ids) for ids in sources], sites)
    ours = [
        row._replace(edits=[edit._replace(value=values[str(edit.site)][place]) for edit in row.edits])
        for place, row in enumerate(theirs)
    ]
    agree(engine(handle, ours), oracle(bridge, theirs))


def test_several_sites_and_positions_in_one_row(handle: Handle, bridge: Any, prompts: Tokens):
    ids = prompts[0]
    draw = np.random.default_rng(1)
    edits = [
        Edit(site, position, draw.normal(size=site.width(handle.shape)).astype(np.float32), operation)
        for position, operation in ((3, "set"), (len(ids) - 5, "add"), (len(ids) - 1, "scale"))
        for site in map(Site.parse, ("L0V1", "L1H0", "L1H3", "L1R2", "L1attn", "L1mid", "L2N7", "L2mlp"))
    ]
    rows = [Row(ids, len(ids) - 1, edits)]
    agree(engine(handle, rows), oracle(bridge, rows))


class TestMutants:
    """Faults that happen to people; each must break the same assertion."""

    def test_doubled_bos(self, handle: Handle, bridge: Any, prompts: Tokens):
        doubled = [last([ids[0], *ids]) for ids in prompts]
        differ(engine(handle, doubled), oracle(bridge, [last(ids) for ids in prompts]))

    def test_left_padding_without_a_mask(self, handle: Handle, bridge: Any, prompts: Tokens):
        longest = max(len(ids) for ids in prompts)
        padded = [last([0] * (longest - len(ids)) + ids) for ids in prompts]
        differ(engine(handle, padded), oracle(bridge, [last(ids) for ids in prompts]))

    def test_read_at_the_end_of_the_batch(self, handle: Handle, bridge: Any, prompts: Tokens):
        longest = max(len(ids) for ids in prompts)
        padded = [last(ids + [0] * (longest - len(ids))) for ids in prompts]
        differ(engine(handle, padded), oracle(bridge, [last(ids) for ids in prompts]))

    def test_read_one_token_early(self, handle: Handle, bridge: Any, prompts: Tokens):
        early = [Row(ids, len(ids) - 2) for ids in prompts]
        differ(engine(handle, early), oracle(bridge, [last(ids) for ids in prompts]))

    @pytest.mark.parametrize("address", ["L1H2", "L2V1", "L1R0", "L2mid"])
    def test_edited_one_token_early(self, handle: Handle, bridge: Any, prompts: Tokens, address: str):
        rows = clamps(bridge, prompts[:3], prompts[3:6], Site.parse(address))
        early = [
            row._replace(edits=[edit._replace(position=edit.position - 1) for edit in row.edits])
            for row in rows
        ]
        differ(engine(handle, early), oracle(bridge, rows))

    def test_heads_counted_by_key_value_heads(self, handle: Handle, bridge: Any, prompts: Tokens):
        per_group = handle.shape.heads // handle.shape.kv_heads
        rows = clamps(bridge, prompts[:3], prompts[3:6], HEAD)
        wrong = replace(HEAD, index=2 // per_group)
        other = [row._replace(edits=[edit._replace(site=wrong) for edit in row.edits]) for row in rows]
        differ(engine(handle, other), oracle(bridge, rows))

    def test_a_window_ignored(
        self, handle: Handle, bridge: Any, prompts: Tokens, monkeypatch: pytest.MonkeyPatch
    ):
        windowed = handle.architecture in ("MistralForCausalLM", "Gemma3ForCausalLM")
        assert windowed == (getattr(handle.model.config, "sliding_window", None) == WINDOW)
        rows = [last(ids) for ids in prompts]
        # The configuration is read where masks are made, the module where attention is told of its window.
        monkeypatch.setattr(handle.model.config, "sliding_window", 1000, raising=False)
        for layer in range(handle.shape.layers):
            attention: Any = handle.block(layer).self_attn
            if getattr(attention, "sliding_window", None) is not None:
                monkeypatch.setattr(attention, "sliding_window", 1000)
        (differ if windowed else agree)(engine(handle, rows), oracle(bridge, rows))

    def test_the_norms_gain_is_not_in_the_normalized_state(self, handle: Handle, prompts: Tokens):
        values = capture(handle, [last(ids) for ids in prompts], ["ln_final.hook_normalized", FINAL])
        differ(values["ln_final.hook_normalized"], values[FINAL])
        assert np.allclose((values["ln_final.hook_normalized"] ** 2).mean(1), 1, atol=1e-4)

    def test_the_activation_functions_output_is_no_neuron(self, handle: Handle, bridge: Any, prompts: Tokens):
        kept: list[Tensor] = []
        block: Any = handle.block(2)
        hook = block.mlp.act_fn.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
        with torch.no_grad():
            handle.model(torch.tensor([prompts[0]]))
        hook.remove()
        theirs = activation(bridge, prompts[0], NEURON, -1)
        agree(at_sites(handle, [last(prompts[0])], [NEURON])["L2N41"][0], theirs)
        differ(kept[0][0, -1, [41]].numpy(), theirs)
