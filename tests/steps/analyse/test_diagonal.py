"""Cells by whether the labels of two axes agree."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import Given, files_of, run, table
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

NAMES = ["gemma", "qwen", "llama"]
SCORES = np.random.default_rng(0).normal(size=(3, 3, 4))
"""Rater, author, row."""


def cell(rater: int, author: int, order: list[str] = NAMES) -> Given:
    values = {f"r{i}": float(v) for i, v in enumerate(SCORES[rater, author])}
    labels = {"rater": NAMES[rater], "author": NAMES[author]}
    return Given(table(values), (rater, order.index(NAMES[author])), labels=labels)


def averaged(kind: str, cells: list[Given]) -> Table:
    artifact = run(kind, {"of": cells}, axes=["rater", "author"])
    return Table.from_files(files_of(artifact).__getitem__)


@pytest.mark.parametrize("order", [NAMES, NAMES[::-1]], ids=["as declared", "in another order"])
def test_self_and_cross_ratings(order: list[str]):
    """By label and not by place: the axes may declare their labels in unlike orders."""
    cells = [cell(rater, author, order) for rater in range(3) for author in range(3)]
    own = np.eye(3, dtype=bool)
    assert averaged("diagonal", cells).columns["value"] == pytest.approx(SCORES[own].mean(axis=0))
    assert averaged("off_diagonal", cells).columns["value"] == pytest.approx(SCORES[~own].mean(axis=0))


def test_a_square_without_a_diagonal():
    with pytest.raises(MeasurementError, match="no cell is on the diagonal of rater, author"):
        averaged("diagonal", [cell(0, 1), cell(1, 0)])
