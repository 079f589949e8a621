"""Arms brought to a divergence, as `kl` measures it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.steps.extract.places import sides
from tests.steps.organism import PRESSURE, Bench
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import weight
from ws_dsl.specs.kinds import find


@pytest.fixture(scope="module")
def off_task(bench: Bench) -> Prompts:
    return bench.prompts("User: What is {}?\nAssistant:")


@pytest.fixture(scope="module")
def arms(bench: Bench) -> list[Any]:
    """A vector, and weight differences of which one is a hundred times the other."""
    plus, minus = sides(bench, 1)
    vector = bench("mean_diff", {"plus": plus, "minus": minus})

    def delta(size: float) -> Delta:
        out, width = weight(bench.handle, "L2down").shape
        left, right = (np.random.default_rng(1).normal(size=n).astype("float32") for n in (out, width))
        return Delta({"L2down": Part(size * left[:, None], right[None])}, "model", [])

    return [
        bench("add_vector", {"vector": vector}, coeff=0.1, during="both"),
        bench("add_weights", {"delta": delta(0.01)}),
        bench("add_weights", {"delta": delta(1.0)}),
    ]


def p95(bench: Bench, arm: Any, prompts: Prompts) -> float:
    # One token is looked at in every row: the row's value is that token's.
    table = bench("kl", {"arm": arm, "prompts": prompts})
    return float(np.quantile(table.columns["value"], 0.95))


@pytest.mark.parametrize("target", [0.02, 0.5])
def test_the_target_is_reached(bench: Bench, arms: list[Any], off_task: Prompts, target: float):
    inputs = [({"arm": arm, "prompts": off_task}, {"p95_kl": target}) for arm in arms]
    found = bench.cells("calibrate", inputs)
    for arm in found:
        assert p95(bench, arm, off_task) == pytest.approx(target, rel=0.011)
        assert arm.notes["calibrated"]["p95_kl"] == pytest.approx(p95(bench, arm, off_task), rel=1e-6)
        assert arm.notes["calibrated"]["passes"] <= 12
    small, large = (arm.weights[0].coeff for arm in found[1:])
    assert small == pytest.approx(100 * large, rel=0.01)
    alone = bench("calibrate", inputs[1][0], **inputs[1][1])
    assert alone.to_artifact().files == found[1].to_artifact().files


def test_coefficients_are_in_its_unit(bench: Bench, arms: list[Any], off_task: Prompts):
    inputs = {"arm": arms[1], "prompts": off_task}
    one, half, back = bench.cells(
        "calibrate", [(inputs, {"p95_kl": 0.1, "coeff": coeff}) for coeff in (1.0, 0.5, -1.0)]
    )
    assert half.weights[0].coeff == 0.5 * one.weights[0].coeff == -0.5 * back.weights[0].coeff
    kind = find("calibrate").spec
    assert kind.changes_nothing(kind.model_validate({**dict.fromkeys(inputs, "x"), "p95_kl": 1, "coeff": 0}))


def test_the_prompts_are_where_it_was_chosen(bench: Bench, arms: list[Any], off_task: Prompts):
    from ws_dsl.artifacts.rows import row_set

    found = bench("calibrate", {"arm": arms[1], "prompts": off_task}, p95_kl=0.1)
    assert row_set(off_task.ids()) in found.chosen_on


def test_what_has_no_strength(bench: Bench, arms: list[Any], off_task: Prompts):
    scale = bench("scale", {}, sites=["L2"], at="last", factor=0.5)
    for arm in (bench("system_prompt", {}, system="Be brief."), scale):
        with pytest.raises(MeasurementError, match="strength"):
            bench("calibrate", {"arm": arm, "prompts": off_task}, p95_kl=0.1)


def test_a_target_out_of_reach(bench: Bench, arms: list[Any]):
    """What changes nothing never diverges."""
    delta = Delta(
        {"L2down": Part(rows=np.zeros(weight(bench.handle, "L2down").shape[0], "float32"))}, "model", []
    )
    arm = bench("add_weights", {"delta": delta})
    with pytest.raises(MeasurementError, match="no coefficient"):
        bench("calibrate", {"arm": arm, "prompts": bench.prompts(PRESSURE)}, p95_kl=0.1)
