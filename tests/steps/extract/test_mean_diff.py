"""Mean differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.steps.extract.places import residual, sides
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError


def test_it_is_the_difference_of_the_means(bench: Bench):
    plus, minus = sides(bench)
    made = bench("mean_diff", {"plus": plus, "minus": minus})
    one, other = plus.tensors["L2"], minus.tensors["L2"]
    np.testing.assert_allclose(made.values[0], one.mean(0) - other.mean(0), atol=1e-5)
    norms = np.linalg.norm(np.concatenate([one, other]), axis=1)
    assert made.mean_norm == pytest.approx(norms.mean(), rel=1e-5)
    assert (made.site, made.at, made.method, made.labels) == ("L2", "last", "mean_diff", [""])


def test_repeats_are_averaged_per_row_and_rows_restricted(bench: Bench):
    plus, minus = sides(bench)
    repeats = [plus, residual(bench, bench.prompts("I think that {}."), 2)]
    within = Rows(("id",), {"id": ["0", "3"]}, {"id": "key"}, ("id",), "organism")
    made = bench("mean_diff", {"plus": repeats, "minus": minus, "rows": within})
    mean = np.mean([states.tensors["L2"][[0, 3]] for states in repeats], axis=(0, 1))
    np.testing.assert_allclose(made.values[0], mean - minus.tensors["L2"][[0, 3]].mean(0), atol=1e-5)


def test_sides_that_cannot_be_contrasted(bench: Bench):
    plus, minus = sides(bench)
    fewer = residual(bench, bench.prompts(NEUTRAL, ["2 + 3 = 5"]), 2)
    elsewhere = residual(bench, bench.prompts(NEUTRAL), 1)
    other = replace(minus, notes={**minus.notes, "model": "another"})
    for faulty, said in (
        (fewer, "different rows"),
        (elsewhere, "different places"),
        (other, "different places or models"),
    ):
        with pytest.raises(MeasurementError, match=said):
            bench("mean_diff", {"plus": plus, "minus": faulty})
    nobody = Rows(("id",), {"id": ["x"]}, {"id": "key"}, ("id",), "organism")
    with pytest.raises(MeasurementError, match="no rows"):
        bench("mean_diff", {"plus": plus, "minus": minus, "rows": nobody})


def test_the_direction_of_pressure_is_there(bench: Bench):
    """So that the laws above could fail: other prompts give another direction."""
    plus, minus = sides(bench)
    made = bench("mean_diff", {"plus": plus, "minus": minus})
    turned = bench("mean_diff", {"plus": minus, "minus": plus})
    np.testing.assert_allclose(turned.values, -made.values)
    assert made.norms()[0] > 0.1 and PRESSURE != NEUTRAL
