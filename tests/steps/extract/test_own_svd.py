"""A delta's own singular directions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.ablate.deltas import change, dense, halves, low_rank, share
from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta


def test_top_and_tail_are_those_of_numpy(bench: Bench):
    for terms in ({"factors"}, {"rows", "factors"}):
        whole = Delta({"L1down": change((64, 192), terms, 6, 0)}, "model", ["rows"])
        left, sizes, _ = np.linalg.svd(dense(bench, whole, "L1down"), full_matrices=False)
        rank = int(np.sum(sizes > 1e-5 * sizes[0]))
        for take, wanted in (("top", slice(0, 2)), ("tail", slice(rank - 2, rank))):
            found = bench("own_svd", {"of": whole}, k=2, take=take)
            columns = found.columns["L1down"].astype(np.float64)
            np.testing.assert_allclose(columns @ columns.T, left[:, wanted] @ left[:, wanted].T, atol=1e-5)
            expected = np.sum(sizes[wanted] ** 2) / np.sum(sizes**2)
            assert found.notes["energy_share"] == pytest.approx(expected, rel=1e-4)


def test_as_many_directions_as_ranks_keep_all(bench: Bench):
    whole = low_rank(bench, ["L0o", "L0down", "L3q"], 5, 0)
    found = bench("own_svd", {"of": whole}, k=64)
    assert set(found.columns) == {"L0o", "L0down"} and found.made_from
    assert {values.shape[1] for values in found.columns.values()} == {5}
    kept, _ = halves(bench, "subspace", whole, inputs={"basis": found})
    assert kept.notes["in_basis"] == pytest.approx(1) and share(kept) < 1
