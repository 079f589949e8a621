"""The last block at the tokens that are read, against passes that go through it whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from tests.models.test_deltas import everywhere
from ws_dsl.models.deltas import Weighted
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, capture, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.tail import Tail
from ws_dsl.specs.site import FINAL, Site

PARTS = ["resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post"]
HOOKS = [f"blocks.3.{part}" for part in ("attn.hook_q", "attn.hook_z", "attn.hook_result", "mlp.hook_post")]
HOOKS += [f"blocks.3.hook_{part}" for part in PARTS] + ["ln_final.hook_normalized", FINAL]
EARLY = ["hook_embed", "blocks.1.hook_resid_mid"]


@pytest.fixture(scope="module")
def rows(handle: Handle) -> list[Row]:
    """More than one tail holds, one of them longer than a pack; edited below the last block and in it."""
    draw = np.random.default_rng(3)
    found: list[Row] = []
    for place, length in enumerate([*draw.integers(3, 8, 1200), *draw.integers(20, 60, 20), 1100]):
        ids = draw.integers(0, handle.shape.vocabulary, min(length, handle.shape.context)).tolist()
        edits: list[Edit] = []
        position = int(draw.integers(len(ids)))
        if place % 50 == 0:
            edits.append(Edit(Site.parse("L1"), int(draw.integers(len(ids))), 0.5, "scale"))
        if place % 600 == 0:
            edits.append(Edit(Site.parse("L3N7"), position, 2.0, "add"))
        found.append(Row(ids, position, edits))
    return found


def whole(handle: Handle, rows: Sequence[Row], hooks: Sequence[str]) -> dict[str, np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tail, "takes", lambda *_: False)
        return capture(handle, rows, hooks)


def test_bits_are_those_of_whole_passes(handle: Handle, rows: list[Row]):
    expected = whole(handle, rows, [*EARLY, *HOOKS])
    for last in (1, 4, len(HOOKS)):
        hooks = [*EARLY, *HOOKS[:last]]
        found = capture(handle, rows, hooks)
        assert all(found[hook].tobytes() == expected[hook].tobytes() for hook in hooks)
    some = [FINAL], ["blocks.1.mlp.hook_post"], ["blocks.2.hook_resid_post"]
    for hooks in some:
        (one,), (other,) = capture(handle, rows, hooks).values(), whole(handle, rows, hooks).values()
        assert one.tobytes() == other.tobytes()


def test_under_weight_differences(handle: Handle, rows: list[Row]):
    deltas = [
        everywhere(handle, ("factors", "rows", "bias")),
        everywhere(handle, ("columns", "blocks"), seed=1),
    ]
    weighted = [
        row._replace(
            edits=(),
            weights=tuple(
                Weighted(str(which), deltas[which], place % 7 / 7) for which in ([0], [1], [0, 1])[place % 3]
            ),
        )
        for place, row in enumerate(rows[::8])
    ]
    found = final_states(handle, weighted)
    assert found.tobytes() == whole(handle, weighted, [FINAL])[FINAL].tobytes()
    assert found.tobytes() != final_states(handle, [row._replace(weights=()) for row in weighted]).tobytes()


def test_several_tokens_of_one_row(handle: Handle, rows: list[Row]):
    every = [row._replace(edits=(), position=at) for row in rows[:300] for at in range(0, len(row.ids), 3)]
    assert final_states(handle, every).tobytes() == whole(handle, every, [FINAL])[FINAL].tobytes()


def test_the_last_block_does_no_more_than_is_read(handle: Handle, rows: list[Row]):
    tokens = [0] * handle.shape.layers

    def count(layer: int, _module: object, inputs: tuple[np.ndarray, ...]) -> None:
        tokens[layer] += inputs[0].shape[1]

    hooks = [
        handle.linear(layer, "gate").register_forward_pre_hook(partial(count, layer))
        for layer in range(handle.shape.layers)
    ]
    plain = [row._replace(edits=()) for row in rows if len(row.ids) < 60]
    final_states(handle, plain)
    for hook in hooks:
        hook.remove()
    assert tokens[-1] == -(-len(plain) // handle.room) * handle.room < tokens[0] / 2
