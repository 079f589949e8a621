"""Weight differences as arms, against a checkpoint whose weights were edited."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.decode import decode
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import matrix, weight
from ws_dsl.specs.kinds import find
from ws_dsl.specs.matrix import MATRICES


@pytest.fixture(scope="module")
def delta(bench: Bench) -> Delta:
    draw = np.random.default_rng(0)

    def part(address: str) -> Part:
        out, width = weight(bench.handle, address).shape
        left, right = (draw.normal(size=shape).astype("float32") for shape in ((out, 2), (2, width)))
        return Part(0.02 * left, right, rows=(0.02 * draw.normal(size=out)).astype("float32"))

    parts = {f"L{layer}{name}": part(f"L{layer}{name}") for layer in (1, 3) for name in MATRICES}
    return Delta(parts, "model", ["trained on"])


def edited(delta: Delta, coeff: float) -> Bench:
    bench = Bench()
    for address, part in delta.parts.items():
        module = matrix(bench.handle, address)
        module.weight.data += torch.tensor(coeff * part.dense(weight(bench.handle, address))).float()
    return bench


@pytest.mark.parametrize("coeff", [-1.0, 0.5])
def test_scores_are_those_of_edited_weights(bench: Bench, delta: Delta, coeff: float):
    prompts = bench.prompts(PRESSURE)
    arm = bench("add_weights", {"delta": delta}, coeff=coeff)
    found = bench.scores(prompts, arm).columns["value"]
    np.testing.assert_allclose(found, edited(delta, coeff).scores(prompts).columns["value"], atol=1e-5)
    assert np.abs(np.subtract(found, bench.scores(prompts).columns["value"])).max() > 1e-2


def test_it_goes_with_other_arms(bench: Bench, delta: Delta):
    """A clamp under changed weights holds what was computed without them."""
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)
    clamp = bench("clamp", {"source": source}, sites=["L2H1"], at="last")
    added = bench("add_weights", {"delta": delta}, coeff=0.5)
    both = bench("combine", {"of": [clamp, added]})
    found = bench.scores(prompts, both).columns["value"]
    expected = edited(delta, 0.5).scores(prompts, clamp).columns["value"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_it_was_trained_on_travels_with_it(bench: Bench, delta: Delta):
    assert bench("add_weights", {"delta": delta}).chosen_on == ["trained on"]


def test_nothing_added_is_none():
    kind = find("add_weights").spec
    assert kind.changes_nothing(kind.model_validate({"delta": "dW", "coeff": 0}))


def test_a_scale_is_the_unit(bench: Bench, delta: Delta):
    scale = bench("add_weights", {"delta": delta}, coeff=0.25)
    arm = bench("add_weights", {"delta": delta, "scale": scale}, coeff=-2.0)
    assert [added.coeff for added in arm.weights] == [-0.5]
    with pytest.raises(MeasurementError, match="no arm of one weight difference"):
        bench("add_weights", {"delta": delta, "scale": replace(scale, system="Be brief.")})


def test_arms_of_one_delta_share_its_bytes(bench: Bench, delta: Delta):
    files = delta.to_artifact().files
    arm: Arm = bench("add_weights", {"delta": delta}, coeff=0.3)
    stored = arm.to_artifact().files
    assert stored["weights.0.safetensors"] == files["delta.safetensors"]
    again: Arm = decode(set(stored), lambda name: bytes(stored[name]))
    assert again.weights[0].digest == delta.digest
    assert again.to_artifact().files == stored


def test_it_is_of_its_model(bench: Bench, delta: Delta):
    arm = bench("add_weights", {"delta": replace(delta, model="another")})
    with pytest.raises(MeasurementError, match="another model"):
        bench.scores(bench.prompts(NEUTRAL), arm)
