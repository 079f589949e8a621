"""Principal directions of activations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.steps.extract.places import residual
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.states import States
from ws_dsl.errors import MeasurementError


def at(bench: Bench, site: str, template: str = NEUTRAL) -> States:
    return bench("states", {"prompts": bench.prompts(template)}, site=site, at="last")


def test_it_is_the_span_that_numpy_finds(bench: Bench):
    states = at(bench, "L2")
    found: Basis = bench("activation_basis", {"states": states}, k=3)
    values = states.tensors["L2"].astype(np.float64)
    left, sizes, _ = np.linalg.svd((values - values.mean(0)).T, full_matrices=False)
    for address in ("L2o", "L2down"):
        columns = found.columns[address].astype(np.float64)
        np.testing.assert_allclose(columns @ columns.T, left[:, :3] @ left[:, :3].T, atol=1e-5)
    assert found.notes["explained"] == {"L2": pytest.approx(np.sum(sizes[:3] ** 2) / np.sum(sizes**2))}
    assert (found.side, found.model, found.made_from) == ("output", "model", [])


@pytest.mark.parametrize(
    ("site", "side", "addresses"),
    [
        ("L1attn", "output", {"L1o"}),
        ("L1mlp", "output", {"L1down"}),
        ("L1pre", "input", {"L1q", "L1k", "L1v"}),
        ("L1mid", "input", {"L1gate", "L1up"}),
        ("L1mid", "output", {"L1o"}),
    ],
)
def test_beside_what_writes_or_reads_there(bench: Bench, site: str, side: str, addresses: set[str]):
    found = bench("activation_basis", {"states": at(bench, site)}, k=2, side=side)
    assert set(found.columns) == addresses and found.side == side


def test_every_layer_has_its_own_and_repeats_are_of_one(bench: Bench):
    several = [residual(bench, bench.prompts(NEUTRAL), layer) for layer in (0, 3)]
    together = bench("activation_basis", {"states": several}, k=2)
    for states in several:
        alone = bench("activation_basis", {"states": states}, k=2)
        for address, columns in alone.columns.items():
            np.testing.assert_array_equal(together.columns[address], columns)
    repeats = [at(bench, "L2"), at(bench, "L2", PRESSURE)]
    assert set(bench("activation_basis", {"states": repeats}, k=2).columns) == {"L2o", "L2down"}


def test_no_more_directions_than_the_states_have(bench: Bench):
    states = at(bench, "L2")
    within = Rows(("id",), {"id": ["0", "3", "4"]}, {"id": "key"}, ("id",), "organism")
    found = bench("activation_basis", {"states": states, "rows": within}, k=10)
    assert found.columns["L2o"].shape == (64, 2)


def test_states_that_no_matrix_is_beside(bench: Bench):
    with pytest.raises(MeasurementError, match="no matrices read L2;"):
        bench("activation_basis", {"states": at(bench, "L2")}, k=2, side="input")
    one = replace(at(bench, "L2"), tensors={"L2": np.ones((len(at(bench, "L2").ids()), 64), np.float32)})
    with pytest.raises(MeasurementError, match="do not vary"):
        bench("activation_basis", {"states": one}, k=2)
