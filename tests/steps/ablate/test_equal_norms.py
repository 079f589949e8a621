"""Directions without their sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.steps.ablate.deltas import adds_up, deltas, dense, halves, low_rank, share
from tests.steps.ablate.test_modules import SLOW
from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta


@SLOW
@given(data=st.data())
def test_keep_and_drop_are_the_whole(bench: Bench, data: st.DataObject):
    whole = data.draw(deltas(bench))
    assert adds_up(bench, whole, *halves(bench, "equal_norms", whole))


def test_every_matrix_has_one_norm_and_its_own_direction(bench: Bench):
    small, large = low_rank(bench, ["L0o"], 3, 0), low_rank(bench, ["L1down"], 3, 1).times(20)
    whole = Delta({**small.parts, **large.parts}, "model", [])
    kept, _ = halves(bench, "equal_norms", whole)
    for address in whole.parts:
        before, after = dense(bench, whole, address), dense(bench, kept, address)
        assert np.linalg.norm(after) == pytest.approx(kept.notes["norm_of_matrix"])
        cosine = np.sum(before * after) / np.linalg.norm(before) / np.linalg.norm(after)
        assert cosine == pytest.approx(1)
    assert share(kept) == pytest.approx(1)
