"""Singular vectors of weight matrices, against torch and plain transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.steps.extract.places import residual
from tests.steps.organism import NEUTRAL, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError, ModelError

SITES = {"q": "L1pre", "k": "L1pre", "v": "L1pre", "o": "L1mid", "gate": "L1mid", "up": "L1mid", "down": "L1"}


def directions(bench: Bench, matrix: str, top: int = 1, **inputs: Any) -> list[Vectors]:
    fields = [{"matrix": matrix, "layer": 1, "top": top, "rank": rank + 1} for rank in range(top)]
    return bench.cells("weight_directions", [(dict(inputs), own) for own in fields])


@pytest.mark.parametrize("matrix", SITES)
def test_they_are_singular_vectors_that_lie_in_the_residual_stream(bench: Bench, plain: Plain, matrix: str):
    block = plain.model.model.layers[1]
    weight = getattr(block.self_attn if matrix in "qkvo" else block.mlp, f"{matrix}_proj").weight.detach()
    left, sizes, right = torch.linalg.svd(weight, full_matrices=False)
    theirs = left.T if matrix in ("o", "down") else right
    for rank, found in enumerate(directions(bench, matrix, top=3)):
        assert found.values.shape == (1, bench.handle.shape.width) and found.site == SITES[matrix]
        assert abs(found.values[0] @ theirs[rank].numpy()) == pytest.approx(1.0, abs=1e-5)
        assert found.values[0][np.abs(found.values[0]).argmax()] > 0
        assert found.notes["singular_value"] == pytest.approx(float(sizes[rank]), rel=1e-5)
        assert found.notes["explained"] == pytest.approx(float(sizes[rank] ** 2 / (sizes**2).sum()), rel=1e-5)
        # What the matrix does with a direction: it stretches what it reads by the singular value.
        along = torch.tensor(found.values[0], dtype=torch.float64)
        stretched = along @ weight if matrix in ("o", "down") else weight @ along
        assert float(stretched.norm()) == pytest.approx(float(sizes[rank]), rel=1e-5)


def test_ranks_made_alone_are_those_made_together(bench: Bench):
    together = directions(bench, "down", top=3)
    (alone,) = bench.cells("weight_directions", [({}, {"matrix": "down", "layer": 1, "top": 3, "rank": 2})])
    assert alone.to_artifact() == together[1].to_artifact()
    by_fraction = bench("weight_directions", {}, matrix="down", layer=0.34, rank=1)
    np.testing.assert_array_equal(by_fraction.values, together[0].values)


def test_the_mean_norm_comes_from_states_at_the_place(bench: Bench):
    states = bench("states", {"prompts": bench.prompts(NEUTRAL)}, site="L1mid", at="last")
    (found,) = directions(bench, "o", states=states)
    assert found.mean_norm == pytest.approx(np.linalg.norm(states.tensors["L1mid"], axis=1).mean())
    assert (found.at, found.made_on) == ("last", [])
    (without,) = directions(bench, "o")
    np.testing.assert_array_equal(found.values, without.values)
    with pytest.raises(MeasurementError, match="site: L1mid"):
        directions(bench, "o", states=residual(bench, bench.prompts(NEUTRAL), 1))


def test_without_states_there_is_no_unit_of_mean_norm(bench: Bench):
    (found,) = directions(bench, "down")
    assert (found.at, found.mean_norm) == ("all", 0.0)
    with pytest.raises(MeasurementError, match=r"is not known.*`weight_directions` States.*unit: raw"):
        bench("add_vector", {"vector": found}, at="last")
    arm = bench("add_vector", {"vector": found}, at="last", unit="raw", coeff=2.0)
    (change,) = arm.changes
    np.testing.assert_allclose(change.given.values["L1"], 2 * found.values)


def test_what_is_not_there(bench: Bench):
    with pytest.raises(MeasurementError, match="64 singular vectors; there is no rank 65"):
        bench("weight_directions", {}, matrix="down", layer=1, top=65, rank=65)
    with pytest.raises(ModelError, match="outside the model"):
        bench("weight_directions", {}, matrix="down", layer=4, rank=1)
