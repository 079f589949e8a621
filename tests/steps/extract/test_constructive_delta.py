"""Differences made without training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.steps.ablate.deltas import dense
from tests.steps.extract.places import sides
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.delta import Delta
from ws_dsl.artifacts.states import States
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import weight


def of(plus: States, minus: States) -> tuple[np.ndarray, np.ndarray]:
    """Mean difference and mean of both sides, at their place."""
    one, other = (next(iter(side.tensors.values())).astype(np.float64).mean(0) for side in (plus, minus))
    return one - other, (one + other) / 2


def test_what_writes_as_the_states_lie_writes_the_difference_too(bench: Bench):
    """(W + dW) x = W x + v where W x is the mean of the states; the other way round it is less v."""
    plus, minus = (
        bench("states", {"prompts": bench.prompts(one)}, site="L2mlp", at="last")
        for one in (PRESSURE, NEUTRAL)
    )
    made: Delta = bench("constructive_delta", {"plus": plus, "minus": minus})
    turned: Delta = bench("constructive_delta", {"plus": minus, "minus": plus})
    difference, middle = of(plus, minus)
    assert set(made.parts) == {"L2down"}
    matrix = weight(bench.handle, "L2down").astype(np.float64)
    read = np.linalg.pinv(matrix) @ middle
    np.testing.assert_allclose(matrix @ read, middle, atol=1e-6)
    np.testing.assert_allclose(dense(bench, made, "L2down") @ read, difference, atol=1e-4)
    np.testing.assert_allclose(dense(bench, turned, "L2down"), -dense(bench, made, "L2down"), atol=1e-6)


def test_along_the_contrast_it_is_a_projection_of_the_weights(bench: Bench):
    plus, minus = sides(bench, 1)
    made = bench("constructive_delta", {"plus": plus, "minus": minus}, along="contrast")
    difference, _ = of(plus, minus)
    turn = np.outer(difference, difference) / (difference @ difference)
    assert set(made.parts) == {"L1o", "L1down"}
    for address in made.parts:
        wanted = turn @ weight(bench.handle, address)
        np.testing.assert_allclose(dense(bench, made, address), wanted, atol=1e-5)
    assert made.notes["contrast"] == {"L1": pytest.approx(np.linalg.norm(difference), rel=1e-5)}


def test_every_layer_has_its_own_difference(bench: Bench):
    both = [sides(bench, layer) for layer in (0, 2)]
    pooled = {"plus": [plus for plus, _ in both], "minus": [minus for _, minus in both]}
    together = bench("constructive_delta", pooled)
    assert set(together.parts) == {"L0o", "L0down", "L2o", "L2down"}
    alone = bench("constructive_delta", {"plus": both[1][0], "minus": both[1][1]})
    np.testing.assert_array_equal(dense(bench, together, "L2o"), dense(bench, alone, "L2o"))


def test_states_that_say_nothing_of_these_weights(bench: Bench):
    plus, minus = sides(bench, 1)
    other = [replace(one, notes={**one.notes, "model": "another"}) for one in (plus, minus)]
    for inputs, said in (
        ({"plus": other[0], "minus": other[1]}, "of another model"),
        ({"plus": plus, "minus": sides(bench, 2)[1]}, "plus is at L1 and minus at L2"),
    ):
        with pytest.raises(MeasurementError, match=said):
            bench("constructive_delta", inputs)
    with pytest.raises(MeasurementError, match="no direction"):
        bench("constructive_delta", {"plus": plus, "minus": plus}, along="contrast")
