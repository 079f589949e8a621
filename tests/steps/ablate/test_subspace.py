"""Subspaces kept and dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.steps.ablate.deltas import adds_up, bias, change, deltas, dense, halves, low_rank, share
from tests.steps.ablate.test_modules import SLOW
from tests.steps.organism import Bench
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import weight
from ws_dsl.specs.matrix import MATRICES


def basis(bench: Bench, side: str, k: int, addresses: list[str], seed: int = 0) -> Basis:
    """Random orthonormal columns by numpy alone."""
    draw = np.random.default_rng(seed)
    widths = {a: weight(bench.handle, a).shape[0 if side == "output" else 1] for a in addresses}
    columns = {
        a: np.linalg.qr(draw.standard_normal((width, k)))[0].astype(np.float32) for a, width in widths.items()
    }
    return Basis(columns, side, "model", ["others"], ["elsewhere"])  # pyright: ignore[reportArgumentType]


@SLOW
@given(data=st.data(), side=st.sampled_from(["output", "input"]), k=st.integers(1, 8))
def test_keep_and_drop_are_the_whole(bench: Bench, data: st.DataObject, side: str, k: int):
    whole = data.draw(deltas(bench))
    some = basis(bench, side, k, [f"L{layer}{module}" for layer in range(3) for module in MATRICES])
    kept, dropped = halves(bench, "subspace", whole, inputs={"basis": some})
    assert adds_up(bench, whole, kept, dropped)
    assert set(kept.parts) <= set(some.columns)


@pytest.mark.parametrize("terms", [{"factors"}, {"factors", "rows", "bias"}, {"blocks", "columns"}])
def test_the_projection_is_that_of_the_matrix_written_out(bench: Bench, terms: set[str]):
    shape = weight(bench.handle, "L1down").shape
    whole = Delta({"L1down": change(shape, terms, 5, 3)}, "model", [])  # pyright: ignore[reportArgumentType]
    full = dense(bench, whole, "L1down")
    for side in ("output", "input"):
        some = basis(bench, side, 4, ["L1down"])
        kept, _ = halves(bench, "subspace", whole, inputs={"basis": some})
        turn = some.columns["L1down"] @ some.columns["L1down"].T
        wanted = turn @ full if side == "output" else full @ turn
        np.testing.assert_allclose(dense(bench, kept, "L1down"), wanted, atol=1e-5)
        expected = float(np.sum(wanted**2) / np.sum(full**2))
        assert share(kept) == pytest.approx(expected, rel=1e-5)
        moved = turn @ bias(bench, whole, "L1down") if side == "output" else np.zeros(len(full))
        np.testing.assert_allclose(bias(bench, kept, "L1down"), moved, atol=1e-5)


def test_the_remainder_of_a_factored_change_has_no_more_factors_than_it_needs(bench: Bench):
    whole = low_rank(bench, ["L0o"], 6, 0)
    _, dropped = halves(bench, "subspace", whole, inputs={"basis": basis(bench, "output", 30, ["L0o"])})
    left = dropped.parts["L0o"].left
    assert left is not None and left.shape[1] == 6


def test_a_basis_that_holds_all_leaves_nothing(bench: Bench):
    whole = low_rank(bench, ["L0o"], 3, 0)
    all_of_it = basis(bench, "output", 64, ["L0o"])
    kept, dropped = halves(bench, "subspace", whole, inputs={"basis": all_of_it})
    assert share(kept) == pytest.approx(1, abs=1e-6) and share(dropped) < 1e-10
    assert kept.notes["in_basis"] == pytest.approx(1, abs=1e-6)


def test_random_directions_hold_their_share(bench: Bench):
    """k of d random directions hold k/d of the energy on average, whatever the delta."""
    like = basis(bench, "output", 16, ["L0o", "L1down", "L2o"])
    whole = low_rank(bench, [*like.columns], 8, 1)
    drawn = [bench("random_basis", {"like": like}, seed=seed) for seed in range(12)]
    cells = [({"delta": whole, "basis": one}, {"part": "keep"}) for one in drawn]
    shares = [share(kept) for kept in bench.cells("subspace", cells)]
    assert np.mean(shares) == pytest.approx(16 / 64, abs=0.03)


def test_incident_a_basis_of_the_delta_itself_is_flagged(bench: Bench):
    whole = low_rank(bench, ["L0o", "L0down"], 4, 0)
    other = low_rank(bench, ["L0o", "L0down"], 4, 9)
    own = bench("own_svd", {"of": whole}, k=2)
    assert halves(bench, "subspace", whole, inputs={"basis": own})[0].notes["own_basis"] is True
    assert halves(bench, "subspace", other, inputs={"basis": own})[0].notes["own_basis"] is False
    assert halves(bench, "subspace", other, inputs={"basis": replace(own, made_on=["more"])})[0].made_on == [
        "more",
        "rows",
    ]


def test_a_basis_of_another_model(bench: Bench):
    whole = low_rank(bench, ["L0o"], 2, 0)
    foreign = replace(basis(bench, "output", 2, ["L0o"]), model="another")
    with pytest.raises(MeasurementError, match="another model"):
        bench("subspace", {"delta": whole, "basis": foreign}, part="keep")
