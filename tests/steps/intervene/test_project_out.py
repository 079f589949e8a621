"""A direction taken out, against plain transformers with hooks of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.steps.extract.places import residual, sides
from tests.steps.intervene.test_add_vector import streamed
from tests.steps.organism import PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError


@pytest.fixture(scope="module")
def vector(bench: Bench) -> Vectors:
    plus, minus = sides(bench, 2)
    return bench("mean_diff", {"plus": plus, "minus": minus})


@pytest.mark.parametrize(("layers", "where"), [("own", [2]), ("all", [0, 1, 2, 3])])
def test_its_part_is_taken_away(bench: Bench, plain: Plain, vector: Vectors, layers: str, where: list[int]):
    prompts = bench.prompts(PRESSURE)
    arm = bench("project_out", {"vector": vector}, layers=layers, during="both")
    unit = torch.from_numpy(vector.units()[0])

    def change(stream: Tensor) -> Tensor:
        return stream - (stream @ unit)[..., None] * unit

    found = bench.scores(prompts, arm).columns["value"]
    expected = [streamed(plain, ids, where, change) for ids in prompts.tokens]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.abs(np.subtract(found, bench.scores(prompts).columns["value"])).max() > 1e-2


def test_a_vector_of_zeros_is_refused(bench: Bench, vector: Vectors):
    """Taking nothing out would be reported as an effect of nothing."""
    with pytest.raises(MeasurementError, match="no direction"):
        bench("project_out", {"vector": replace(vector, values=0 * vector.values)}, during="both")


def test_nothing_of_it_is_left_and_twice_is_once(bench: Bench, vector: Vectors):
    prompts = bench.prompts(PRESSURE)
    arm = bench("project_out", {"vector": vector}, during="both")
    states = residual(bench, prompts, 2, arm=arm)
    assert np.abs(states.tensors["L2"] @ vector.units()[0]).max() < 1e-4
    cosines = bench("cosine", {"states": states, "vector": vector}).columns["value"]
    assert np.abs(cosines).max() < 1e-5
