"""Changes in singular coordinates, against numpy on matrices that are written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.steps.ablate.deltas import change
from ws_dsl.models.spectra import energy, factors, joint_columns, remainder, spectrum, spectrum_of


def matrix(seed: int, out: int = 20, size: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((out, size)).astype(np.float32)


@given(
    st.sampled_from([{"factors"}, {"rows"}, {"factors", "columns"}, {"blocks"}]),
    st.integers(1, 30),
    st.integers(0, 9),
)
def test_singular_values_are_those_of_the_matrix_written_out(terms: set[str], rank: int, seed: int):
    part, weight = change((20, 48), terms, rank, seed), matrix(seed)
    full = part.dense(weight)
    found = spectrum(part, weight)
    sizes = np.linalg.svd(full, compute_uv=False)
    threshold = 10 * np.finfo(np.float32).eps * sizes[0]
    # At the threshold itself rounding decides.
    assume(np.abs(np.log(np.maximum(sizes, 1e-300) / threshold)).min() > 1e-3)
    np.testing.assert_allclose(found.sizes, sizes[: found.rank], rtol=1e-6)
    assert found.rank == np.linalg.matrix_rank(full, tol=threshold) and found.most == 20
    np.testing.assert_allclose(found.band(0, found.rank).dense(), full, atol=1e-5 * sizes[0])
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(found.rank), atol=1e-10)
    assert energy(part, weight) == pytest.approx(np.sum(full**2), rel=1e-9)


def test_rounding_is_no_rank():
    """Factors that cancel leave rounding, which is no direction beside what they were."""
    part = change((20, 48), {"factors"}, 4, 0)
    assert spectrum(part.plus(part)).rank == 4
    left = remainder(part, factors(*(np.asarray(f, np.float64) for f in (part.left, part.right))))
    assert left.left is not None and left.left.shape == (20, 0)
    assert energy(left) == 0


def test_side_by_side():
    parts = [change((20, 48), {"factors"}, rank, rank) for rank in (2, 3)]
    found = joint_columns([spectrum(part) for part in parts], normalise=False)
    _, sizes, _ = np.linalg.svd(np.concatenate([part.dense() for part in parts], axis=1))
    np.testing.assert_allclose(found.sizes, sizes[:5], rtol=1e-6)
    assert found.rank == 5


def test_of_weights_of_lower_rank():
    low = matrix(0, 20, 3) @ matrix(1, 3, 48)
    assert spectrum_of(low).rank == 3
