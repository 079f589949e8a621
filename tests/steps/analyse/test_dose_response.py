"""Responses along coefficients, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.steps.analyse.cells import Given, files_of
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell

DOSES = ["-1", "-0.5", "0.5", "1", "4"]


def effect(value: float | None, seed: int = 0, row_set: str = "rows") -> Estimate:
    draws = {} if value is None else {"mean": value + 0.1 * np.random.default_rng(seed).normal(size=200)}
    return Estimate(
        {"mean": Stat(value, None, None, None, 9, "none" if value is None else "")}, draws, "units", row_set
    )


def respond(values: list[Estimate], labels: list[str] = DOSES) -> Estimate:
    kind = find("dose_response")
    spec = kind.spec.model_validate({"of": "x", "along": "coeff"})
    inputs = [
        Given(one, (place,), labels={"coeff": label})
        for place, (one, label) in enumerate(zip(values, labels, strict=True))
    ]
    ((_, made),) = kind.module.run([Cell(spec, {"of": inputs})], None)  # pyright: ignore
    return Estimate.from_files(files_of(made).__getitem__)


def test_it_is_scipys_with_no_effect_at_zero():
    values = [-2.0, -0.7, 0.4, 2.2, -1.5]
    found = respond([effect(value, place) for place, value in enumerate(values)])
    doses = [*map(float, DOSES), 0.0]
    assert found.stats["spearman"].value == pytest.approx(stats.spearmanr(doses, [*values, 0.0]).statistic)
    assert found.stats["slope"].value == pytest.approx(stats.linregress(doses, [*values, 0.0]).slope)
    assert found.stats["signs"].value == pytest.approx(4 / 5)
    for stat in found.stats.values():
        assert stat.low is not None and stat.high is not None and stat.low <= stat.high


def test_a_steady_response_is_one_whatever_the_order_of_the_labels():
    values = [effect(float(dose), place) for place, dose in enumerate(DOSES)]
    turned = respond(values[::-1], DOSES[::-1])
    assert turned.stats["spearman"].value == pytest.approx(1.0)
    assert turned.stats["signs"].value == 1.0


def test_no_response():
    found = respond([effect(0.0, place) for place in range(5)])
    assert found.stats["spearman"].value == 0.0
    assert found.stats["slope"].value == 0.0


def test_too_few_coefficients():
    found = respond([effect(1.0), effect(2.0), effect(None), effect(None), effect(None)])
    assert found.stats["spearman"].value is None
    assert "3 are needed" in found.stats["spearman"].reason


def test_what_is_no_response():
    with pytest.raises(MeasurementError, match="is no number"):
        respond([effect(1.0)], ["high"])
    with pytest.raises(MeasurementError, match="different rows"):
        respond([effect(1.0), effect(1.0), effect(1.0, 0, "other")], DOSES[:3])
