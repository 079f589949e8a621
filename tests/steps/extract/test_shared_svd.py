"""Directions that changes have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.steps.ablate.deltas import dense, halves, low_rank, share
from tests.steps.organism import Bench
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import weight

ADDRESSES = ["L0o", "L0down", "L2o", "L2down"]


def shared(bench: Bench, others: list[Delta], k: int, **fields: Any) -> Basis:
    """The basis of a cell whose own delta is held out: the planner gives it the others."""
    return bench("shared_svd", {"of": others}, k=k, hold_out="family", **fields)


def planted(bench: Bench, seeds: list[int], rank: int = 4, own: float = 0.02) -> list[Delta]:
    """Deltas that write along the same few directions, each in its own way, and a little elsewhere."""
    draw = np.random.default_rng(99)
    common = {address: np.linalg.qr(draw.standard_normal((64, rank)))[0] for address in ADDRESSES}
    found: list[Delta] = []
    for seed in seeds:
        draw = np.random.default_rng(seed)
        parts: dict[str, Part] = {}
        for address in ADDRESSES:
            size = weight(bench.handle, address).shape[1]
            within = common[address] @ np.linalg.qr(draw.standard_normal((rank, rank)))[0]
            left = np.concatenate([within, own * draw.standard_normal((64, 3))], axis=1)
            right = np.linalg.qr(draw.standard_normal((size, rank + 3)))[0].T
            parts[address] = Part(left=left.astype(np.float32), right=right.astype(np.float32))
        found.append(Delta(parts, "model", [f"rows {seed}"]))
    return found


def test_a_planted_subspace_is_found_at_its_size_and_not_below(bench: Bench):
    mine, *others = planted(bench, [0, 1, 2, 3])
    shares = {}
    for k in (1, 2, 4, 8):
        kept, dropped = halves(bench, "subspace", mine, inputs={"basis": shared(bench, others, k)})
        shares[k] = share(kept)
        assert share(kept) + share(dropped) == pytest.approx(1, abs=1e-4)
    assert shares[1] < 0.4 and shares[2] < 0.7 and shares[4] > 0.85
    assert shares[8] - shares[4] < 0.05


def test_unrelated_deltas_share_no_more_than_random_directions(bench: Bench):
    mine, *others = [low_rank(bench, ADDRESSES, 4, seed) for seed in (0, 10, 20)]
    found = halves(bench, "subspace", mine, inputs={"basis": shared(bench, others, 4)})[0]
    assert share(found) == pytest.approx(4 / 64, abs=0.05)


@pytest.mark.parametrize("normalise", [False, True])
def test_it_is_the_singular_value_decomposition_of_the_matrices_side_by_side(bench: Bench, normalise: bool):
    others = [low_rank(bench, ADDRESSES, 3, 0), low_rank(bench, ADDRESSES, 3, 10).times(5)]
    found = shared(bench, others, 4, normalise=normalise)
    for address in ADDRESSES:
        matrices = [dense(bench, delta, address) for delta in others]
        if normalise:
            matrices = [one / np.linalg.norm(one) for one in matrices]
        left, _, _ = np.linalg.svd(np.concatenate(matrices, axis=1), full_matrices=False)
        wanted = left[:, :4] @ left[:, :4].T
        columns = found.columns[address].astype(np.float64)
        np.testing.assert_allclose(columns @ columns.T, wanted, atol=1e-5)
        np.testing.assert_allclose(columns.T @ columns, np.eye(4), atol=1e-6)


def test_only_what_writes_to_the_residual_stream_unless_said_otherwise(bench: Bench):
    others = [low_rank(bench, ["L0o", "L1down", "L1q"], 3, 0), low_rank(bench, ["L1down", "L0k"], 3, 5)]
    assert set(shared(bench, others, 2).columns) == {"L0o", "L1down"}
    assert set(shared(bench, others, 2, modules=["q"]).columns) == {"L1q"}
    with pytest.raises(MeasurementError, match="no delta changes up"):
        shared(bench, others, 2, modules=["up"])


def test_what_it_was_made_from_is_kept(bench: Bench):
    others = planted(bench, [1, 2])
    few, many = bench.cells("shared_svd", [({"of": others}, {"k": k, "hold_out": "family"}) for k in (2, 50)])
    assert few.made_on == ["rows 1", "rows 2"] and len(few.made_from) == 2
    assert few.to_artifact().files == shared(bench, others, 2).to_artifact().files
    assert {values.shape[1] for values in many.columns.values()} == {10}
    assert few.notes["energy_share"] < 1 and many.notes["energy_share"] == pytest.approx(1)


def test_a_delta_of_another_model(bench: Bench):
    with pytest.raises(MeasurementError, match="another model"):
        shared(bench, [Delta(low_rank(bench, ["L0o"], 2, 0).parts, "another", [])], 2)


def test_cells_do_not_depend_on_what_runs_beside_them(bench: Bench):
    all_of_them = [*planted(bench, [1, 2, 3]), low_rank(bench, ["L0o", "L3down"], 2, 50)]
    cells = [
        ({"of": [one for one in all_of_them if one is not mine]}, {"k": k, "hold_out": "family", **fields})
        for mine in all_of_them
        for k in (1, 6)
        for fields in ({}, {"normalise": True}, {"modules": ["down"]})
    ]
    together = bench.cells("shared_svd", [(inputs, dict(fields)) for inputs, fields in cells])
    for (inputs, fields), found in zip(cells, together, strict=True):
        assert found.to_artifact().files == bench("shared_svd", inputs, **fields).to_artifact().files
