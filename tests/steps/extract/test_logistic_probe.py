"""Probes, against scikit-learn and against what was planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from tests.steps.extract.places import numbers, planted, unit
from tests.steps.organism import Bench
from ws_dsl.artifacts.states import States
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError

BENCH = Bench()


def probe(states: States, labels: np.ndarray, **fields: float) -> Vectors:
    return BENCH("logistic_probe", {"states": states, "label": numbers(labels.tolist())}, **fields)


def drawn(rows: int, slope: float = 2.0, seed: int = 0) -> tuple[States, np.ndarray]:
    """States, and labels drawn with log-odds that rise along `unit(12)`."""
    states = planted(unit(12), np.zeros(rows), seed=seed)
    along = (states.tensors["L1"].astype(np.float64) - 5.0) @ unit(12)
    return states, np.random.default_rng(seed + 1).random(rows) < expit(slope * along)


@pytest.mark.parametrize("penalty", [0.01, 1.0, 50.0])
def test_it_is_that_of_scikit_learn(penalty: float):
    states, labels = drawn(200)
    found = probe(states, labels, penalty=penalty)
    values = states.tensors["L1"].astype(np.float64)
    spread = np.sqrt(np.square(values - values.mean(0)).mean())
    theirs = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    theirs.fit((values - values.mean(0)) / spread, labels)
    weights = theirs.coef_[0] / spread
    np.testing.assert_allclose(found.values[0], weights / np.linalg.norm(weights), atol=1e-5)
    assert found.notes["slope"] == pytest.approx(np.linalg.norm(weights), rel=1e-5)
    log_odds = values @ found.values[0] * found.notes["slope"] + found.notes["intercept"]
    assert found.notes["accuracy"] == np.mean((log_odds > 0) == labels)
    assert (found.notes["plus"], found.notes["minus"]) == (labels.sum(), (~labels).sum())
    assert found.norms()[0] == pytest.approx(1.0, abs=1e-6)


def test_the_planted_direction_is_found_and_its_slope():
    states, labels = drawn(20_000)
    found = probe(states, labels, penalty=1e-3)
    assert found.values[0] @ unit(12) > 0.99
    assert found.notes["slope"] == pytest.approx(2.0, abs=0.1)
    assert found.notes["intercept"] == pytest.approx(-2.0 * 5.0 * unit(12).sum(), abs=0.5)


def test_the_penalty_means_the_same_whatever_activations_are_measured_in():
    states, labels = drawn(100)
    larger = replace(states, tensors={"L1": 64 * states.tensors["L1"]})
    one, other = probe(states, labels), probe(larger, labels)
    np.testing.assert_allclose(one.values, other.values, atol=1e-6)
    assert one.notes["accuracy"] == other.notes["accuracy"]
    assert other.mean_norm == pytest.approx(64 * one.mean_norm)


def test_a_large_penalty_gives_the_difference_of_the_means():
    states, labels = drawn(100)
    table = numbers(labels.tolist())
    means = BENCH("class_mean_diff", {"states": states, "label": table})
    assert probe(states, labels, penalty=1e6).values[0] @ means.units()[0] == pytest.approx(1.0, abs=1e-4)


def test_labels_that_say_nothing():
    states, labels = drawn(100)
    with pytest.raises(ValueError, match="greater than 0"):
        probe(states, labels, penalty=0)
    equal = replace(states, tensors={"L1": np.ones((100, 12), np.float32)})
    with pytest.raises(MeasurementError, match="all states are equal"):
        probe(equal, labels)
    noise = np.random.default_rng(9).random(40) < 0.5
    wide = planted(unit(200), np.zeros(40))
    assert probe(wide, noise, penalty=1e-3).notes["accuracy"] == 1.0, "more entries than rows fit anything"
