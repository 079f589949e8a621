from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.artifacts.estimate import Estimate, Stat


def effect(value: float | None, **labels: str) -> Given:
    stats = {"mean": Stat(value, None, None, None, 4), "sd": Stat(1.0, None, None, None, 4)}
    return Given(Estimate(stats, {"mean": np.zeros(2)}, "", ""), (0, 0), labels=labels)


def compared(*effects: Given, axis: str = "coeff"):
    return finding("opposite_sign", {"of": effects}, axis=axis)


def test_coefficients_that_are_opposite():
    found = compared(*(effect(c, coeff=str(c)) for c in (-2.0, -0.5, 0.5, 1.0, 2.0)))
    assert found.holds and found.detail.startswith("2 pairs")


def test_an_engineered_prompt_that_moves_both_ways_alike():
    """+0.045 for the honest pole, +0.049 for the dishonest: the template asked to mention the concept."""
    found = compared(effect(0.045, pole="honest"), effect(0.049, pole="dishonest"), axis="pole")
    assert not found.holds and found.at == [("of", 0), ("of", 1)]
    assert "0.045 at pole=honest, 0.049 at pole=dishonest" in found.detail


def test_other_labels_are_kept_apart():
    """Each family is compared with itself; the broken one is named."""
    found = compared(
        effect(1.0, family="lora", coeff="1"),
        effect(-1.0, family="lora", coeff="-1"),
        effect(1.0, family="oft", coeff="1"),
        effect(1.0, family="oft", coeff="-1"),
    )
    assert found.at == [("of", 2), ("of", 3)] and "[family=oft]" in found.detail


@pytest.mark.parametrize("value", [None, 0.0])
def test_no_effect_is_not_opposite(value: float | None):
    assert not compared(effect(value, coeff="-1"), effect(1.0, coeff="1")).holds


def test_coefficients_without_opposites():
    found = compared(effect(1.0, coeff="1"), effect(2.0, coeff="2"))
    assert not found.holds and "no opposites among coeff=1|2" in found.detail


def test_three_poles_are_no_opposites():
    assert not compared(*(effect(1.0, pole=name) for name in "abc"), axis="pole").holds


def test_a_picked_statistic():
    sides = [effect(1.0, coeff="1"), effect(-1.0, coeff="-1")]
    picked = [Given(one.value, (0, 0), "sd", labels=one.labels) for one in sides]
    assert compared(*sides).holds and not compared(*picked).holds
