"""Ridge directions, against scikit-learn and against what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from tests.steps.extract.places import numbers, planted, unit
from tests.steps.organism import Bench
from ws_dsl.artifacts.states import States
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError

BENCH = Bench()


def ridge(states: States, scores: np.ndarray, **fields: float) -> Vectors:
    return BENCH("ridge_direction", {"states": states, "score": numbers(scores.tolist())}, **fields)


def drawn(rows: int, width: int = 12) -> tuple[States, np.ndarray]:
    """States, and scores that rise by 0.5 per unit along a direction, with noise."""
    states = planted(unit(width), np.zeros(rows))
    along = (states.tensors["L1"].astype(np.float64) - 5.0) @ unit(width)
    return states, 0.5 * along + 3.0 + 0.1 * np.random.default_rng(7).standard_normal(rows)


@pytest.mark.parametrize(("rows", "width", "alpha"), [(200, 12, 1.0), (200, 12, 30.0), (20, 64, 0.1)])
def test_it_is_that_of_scikit_learn(rows: int, width: int, alpha: float):
    states, scores = drawn(rows, width)
    found = ridge(states, scores, alpha=alpha)
    values = states.tensors["L1"].astype(np.float64)
    spread = np.sqrt(np.square(values - values.mean(0)).mean())
    theirs = Ridge(alpha=alpha, solver="svd").fit(values / spread, scores)
    weights = theirs.coef_ / spread
    np.testing.assert_allclose(found.values[0], weights / np.linalg.norm(weights), atol=1e-5)
    said = values @ found.values[0] * found.notes["slope"] + found.notes["intercept"]
    np.testing.assert_allclose(said, theirs.predict(values / spread), atol=1e-5)
    assert found.notes["r_squared"] == pytest.approx(r2_score(scores, said), abs=1e-5)


def test_the_planted_direction_is_found_and_its_slope():
    states, scores = drawn(2000)
    found = ridge(states, scores)
    assert found.values[0] @ unit(12) > 0.99
    assert found.notes["slope"] == pytest.approx(0.5, abs=0.02)
    assert found.norms()[0] == pytest.approx(1.0, abs=1e-6)


def test_the_direction_follows_the_score_and_not_its_unit():
    states, scores = drawn(50)
    one = ridge(states, scores)
    np.testing.assert_allclose(ridge(states, 10 * scores - 4).values, one.values, atol=1e-6)
    np.testing.assert_allclose(ridge(states, -scores).values, -one.values, atol=1e-6)


def test_a_score_that_does_not_vary():
    states, _ = drawn(20)
    with pytest.raises(MeasurementError, match="does not vary"):
        ridge(states, np.ones(20))


@pytest.mark.parametrize("kind", ["ridge_direction", "logistic_probe", "class_mean_diff"])
def test_numbers_whose_squares_are_too_large(kind: str):
    states, _ = drawn(4)
    field = "score" if kind == "ridge_direction" else "label"
    with pytest.raises(MeasurementError, match=r"row 0 is 1e\+308: .* larger unit"):
        BENCH(kind, {"states": states, field: numbers([1e308, -1e308, 1e308, -1e308])})


def test_a_score_at_the_largest_numbers_that_are_read():
    states, scores = drawn(50)
    one = ridge(states, scores)
    found = ridge(states, scores / np.abs(scores).max() * 1e100)
    np.testing.assert_allclose(found.values, one.values, atol=1e-6)
    assert found.notes["r_squared"] == pytest.approx(one.notes["r_squared"])
