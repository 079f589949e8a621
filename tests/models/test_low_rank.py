"""Deltas as LoRAs of given rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.test_adapters import with_peft
from tests.models.test_deltas import everywhere
from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.delta import Part
from ws_dsl.models.deltas import matrix, weight
from ws_dsl.models.handle import Handle, load
from ws_dsl.models.low_rank import low_rank

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


@pytest.mark.parametrize("terms", [("factors",), ("rows", "columns", "blocks")])
def test_peft_merges_the_nearest_matrix_of_the_rank(
    folder: Path, handle: Handle, tmp_path: Path, terms: tuple[str, ...]
):
    """Against numpy's singular values of every matrix written out."""
    import torch

    parts = everywhere(handle, terms)
    made = low_rank(parts, 2, lambda address: weight(handle, address))
    fresh = load(folder)
    with fresh.arithmetic():
        model = with_peft(fresh, Adapter(made.files, "", [], {}, {}), tmp_path, torch.float64)
        model.merge_and_unload()
    lost, total, shares = 0.0, 0.0, dict[str, float]()
    for address, part in parts.items():
        before = weight(handle, address).astype(np.float64)
        change = matrix(fresh, address).weight.numpy() - before
        sizes = np.linalg.svd(part.dense(before), compute_uv=False)
        assert np.linalg.norm(part.dense(before) - change) ** 2 == pytest.approx(
            np.sum(sizes[2:] ** 2), rel=1e-5
        )
        lost, total = lost + np.sum(sizes[2:] ** 2), total + np.sum(sizes**2)
        shares[address] = float(np.sqrt(np.sum(sizes[2:] ** 2) / np.sum(sizes**2)))
    assert made.error == pytest.approx(np.sqrt(lost / total), rel=1e-5)
    assert made.worst == (max(shares, key=shares.__getitem__), pytest.approx(max(shares.values()), rel=1e-5))
    assert made.rank == (3 if terms == ("factors",) else 64)
    assert made.biases == []


def test_at_its_own_rank_nothing_is_lost(handle: Handle):
    parts = {"L1down": everywhere(handle, ("factors",))["L1down"], "L0q": Part(bias=np.ones(64, np.float32))}
    made = low_rank(parts, 5, lambda address: None)
    assert made.error < 1e-6 and made.rank == 3 and made.biases == ["L0q"]
