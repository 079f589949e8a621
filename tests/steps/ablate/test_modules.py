"""Matrices kept and dropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.steps.ablate.deltas import adds_up, deltas, dense, halves, low_rank, share
from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import where
from ws_dsl.specs.matrix import MATRICES

SLOW = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(data=st.data(), modules=st.lists(st.sampled_from(MATRICES), min_size=1, unique=True))
def test_keep_and_drop_are_the_whole(bench: Bench, data: st.DataObject, modules: list[str]):
    whole = data.draw(deltas(bench))
    kept, dropped = halves(bench, "modules", whole, modules=modules)
    assert adds_up(bench, whole, kept, dropped)
    assert not set(kept.parts) & set(dropped.parts)
    assert {where(address)[1] for address in kept.parts} <= set(modules)


def test_shares_are_those_of_the_matrices_written_out(bench: Bench):
    whole = low_rank(bench, ["L0o", "L1down", "L1q"], 3, 0, family="lora")
    kept, dropped = halves(bench, "modules", whole, modules=["o", "q"])
    squares = {address: float(np.sum(dense(bench, whole, address) ** 2)) for address in whole.parts}
    expected = (squares["L0o"] + squares["L1q"]) / sum(squares.values())
    assert share(kept) == pytest.approx(expected, rel=1e-9)
    assert share(kept) + share(dropped) == pytest.approx(1)
    assert kept.notes["frobenius_share"] == pytest.approx(expected**0.5)
    assert (kept.notes["family"], kept.notes["ablations"]) == ("lora", ["modules keep"])


def test_a_part_of_a_part(bench: Bench):
    """Every ablation takes any delta, that of another one too."""
    whole = low_rank(bench, ["L0o", "L1o", "L1down"], 2, 0)
    outer, _ = halves(bench, "modules", whole, modules=["o"])
    inner, _ = halves(bench, "layers", outer, layers=[1])
    assert set(inner.parts) == {"L1o"} and inner.notes["ablations"] == ["modules keep", "layers keep"]


def test_a_delta_of_another_model(bench: Bench):
    with pytest.raises(MeasurementError, match="another model"):
        bench("modules", {"delta": Delta({}, "another", [])}, modules=["o"], part="keep")


def test_nothing_kept_of_nothing(bench: Bench):
    kept, dropped = halves(bench, "modules", Delta({}, "model", []), modules=["o"])
    assert not kept.parts and not dropped.parts and kept.notes["energy_share"] is None
