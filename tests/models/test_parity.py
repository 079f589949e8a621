"""Every number of the engine against TransformerLens, and proof that the comparison can fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.conftest import agree, last
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, at_sites, capture, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.readout import logits
from ws_dsl.specs.site import FINAL, Site

HOOKS = [
    f"blocks.{n}.{part}" for n in range(4) for part in ("attn.hook_z", "mlp.hook_post", "hook_resid_post")
]
HEAD, NEURON, STREAM = Site.parse("L1H2"), Site.parse("L2N41"), Site.parse("L1")


@torch.no_grad()
def oracle(
    bridge: Any, prompts: list[list[int]], sources: list[list[int]] | None = None, *sites: Site
) -> np.ndarray:
    """Logits at the last token, sites held at their value at the last token of the source."""
    found: list[np.ndarray] = []
    for place, ids in enumerate(prompts):
        hooks: list[tuple[str, Any]] = []
        for site in sites if sources else ():
            _, cache = bridge.run_with_cache(
                torch.tensor([sources[place]]), names_filter=lambda n, s=site: n == s.hook
            )

            def clamp(
                value: Tensor, hook: Any, source: Tensor = cache[site.hook], site: Site = site
            ) -> Tensor:
                unit = slice(None) if site.index is None else site.index
                value[0, -1, unit] = source[0, -1, unit]
                return value

            hooks.append((site.hook, clamp))
        found.append(bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0, -1].numpy())
    return np.stack(found)


def clamped(handle: Handle, prompts: list[list[int]], sources: list[list[int]], *sites: Site) -> np.ndarray:
    """The same by the engine."""
    values = at_sites(handle, [last(ids) for ids in sources], sites)
    rows = [
        Row(ids, len(ids) - 1, [Edit(site, len(ids) - 1, values[str(site)][place]) for site in sites])
        for place, ids in enumerate(prompts)
    ]
    return logits(handle, final_states(handle, rows))


def test_the_checkpoints_can_fail(handle: Handle, prompts: list[list[int]]):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        handle.model.config._name_or_path, attn_implementation="eager"
    )
    with torch.no_grad():
        found = [model(torch.tensor([ids]), output_attentions=True) for ids in prompts]
    assert np.std([run.logits[0, -1].numpy() for run in found]) >= 1
    assert np.mean([layer.max(-1).values.mean() for run in found for layer in run.attentions]) >= 0.5
    assert len({len(ids) for ids in prompts}) >= 5


def test_logits(handle: Handle, bridge: Any, prompts: list[list[int]]):
    agree(logits(handle, final_states(handle, [last(ids) for ids in prompts])), oracle(bridge, prompts))


@pytest.mark.parametrize("back", [0, 3])
def test_captured_sites(handle: Handle, bridge: Any, prompts: list[list[int]], back: int):
    ours = capture(handle, [Row(ids, len(ids) - 1 - back) for ids in prompts], [*HOOKS, FINAL])
    for place, ids in enumerate(prompts):
        with torch.no_grad():
            _, cache = bridge.run_with_cache(torch.tensor([ids]), names_filter=lambda name: name in ours)
        for hook, values in ours.items():
            agree(values[place], cache[hook][0, -1 - back].flatten().numpy())


@pytest.mark.parametrize("sites", [(HEAD,), (NEURON,), (STREAM,), (HEAD, NEURON)], ids=str)
def test_clamps(handle: Handle, bridge: Any, prompts: list[list[int]], sites: tuple[Site, ...]):
    sources = [*prompts[1:], prompts[0]]
    theirs = oracle(bridge, prompts, sources, *sites)
    agree(clamped(handle, prompts, sources, *sites), theirs)
    with pytest.raises(AssertionError):
        agree(oracle(bridge, prompts), theirs)


def test_an_added_value(handle: Handle, bridge: Any, prompts: list[list[int]]):
    ids = prompts[0]
    vector = np.linspace(-1, 1, handle.shape.width, dtype=np.float32)
    ours = final_states(handle, [Row(ids, len(ids) - 1, [Edit(STREAM, len(ids) - 2, vector, "add")])])

    def add(value: Tensor, hook: Any) -> Tensor:
        value[0, -2] += torch.from_numpy(vector)
        return value

    with torch.no_grad():
        theirs = bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=[(STREAM.hook, add)])[0, -1].numpy()
    agree(logits(handle, ours)[0], theirs)


class TestMutants:
    """Faults that happen to people; each must break the same assertion."""

    def test_doubled_bos(self, handle: Handle, bridge: Any, prompts: list[list[int]]):
        doubled = [last([ids[0], *ids]) for ids in prompts]
        with pytest.raises(AssertionError):
            agree(logits(handle, final_states(handle, doubled)), oracle(bridge, prompts))

    def test_left_padding_without_a_mask(self, handle: Handle, bridge: Any, prompts: list[list[int]]):
        longest = max(len(ids) for ids in prompts)
        padded = [last([0] * (longest - len(ids)) + ids) for ids in prompts]
        with pytest.raises(AssertionError):
            agree(logits(handle, final_states(handle, padded)), oracle(bridge, prompts))

    def test_read_at_the_end_of_the_batch(self, handle: Handle, bridge: Any, prompts: list[list[int]]):
        longest = max(len(ids) for ids in prompts)
        padded = [last(ids + [0] * (longest - len(ids))) for ids in prompts]
        with pytest.raises(AssertionError):
            agree(logits(handle, final_states(handle, padded)), oracle(bridge, prompts))

    def test_read_one_token_early(self, handle: Handle, bridge: Any, prompts: list[list[int]]):
        early = [Row(ids, len(ids) - 2) for ids in prompts]
        with pytest.raises(AssertionError):
            agree(logits(handle, final_states(handle, early)), oracle(bridge, prompts))

    def test_edited_one_token_early(self, handle: Handle, bridge: Any, prompts: list[list[int]]):
        values = at_sites(handle, [last(ids) for ids in prompts[::-1]], [HEAD])["L1H2"]
        early = [
            Row(ids, len(ids) - 1, [Edit(HEAD, len(ids) - 2, value)])
            for ids, value in zip(prompts, values, strict=True)
        ]
        with pytest.raises(AssertionError):
            agree(logits(handle, final_states(handle, early)), oracle(bridge, prompts, prompts[::-1], HEAD))

    def test_heads_counted_by_key_value_heads(self, handle: Handle, bridge: Any, prompts: list[list[int]]):
        per_group = handle.shape.heads // handle.shape.kv_heads
        wrong = replace(HEAD, index=2 // per_group)
        with pytest.raises(AssertionError):
            agree(
                clamped(handle, prompts, prompts[::-1], wrong), oracle(bridge, prompts, prompts[::-1], HEAD)
            )

    def test_the_activation_functions_output_is_no_neuron(
        self, handle: Handle, bridge: Any, prompts: list[list[int]]
    ):
        ids = torch.tensor([prompts[0]])
        kept: list[Tensor] = []
        mlp: Any = handle.block(2)
        hook = mlp.mlp.act_fn.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
        with torch.no_grad():
            handle.model(ids)
            _, cache = bridge.run_with_cache(ids, names_filter=lambda name: name == NEURON.hook)
        hook.remove()
        agree(
            at_sites(handle, [last(prompts[0])], [NEURON])["L2N41"][0],
            cache[NEURON.hook][0, -1, [41]].numpy(),
        )
        with pytest.raises(AssertionError):
            agree(kept[0][0, -1, [41]].numpy(), cache[NEURON.hook][0, -1, [41]].numpy())
