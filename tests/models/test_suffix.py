"""Laws of the suffix path: the full path's numbers on less work, and bytes that depend on the row alone."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.models.conftest import agree, last
from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models import suffix
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, at_sites, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.suffix import is_late, states
from ws_dsl.specs.site import Site

SITES = (
    *("L0H1", "L1N4", "L2", "L3H2", "L2Q1", "L2K0", "L2V1", "L1attn", "L1mid", "L2mlp", "L1pre", "L3R2"),
    *("embed", "normalized", "final"),
)


def edited(handle: Handle, ids: list[int], position: int, draw: np.random.Generator, *sites: str) -> Row:
    edits = [
        Edit(site, position, draw.normal(size=site.width(handle.shape)).astype(np.float32))
        for site in map(Site.parse, sites)
    ]
    return Row(ids, position, edits)


@pytest.fixture(scope="module")
def rows(handle: Handle) -> list[Row]:
    """Prompts of all lengths up to 130 tokens, under several arms and under none, read at or near the end."""
    draw = np.random.default_rng(11)
    found: list[Row] = []
    for place in range(18):
        length = int(draw.integers(1, 45 if place < 16 else 130))
        ids = draw.integers(0, handle.shape.vocabulary, length).tolist()
        position = length - 1 - int(draw.integers(0, min(3, length)))
        site, other = draw.permutation(SITES[:12])[:2]
        found += [
            edited(handle, ids, position, draw, str(site)),
            Row(ids, position),
            edited(handle, ids, position, draw, "L1H1", "L3N1", str(other)),
        ]
        if place % 4 == 0:
            found.append(edited(handle, ids, position, draw, "L2H0"))
            found.append(found[-1]._replace(position=length - 1))
    return found


@pytest.fixture(scope="module")
def together(handle: Handle, rows: list[Row]) -> np.ndarray:
    return states(handle, rows)


def test_the_full_path_gives_the_same(handle: Handle, rows: list[Row], together: np.ndarray):
    assert sum(is_late(row) for row in rows) >= 40
    agree(together, final_states(handle, rows))


def test_at_every_site(handle: Handle, prompts: list[list[int]]):
    draw = np.random.default_rng(0)
    arms = [edited(handle, ids, len(ids) - 1, draw, site) for site in SITES for ids in prompts[:2]]
    ours = states(handle, arms)
    agree(ours, final_states(handle, arms))
    moved = ours - np.tile(final_states(handle, [last(ids) for ids in prompts[:2]]), (len(SITES), 1))
    assert np.abs(moved).max(axis=1).min() > 3e-5


def test_with_every_operation(handle: Handle, prompts: list[list[int]]):
    ids, at = prompts[0], len(prompts[0]) - 1
    stream, head = Site.parse("L1"), Site.parse("L2H1")
    arms = [
        Row(ids, at, [Edit(stream, at, np.ones(handle.shape.width, np.float32), "add")]),
        Row(ids, at, [Edit(stream, at, 2.0, "scale"), Edit(head, at, 0.5, "scale")]),
        Row(ids, at, [Edit(head, at, operation="zero")]),
    ]
    agree(states(handle, arms), final_states(handle, arms))


def test_rows_that_are_not_late_keep_the_bits_of_the_full_path(
    handle: Handle, rows: list[Row], together: np.ndarray
):
    rest = [place for place, row in enumerate(rows) if not is_late(row)]
    assert {bool(rows[place].edits) for place in rest} == {True, False}
    assert final_states(handle, [rows[place] for place in rest]).tobytes() == together[rest].tobytes()


def test_alone(handle: Handle, rows: list[Row], together: np.ndarray):
    for place, row in enumerate(rows):
        assert states(handle, [row]).tobytes() == together[place].tobytes()


def test_among_fewer_in_any_order(handle: Handle, rows: list[Row], together: np.ndarray):
    order = np.random.default_rng(3).permutation(len(rows)).tolist()
    for start in range(0, len(order), 11):
        places = order[start : start + 11]
        assert states(handle, [rows[place] for place in places]).tobytes() == together[places].tobytes()


@pytest.mark.parametrize("threads", [2])
def test_on_more_threads(handle: Handle, monkeypatch: pytest.MonkeyPatch, threads: int):
    """Large models compute on all cores; the seams between the threads' shares must not show."""
    monkeypatch.setattr(handle, "threads", threads)
    draw = np.random.default_rng(1)
    prompts = [draw.integers(0, handle.shape.vocabulary, 20).tolist() for _ in range(30)]
    arms = [edited(handle, ids, 19, draw, "L2N3") for ids in prompts]
    found = states(handle, arms)
    for places in (list(range(30))[::-1], [17]):
        assert states(handle, [arms[place] for place in places]).tobytes() == found[places].tobytes()


def test_fewer_arms_in_one_call(
    handle: Handle, rows: list[Row], together: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(suffix, "_LANES", 8)
    agree(states(handle, rows), together)


def test_clamping_every_head_and_neuron_of_a_layer_to_its_own_value(handle: Handle, prompts: list[list[int]]):
    sites = [Site.parse(text) for text in ("L0H0", "L1H3", "L2N41", "L3N159", "L2")]
    free = [last(ids) for ids in prompts]
    values = at_sites(handle, free, sites)
    own = [
        row._replace(edits=[Edit(site, row.position, values[str(site)][place]) for site in sites])
        for place, row in enumerate(free)
    ]
    agree(states(handle, own), final_states(handle, free))


def test_rows_longer_than_a_pack(handle: Handle, rows: list[Row], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(handle), "room", 48)
    assert max(len(row.ids) for row in rows) > 48
    found = states(handle, rows)
    agree(found, final_states(handle, rows))
    for place in (0, len(rows) // 2, len(rows) - 1):
        assert states(handle, [rows[place]]).tobytes() == found[place].tobytes()


def test_only_the_edited_token_runs_again_and_only_above_the_edit(handle: Handle, prompts: list[list[int]]):
    draw = np.random.default_rng(0)
    ids = prompts[0]
    arms = [edited(handle, ids, len(ids) - 1, draw, site) for site in ("L2H1", "L2N3", "L3")]
    tokens: Counter[int] = Counter()

    def count(layer: int, _module: Any, inputs: tuple[Any, ...]) -> None:
        tokens[layer] += inputs[0].shape[1]

    hooks = [
        handle.place(f"blocks.{layer}.mlp.hook_post").module.register_forward_pre_hook(partial(count, layer))
        for layer in range(handle.shape.layers)
    ]
    passes = handle.passes
    states(handle, arms)
    for hook in hooks:
        hook.remove()
    # The last block of the clean pass ends with its keys and values; below the lowest edit no arm runs.
    assert tokens == {0: handle.room, 1: handle.room, 2: handle.room + suffix._LANES, 3: suffix._LANES}
    assert handle.passes == passes + 1


def test_progress_counts_every_row_once(handle: Handle, rows: list[Row]):
    told: list[int] = []
    states(handle, rows, told.append)
    assert sum(told) == len(rows)


def test_no_hook_outlives_its_pass(handle: Handle, rows: list[Row]):
    states(handle, rows[:3])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in handle.model.modules())


def test_no_rows(handle: Handle):
    assert states(handle, []).shape == (0, handle.shape.width)


def test_what_is_refused(handle: Handle, prompts: list[list[int]]):
    ids = prompts[0]
    value = np.zeros(1, np.float32)
    with pytest.raises(MeasurementError, match="two edits of L1N3"):
        states(handle, [Row(ids, 3, [Edit(Site.parse("L1N3"), 3, value)] * 2)])
    with pytest.raises(ModelError, match="outside the model"):
        states(handle, [Row(ids, 3, [Edit(Site.parse("L9N3"), 3, value)])])
    with pytest.raises(MeasurementError, match="outside a row of"):
        states(handle, [Row(ids, len(ids), [Edit(Site.parse("L1N3"), len(ids), value)])])
