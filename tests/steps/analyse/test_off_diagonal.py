"""Cells whose labels differ; with those whose labels agree they are all cells."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.test_diagonal import SCORES, averaged, cell
from ws_dsl.errors import MeasurementError


def test_both_together_are_the_mean_of_all():
    cells = [cell(rater, author) for rater in range(3) for author in range(3)]
    on, off = (np.array(averaged(kind, cells).columns["value"]) for kind in ("diagonal", "off_diagonal"))
    assert (3 * on + 6 * off) / 9 == pytest.approx(SCORES.mean(axis=(0, 1)))


def test_a_diagonal_alone():
    with pytest.raises(MeasurementError, match="no cell is off the diagonal"):
        averaged("off_diagonal", [cell(0, 0), cell(1, 1)])
