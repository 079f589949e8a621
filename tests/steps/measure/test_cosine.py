"""Cosines, against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from tests.steps.extract.places import sides
from tests.steps.organism import Bench
from ws_dsl.errors import MeasurementError


def test_they_are_those_of_scikit_learn(bench: Bench):
    plus, minus = sides(bench)
    vector = bench("mean_diff", {"plus": plus, "minus": minus})
    table = bench("cosine", {"states": plus, "vector": vector})
    values = plus.tensors["L2"].astype(np.float64)
    expected = cosine_similarity(values, vector.values.astype(np.float64))[:, 0]
    np.testing.assert_allclose(table.columns["value"], expected, atol=1e-12)
    np.testing.assert_allclose(table.columns["norm"], np.linalg.norm(values, axis=1))
    np.testing.assert_allclose(
        table.columns["projection"], np.multiply(table.columns["value"], table.columns["norm"])
    )
    assert table.notes["same_model"] is True


@pytest.mark.parametrize("count", [2, 11, 64])
@pytest.mark.parametrize("width", [53, 64])
def test_equal_states_tie_wherever_they_are(bench: Bench, count: int, width: int):
    draw = np.random.default_rng(width)
    states, vector = (
        sides(bench)[0],
        bench("mean_diff", dict(zip(("plus", "minus"), sides(bench), strict=True))),
    )
    values = np.repeat(draw.normal(size=(1, width)), count, axis=0).astype(np.float32)
    columns = {name: [f"{row}" for row in range(count)] for name in states.keys}
    alike = replace(states, columns=columns, tensors={"L2": values})
    other = replace(vector, values=draw.normal(size=(1, width)).astype(np.float32))
    table = bench("cosine", {"states": alike, "vector": other})
    assert {len({*table.columns[name]}) for name in ("value", "projection", "norm")} == {1}


def test_widths_must_agree_and_models_are_told(bench: Bench):
    plus, minus = sides(bench)
    vector = bench("mean_diff", {"plus": plus, "minus": minus})
    assert not bench("cosine", {"states": plus, "vector": replace(vector, model="x")}).notes["same_model"]
    with pytest.raises(MeasurementError, match="64 wide, and the vector 5"):
        bench("cosine", {"states": plus, "vector": replace(vector, values=vector.values[:, :5])})
