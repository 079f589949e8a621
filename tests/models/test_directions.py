"""Cosines and angles against what random directions give, beside scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats

from ws_dsl.models.directions import chance_of_cosine, expected_cosine, overlap


def random_cosines(width: int, count: int = 20_000) -> np.ndarray:
    drawn = np.random.default_rng(0).standard_normal((count, width))
    return np.abs(drawn[:, 0] / np.linalg.norm(drawn, axis=1))


@pytest.mark.parametrize("width", [2, 3, 16, 256])
def test_the_null_is_that_of_random_directions(width):
    drawn = random_cosines(width)
    assert expected_cosine(width) == pytest.approx(drawn.mean(), rel=0.02)
    cosine = float(np.quantile(drawn, 0.9))
    assert chance_of_cosine(cosine, width) == pytest.approx(0.1, abs=0.01)
    best = drawn.reshape(-1, 10).max(1)
    assert chance_of_cosine(cosine, width, 10) == pytest.approx((best >= cosine).mean(), abs=0.03)


def test_one_coordinate_is_a_student_t():
    """For a random direction, c √(d−1) / √(1−c²) is Student's t with d − 1 degrees of freedom."""
    width, cosine = 64, 0.31
    t = cosine * np.sqrt(width - 1) / np.sqrt(1 - cosine**2)
    assert chance_of_cosine(-cosine, width) == pytest.approx(2 * stats.t.sf(t, width - 1), rel=1e-10)


@pytest.mark.parametrize(("cosine", "chance"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0), (1.0 + 1e-15, 0.0)])
def test_the_ends_of_the_range(cosine, chance):
    assert chance_of_cosine(cosine, 64) == chance_of_cosine(cosine, 64, 100) == chance


def test_small_chances_add_up_over_what_was_searched():
    single = chance_of_cosine(0.5, 256)
    assert chance_of_cosine(0.5, 256, 1000) == pytest.approx(1000 * single, rel=1e-9)


def test_principal_angles_are_those_of_scipy():
    generator = np.random.default_rng(2)
    first, second = generator.standard_normal((3, 40)), generator.standard_normal((5, 40))
    found = overlap(first, second)
    expected = np.rad2deg(np.sort(linalg.subspace_angles(first.T, second.T)))
    assert found.angles == pytest.approx(expected) and found.expected_overlap == 5 / 40
    assert overlap(second * 7, -first).angles == pytest.approx(expected)


def test_random_spans_are_as_expected():
    generator = np.random.default_rng(3)
    found = [
        overlap(generator.standard_normal((2, 24)), generator.standard_normal((3, 24))) for _ in range(40)
    ]
    assert np.mean([one.overlap for one in found]) == pytest.approx(3 / 24, abs=0.02)
    assert stats.kstest([one.p for one in found], "uniform").pvalue > 0.01


def test_a_span_that_holds_another_overlaps_it_wholly():
    first = np.random.default_rng(4).standard_normal((2, 32)).astype(np.float32)
    mixed = np.stack([first[0] + first[1], first[0] - 2 * first[1], first[0]])
    found = overlap(first, mixed)
    assert found.overlap == pytest.approx(1.0) and found.p == 0.001
    assert found.angles == pytest.approx([0, 0], abs=0.1)
