"""Random directions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from tests.steps.extract.places import sides
from tests.steps.organism import Bench
from ws_dsl.steps.extract.random_vectors import direction


def test_as_long_as_the_others_and_at_their_place(bench: Bench):
    plus, minus = sides(bench)
    like = bench("mean_diff", {"plus": plus, "minus": minus})
    one, again, other = (bench("random_vectors", {"like": like}, seed=seed) for seed in (0, 0, 1))
    assert one.norms()[0] == pytest.approx(like.norms()[0], rel=1e-6)
    assert (one.site, one.at, one.mean_norm, one.model) == (like.site, like.at, like.mean_norm, like.model)
    assert one.to_artifact().files == again.to_artifact().files
    assert abs(one.units()[0] @ other.units()[0]) < 0.6


def test_uniform_on_the_sphere():
    """Entries of uniform directions in many dimensions are nearly normal, with no direction preferred."""
    drawn = np.stack([direction(seed, "", 64) for seed in range(400)])
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1.0)
    assert kstest(drawn.ravel() * 8, "norm").pvalue > 1e-3
    assert np.abs(drawn.mean(0)).max() < 4.5 / 8 / 20


def test_the_draw_is_fixed_for_good():
    np.testing.assert_allclose(direction(7, "a", 3) * [1, 1, 1], direction(7, "a", 3), rtol=0)
    assert not np.allclose(direction(7, "a", 3), direction(7, "b", 3))
