"""Bases come back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from tests.artifacts.test_round_trip import again, files_of
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.decode import decode


@pytest.mark.parametrize("side", ["output", "input"])
def test_a_basis_comes_back_as_it_was(side: str):
    columns = {"L3down": np.eye(5, 2, dtype=np.float32), "L0o": np.eye(4, 3, dtype=np.float32)}
    basis = Basis(columns, side, "model", ["rows"], ["a delta"], {"method": "own_svd"})  # pyright: ignore
    back = again(basis)
    assert (back.side, back.model, back.made_on, back.made_from) == (side, "model", ["rows"], ["a delta"])
    for address, values in columns.items():
        np.testing.assert_array_equal(back.columns[address], values)
    artifact = basis.to_artifact()
    assert artifact.facts["directions"] == [2, 3] and artifact.facts["method"] == "own_svd"
    files = files_of(artifact)
    assert isinstance(decode(set(files), files.__getitem__), Basis)
