"""The second backend gives the numbers of the first, on its own machinery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.conftest import agree, last
from tests.models.test_parity import EDITED, HEAD, HOOKS, NEURON, OPERATIONS, STREAM
from ws_dsl.errors import ModelError
from ws_dsl.models import lens
from ws_dsl.models.attribution import gradients
from ws_dsl.models.edits import Edit
from ws_dsl.models.effects import effects
from ws_dsl.models.forward import Row, at_sites, capture, final_states
from ws_dsl.models.generation import generate
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import Layout
from ws_dsl.models.lens import Lens
from ws_dsl.models.patterns import patterns
from ws_dsl.models.readout import logits
from ws_dsl.models.replies import Request, Throughout
from ws_dsl.models.suffix import states
from ws_dsl.specs.site import FINAL, Site, family_hooks

Tokens = list[list[int]]

pytestmark = pytest.mark.filterwarnings("ignore:A forward hook edited hook_scale/hook_normalized")


@pytest.fixture(scope="module")
def second(folder: Path) -> Lens:
    return lens.load(folder)


def hooked(second: Lens) -> list[str]:
    """Hook points at which a function is left."""
    return [name for name, point in second.points.items() if point.fwd_hooks or point._forward_hooks]


def drawn(handle: Handle, position: int, address: str, place: int) -> Edit:
    site = Site.parse(address)
    value = np.random.default_rng(place).normal(size=site.width(handle.shape)).astype(np.float32)
    return Edit(site, position, value, OPERATIONS[place % 4])


def test_every_hook_is_one_of_its_own(second: Lens):
    from transformer_lens.hook_points import HookPoint

    for hook in [*HOOKS, "blocks.1.attn.hook_pattern"]:
        assert isinstance(second.place(hook).module, HookPoint)
    with pytest.raises(ModelError, match="N from 0 to 3"):
        second.place("blocks.4.hook_resid_post")


@pytest.mark.parametrize("layout", [None, "left"])
def test_captured_sites(handle: Handle, second: Lens, prompts: Tokens, layout: Layout | None):
    rows = [Row(ids, len(ids) - 1 - place % 3) for place, ids in enumerate(prompts)]
    ours, theirs = (capture(one, rows, HOOKS, layout=layout) for one in (handle, second))
    for hook, values in ours.items():
        agree(values, theirs[hook])
    agree(logits(handle, ours[FINAL]), logits(second, theirs[FINAL]))


@pytest.mark.parametrize("layout", [None, "left"])
@pytest.mark.parametrize("address", EDITED)
def test_edits(handle: Handle, second: Lens, prompts: Tokens, address: str, layout: Layout | None):
    early = Site.parse(address).layer is not None
    rows: list[Row] = []
    for place, ids in enumerate(prompts):
        at = place if early and place % 2 else len(ids) - 1
        rows.append(Row(ids, len(ids) - 1, [drawn(handle, at, address, place)]))
    ours, theirs = (capture(one, rows, [FINAL], layout=layout)[FINAL] for one in (handle, second))
    agree(ours, theirs)
    assert np.abs(theirs - final_states(second, [last(ids) for ids in prompts])).max() > 1e-3
    assert hooked(second) == []


@pytest.mark.parametrize("sites", [(HEAD,), (STREAM,), (HEAD, NEURON)], ids=lambda s: "+".join(map(str, s)))
def test_clamps_at_the_position_that_is_read(
    handle: Handle, second: Lens, prompts: Tokens, sites: tuple[Site, ...]
):
    """Ours from the middle of a clean pass, theirs in whole passes."""
    found: list[np.ndarray] = []
    for one in (handle, second):
        values = at_sites(one, [last(ids) for ids in [*prompts[1:], prompts[0]]], sites)
        edits = [
            [Edit(site, len(ids) - 1, values[str(site)][place]) for site in sites]
            for place, ids in enumerate(prompts)
        ]
        found.append(
            states(one, [Row(ids, len(ids) - 1, own) for ids, own in zip(prompts, edits, strict=True)])
        )
    agree(*found)


def test_a_clamp_to_its_own_value_changes_no_bit(second: Lens, prompts: Tokens):
    rows = [last(ids) for ids in prompts]
    own = at_sites(second, rows, [NEURON])["L2N41"]
    held = [
        row._replace(edits=[Edit(NEURON, row.position, value)]) for row, value in zip(rows, own, strict=True)
    ]
    assert states(second, held).tobytes() == states(second, rows).tobytes()


def test_a_row_has_the_same_bits_alone_and_together(second: Lens, prompts: Tokens):
    rows = [last(ids) for ids in prompts]
    together = final_states(second, rows)
    alone = np.concatenate([final_states(second, [row]) for row in rows])
    assert alone.tobytes() == together.tobytes()


@pytest.mark.parametrize("family", ["heads", "neurons"])
def test_the_effect_of_every_unit(handle: Handle, second: Lens, prompts: Tokens, family: Any):
    rows, hooks = [last(ids) for ids in prompts[:2]], family_hooks(family, handle.shape)
    targets = capture(handle, [last(ids) for ids in prompts[2:4]], hooks)
    ours, theirs = (effects(one, rows, family, targets, [40], [41, 42]) for one in (handle, second))
    agree(ours, theirs)
    assert np.abs(theirs).max() > 0.1


def test_gradients(handle: Handle, second: Lens, prompts: Tokens):
    rows = [last(ids) for ids in prompts]
    hooks = [*family_hooks("heads", handle.shape), *family_hooks("neurons", handle.shape)]
    ours, theirs = (gradients(one, rows, hooks, [40], [41, 42]) for one in (handle, second))
    for hook, values in ours.items():
        agree(values, theirs[hook])


def test_patterns(handle: Handle, second: Lens, prompts: Tokens):
    rows = [Row(ids, len(ids) - 2, [drawn(handle, 3, "L1", 0)]) for ids in prompts]
    ours, theirs = (patterns(one, rows, range(4)) for one in (handle, second))
    for hook, values in ours.items():
        for place in range(len(rows)):
            agree(values[place], theirs[hook][place])


def test_generation_under_edits(handle: Handle, second: Lens, prompts: Tokens):
    """In the prompt, while the reply is made, and throughout; with a cache of keys and values."""
    requests = [Request(ids, 10) for ids in prompts]
    requests += [
        Request(
            ids,
            10,
            edits=[drawn(handle, len(ids) - 2, "L1H2", 0), Edit(STREAM, len(ids) + 2, 1.0, "add")],
        )
        for ids in prompts
    ]
    requests += [Request(ids, 10, throughout=[Throughout(NEURON, 3.0, "scale")]) for ids in prompts]
    ours, theirs = generate(handle, requests), generate(second, requests)
    assert [reply.ids for reply in ours] == [reply.ids for reply in theirs]
    assert len({tuple(reply.ids) for reply in theirs}) > len(prompts)


def test_a_pass_that_fails_leaves_nothing_behind(second: Lens, prompts: Tokens):
    before = final_states(second, [last(prompts[0])])
    wrong = Edit(HEAD, 0, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="reshape"):
        final_states(second, [Row(prompts[0], 0, [wrong])])
    with pytest.raises(IndexError):
        final_states(second, [last([10**6])])
    assert hooked(second) == []
    assert final_states(second, [last(prompts[0])]).tobytes() == before.tobytes()
