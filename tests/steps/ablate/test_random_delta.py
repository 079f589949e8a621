"""Random changes of the size of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from tests.steps.ablate.deltas import bias, change, dense, low_rank
from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta
from ws_dsl.models.deltas import weight
from ws_dsl.models.draws import gaussian, orthonormal


@pytest.mark.parametrize("match", ["norm", "rank"])
def test_as_large_in_every_matrix_and_elsewhere(bench: Bench, match: str):
    shape: Any = weight(bench.handle, "L1down").shape
    forms = {"L1down": change(shape, {"rows", "bias"}, 2, 0), "L0o": change((64, 64), {"factors"}, 3, 1)}
    like = Delta(forms, "model", ["rows"])
    one, again, other = (bench("random_delta", {"like": like}, match=match, seed=seed) for seed in (0, 0, 1))
    assert one.to_artifact().files == again.to_artifact().files
    assert set(one.parts) == set(like.parts) and one.made_on == ["rows"]
    for address in like.parts:
        before, after, third = (dense(bench, delta, address) for delta in (like, one, other))
        norm = np.linalg.norm(before)
        assert np.linalg.norm(after) == pytest.approx(norm, rel=1e-5)
        for pair in ((before, after), (after, third)):
            assert abs(np.sum(pair[0] * pair[1])) < 0.1 * norm**2
    assert np.linalg.norm(bias(bench, one, "L1down")) == pytest.approx(
        np.linalg.norm(bias(bench, like, "L1down")), rel=1e-5
    )


def test_ranks_are_matched_where_they_are_asked_for(bench: Bench):
    like = low_rank(bench, ["L0o", "L1down", "L2up"], 3, 0)
    for match, rank in (("rank", 3), ("norm", 64)):
        found = bench("random_delta", {"like": like}, match=match, seed=4)
        ranks = {np.linalg.matrix_rank(dense(bench, found, address), tol=1e-4) for address in like.parts}
        assert ranks == {rank} and found.notes["rank"] == 9


def test_a_change_of_nothing_stays_one(bench: Bench):
    like = low_rank(bench, ["L0o"], 3, 0).times(0)
    for match in ("rank", "norm"):
        assert not dense(bench, bench("random_delta", {"like": like}, match=match, seed=0), "L0o").any()


def test_numbers_are_normal_and_fixed_for_good():
    drawn = gaussian(["a", 1], 60, 50)
    assert kstest(drawn.ravel(), "norm").pvalue > 1e-3
    assert not np.allclose(drawn, gaussian(["a", 2], 60, 50))
    np.testing.assert_allclose(gaussian([7], 1, 2), gaussian([7], 1, 2), rtol=0)


def test_subspaces_are_uniform():
    """Where a fixed direction falls in a random subspace of 2 of 4 is uniform: its share is Beta(1, 1)."""
    shares = [float(np.sum(orthonormal([seed], 4, 2)[0] ** 2)) for seed in range(400)]
    assert kstest(shares, "uniform").pvalue > 1e-3
    columns = orthonormal([0], 40, 7)
    np.testing.assert_allclose(columns.T @ columns, np.eye(7), atol=1e-12)
