"""The law above all: a row's bytes never depend on what runs beside it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.conftest import agree, last
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, capture
from ws_dsl.models.handle import Handle
from ws_dsl.models.readout import log_probabilities, logits
from ws_dsl.specs.site import FINAL, Site

HOOKS = [
    "blocks.0.attn.hook_z",
    "blocks.1.attn.hook_result",
    "blocks.3.attn.hook_v",
    "blocks.3.hook_resid_mid",
    "blocks.3.mlp.hook_post",
    "ln_final.hook_normalized",
    FINAL,
]
HEAD, RESULT, NEURON = Site.parse("L1H2"), Site.parse("L1R1"), Site.parse("L2N41")


@pytest.fixture(scope="module")
def rows(handle: Handle) -> list[Row]:
    """Rows of all lengths up to 130 tokens, a third of them edited, a few of them twice."""
    draw = np.random.default_rng(7)
    found: list[Row] = []
    for place in range(42):
        length = int(draw.integers(1, 60 if place < 38 else 130))
        ids = draw.integers(0, handle.shape.vocabulary, length).tolist()
        position = int(draw.integers(0, length))
        edits: list[Edit] = []
        if place % 3 == 0:
            edits.append(Edit(HEAD, position, draw.normal(size=16).astype(np.float32)))
            edits.append(Edit(RESULT, position, 0.5, "scale"))
        if place % 6 == 0:
            edits.append(Edit(NEURON, length - 1, draw.normal(size=1).astype(np.float32)))
        found.append(Row(ids, length - 1, edits))
    return [*found, *found[:6]]


@pytest.fixture(scope="module")
def together(handle: Handle, rows: list[Row]) -> dict[str, np.ndarray]:
    return capture(handle, rows, HOOKS)


def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], places: list[int]) -> bool:
    return all(ours[hook].tobytes() == theirs[hook][places].tobytes() for hook in HOOKS)


def test_alone(handle: Handle, rows: list[Row], together: dict[str, np.ndarray]):
    assert all(same(capture(handle, [row], HOOKS), together, [place]) for place, row in enumerate(rows[:24]))


@pytest.mark.parametrize("seed", [0])
def test_in_any_order(handle: Handle, rows: list[Row], together: dict[str, np.ndarray], seed: int):
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    assert same(capture(handle, [rows[place] for place in order], HOOKS), together, order)


@pytest.mark.parametrize("share", [7])
def test_among_fewer(handle: Handle, rows: list[Row], together: dict[str, np.ndarray], share: int):
    for start in range(0, len(rows), share):
        places = list(range(start, min(start + share, len(rows))))
        assert same(capture(handle, [rows[place] for place in places], HOOKS), together, places)


def test_beside_other_arms(handle: Handle, rows: list[Row], together: dict[str, np.ndarray]):
    arms = [Row(row.ids, row.position, [Edit(NEURON, 0, np.float32([9.0]))]) for row in rows]
    mixed = capture(handle, [row for pair in zip(arms, rows, strict=True) for row in pair], HOOKS)
    assert same({hook: values[1::2] for hook, values in mixed.items()}, together, list(range(len(rows))))


def test_twice(rows: list[Row], together: dict[str, np.ndarray]):
    first, again = list(range(6)), list(range(42, 48))
    assert same({hook: values[again] for hook, values in together.items()}, together, first)


def test_fewer_hooks(handle: Handle, rows: list[Row], together: dict[str, np.ndarray]):
    for hook in (HOOKS[1], HOOKS[3]):
        assert capture(handle, rows, [hook])[hook].tobytes() == together[hook].tobytes()


def test_what_fills_the_padding(handle: Handle, rows: list[Row]):
    """Tokens after the position that is read are as good as none, within the same padded length."""
    padded = capture(handle, rows, HOOKS, layout="right")
    for place, row in enumerate(rows[:8]):
        spare = -len(row.ids) % 8
        longer = Row([*row.ids, *([5] * spare)], row.position, row.edits)
        assert same(capture(handle, [longer], HOOKS, layout="right"), padded, [place])


def test_what_follows_the_token_that_is_read(
    handle: Handle, rows: list[Row], together: dict[str, np.ndarray]
):
    """It is as good as nothing, to rounding: attention runs over rows of another length."""
    for place, row in enumerate(rows[:8]):
        longer = Row([*row.ids, *([5] * (1 + place))], row.position, row.edits)
        for hook, values in capture(handle, [longer], HOOKS).items():
            agree(values, together[hook][[place]])


def test_a_row_longer_than_a_pack(handle: Handle, rows: list[Row], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(handle), "room", 48)
    some = [row for row in rows if row.edits]
    assert max(len(row.ids) for row in some) > 48
    found = capture(handle, some, HOOKS)
    for place, row in enumerate(some):
        assert same(capture(handle, [row], HOOKS), found, [place])


def test_padded_on_the_left(handle: Handle, rows: list[Row]):
    some = [row for row in rows if len(row.ids) < 25]
    all_together = capture(handle, some, HOOKS, layout="left")
    for place, row in enumerate(some[:8]):
        assert same(capture(handle, [row], HOOKS, layout="left"), all_together, [place])


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 4])
def test_on_more_threads(handle: Handle, monkeypatch: pytest.MonkeyPatch, threads: int):
    """Large models compute on all cores; the seams between the threads' shares must not show."""
    monkeypatch.setattr(handle, "threads", threads)
    draw = np.random.default_rng(1)
    rows = [last(draw.integers(0, handle.shape.vocabulary, 20).tolist()) for _ in range(30)]
    found = capture(handle, rows, HOOKS)
    for places in (list(range(30))[::-1], [17], [3, 29]):
        assert same(capture(handle, [rows[place] for place in places], HOOKS), found, places)


def test_reading_out(handle: Handle, together: dict[str, np.ndarray]):
    states = together[FINAL]
    everything = logits(handle, states)
    order = np.random.default_rng(0).permutation(len(states))
    assert logits(handle, states[order]).tobytes() == everything[order].tobytes()
    for start in range(0, len(states), 7):
        assert logits(handle, states[start : start + 7]).tobytes() == everything[start : start + 7].tobytes()
        alone = log_probabilities(handle, states[start : start + 1], [5, 9])
        assert alone.tobytes() == log_probabilities(handle, states, [5, 9])[start].tobytes()


def test_no_hook_outlives_its_pass(handle: Handle, rows: list[Row], together: dict[str, np.ndarray]):
    capture(handle, rows[:1], HOOKS[:2])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in handle.model.modules())
    assert same(capture(handle, [rows[1]], HOOKS), together, [1])
