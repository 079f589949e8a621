"""Against hidden states of plain transformers, and numbers by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.steps.analyse.cells import rows
from tests.steps.measure.arms import WIDTH, added, adding, reweighted, reweighting
from tests.steps.measure.said import conversations
from tests.steps.measure.test_nll import TURNS
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.arm import Arm, Change
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.steps.measure import perturbation


def size(bench: Bench, prompts: Any, arm: Arm, **more: Any) -> Estimate:
    return bench("perturbation", {"prompts": prompts, "arm": arm, **more})


def values(found: Estimate) -> dict[str, float]:
    return {name: float(stat.value) for name, stat in found.stats.items() if stat.value is not None}


def stream(plain: Plain, ids: list[int], layer: int) -> np.ndarray:
    """The residual stream after a layer, (tokens, width)."""
    kept: list[torch.Tensor] = []
    module = plain.model.model.layers[layer]
    hook = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    plain.logits(ids)
    hook.remove()
    return kept[0][0].numpy()


def lengths(states: np.ndarray) -> np.ndarray:
    return np.linalg.norm(states, axis=-1)


def test_what_is_added_over_the_norm_there(bench: Bench, plain: Plain):
    """The vector's own length over that of each activation; measured again where the stream ends."""
    prompts, layer, amount = bench.prompts(PRESSURE), 1, 0.8
    found = size(bench, prompts, added(layer, amount))
    before = [stream(plain, ids, layer) for ids in prompts.tokens]
    shares = [amount * WIDTH**0.5 / lengths(own) for own in before]
    ends = [stream(plain, ids, 3)[-1] for ids in prompts.tokens]
    with adding(plain, layer, amount):
        moved = [stream(plain, ids, 3)[-1] for ids in prompts.tokens]
    final = [np.linalg.norm(m - e) / np.linalg.norm(e) for m, e in zip(moved, ends, strict=True)]
    expected = {
        "value": np.mean([own.mean() for own in shares]),
        "final": np.mean(final),
        "max": max(own.max() for own in shares),
        "n": len(prompts),
    }
    assert values(found) == pytest.approx(expected, rel=1e-4)
    assert found.notes["hooks"] == ["blocks.1.hook_resid_post"]
    assert found.notes["edited"] == sum(map(len, prompts.tokens))
    assert found.notes["mean_norm"] == pytest.approx(np.concatenate([lengths(own) for own in before]).mean())


def test_it_grows_with_the_coefficient(bench: Bench):
    prompts = bench.prompts(PRESSURE)
    one, two = (values(size(bench, prompts, added(1, amount))) for amount in (0.2, 0.4))
    assert two["value"] == pytest.approx(2 * one["value"], rel=1e-4)
    assert two["final"] > one["final"] > 0


def test_weights_are_measured_where_the_stream_ends(bench: Bench, plain: Plain):
    prompts = bench.prompts(PRESSURE)
    found = size(bench, prompts, reweighted(2, 3.0))
    before = [stream(plain, ids, 3)[-1] for ids in prompts.tokens]
    with reweighting(plain, 2, 3.0):
        after = [stream(plain, ids, 3)[-1] for ids in prompts.tokens]
    shares = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(after, before, strict=True)]
    assert values(found) == pytest.approx(
        {"value": np.mean(shares), "final": np.mean(shares), "max": max(shares), "n": 8}, rel=1e-4
    )
    assert found.notes["hooks"] == [] and found.notes["mean_norm"] is None


def test_a_system_message_is_measured_at_the_same_last_token(bench: Bench):
    prompts = conversations(bench, TURNS)
    found = values(size(bench, prompts, Arm([], None, [], (), "You always lie.")))
    assert found["value"] == found["final"] > 0.01


def test_both_at_once_are_measured_where_the_activations_are_edited(bench: Bench):
    """Tokens that only the message brought stand for none without it."""
    prompts, edit = conversations(bench, TURNS), added(1, 0.8).changes
    found = size(bench, prompts, Arm(edit, "model", [], (), "You always lie and never say so."))
    alone = size(bench, prompts, added(1, 0.8))
    edited = found.notes["edited"]
    assert isinstance(edited, int) and 0 < edited <= sum(map(len, prompts.tokens))
    assert values(found)["value"] > values(alone)["value"]


def test_a_neuron_counts_against_all_of_its_layer(bench: Bench, plain: Plain):
    prompts = bench.prompts(NEUTRAL)
    arm = Arm([Change("set", ["L2N7", "L2N9"], at="last", number=0.0)], "model", [])
    found = values(size(bench, prompts, arm))
    shares: list[float] = []
    for ids in prompts.tokens:
        of = {
            unit.index: float(v) for unit, v in plain.activations(ids, "neurons").items() if unit.layer == 2
        }
        shares.append(np.hypot(of[7], of[9]) / np.linalg.norm([*of.values()]))
    assert found["value"] == pytest.approx(np.mean(shares), rel=1e-3)
    assert found["max"] == pytest.approx(max(shares), rel=1e-3)


def test_intervals_are_over_units(bench: Bench):
    """Rows of one unit stand or fall together; `max` and `n` have no interval."""
    prompts = bench.prompts(PRESSURE)
    apart = size(bench, prompts, added(1, 0.8))
    behind = rows([str(place) for place in range(8)], ("pair",), pair=[place // 2 for place in range(8)])
    paired = size(bench, prompts, added(1, 0.8), row_columns=behind)
    assert values(apart) == values(paired) and apart.units != paired.units
    assert paired.notes["units"] == 4
    for found in (apart, paired):
        assert set(found.draws) == {"value", "final"}
        for name in found.draws:
            low, high, value = (getattr(found.stats[name], part) for part in ("low", "high", "value"))
            assert low < value < high
            assert np.mean(found.draws[name]) == pytest.approx(value, rel=0.02)


def test_cells_made_together_are_those_made_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Byte for byte, whatever is held at once; the passes without an arm are shared."""
    prompts = bench.prompts(PRESSURE)
    arms = [added(1, 0.8), added(2, -0.4, "prompt"), reweighted(2, 3.0)]
    arms.append(Arm([Change("scale", ["L1H2"], at="last", number=0.5)], "model", []))
    alone = [size(bench, prompts, arm).to_artifact() for arm in arms]
    cells: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"prompts": prompts, "arm": arm}, {}) for arm in arms
    ]
    before = bench.handle.rows
    assert [made.to_artifact() for made in bench.cells("perturbation", cells)] == alone
    assert bench.handle.rows - before == len(prompts) * (1 + len(arms))
    monkeypatch.setattr(perturbation, "_HELD", 1)
    assert [made.to_artifact() for made in bench.cells("perturbation", cells)] == alone
