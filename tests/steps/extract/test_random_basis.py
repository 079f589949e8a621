"""Random subspaces."""

from __future__ import annotations

import numpy as np

from tests.steps.ablate.deltas import low_rank
from tests.steps.organism import Bench


def test_of_the_same_dimensions_and_of_no_delta(bench: Bench):
    like = bench("own_svd", {"of": low_rank(bench, ["L0o", "L1o", "L1down"], 6, 0)}, k=4)
    one, again, other = (bench("random_basis", {"like": like}, seed=seed) for seed in (0, 0, 1))
    assert one.to_artifact().files == again.to_artifact().files
    assert {a: v.shape for a, v in one.columns.items()} == {a: v.shape for a, v in like.columns.items()}
    assert one.made_from == [] and (one.side, one.model) == (like.side, like.model)
    for values in one.columns.values():
        np.testing.assert_allclose(values.T @ values, np.eye(4), atol=1e-6)
    assert not np.allclose(one.columns["L0o"], one.columns["L1o"])
    assert not np.allclose(one.columns["L0o"], other.columns["L0o"])
