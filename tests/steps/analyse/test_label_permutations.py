"""p values of scores alone, and as the best of many."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.steps.analyse.cells import Given, files_of, rows, run, table
from ws_dsl.artifacts.table import Table
from ws_dsl.steps.analyse._auroc import auroc_of_labels, row_permutations

RNG = np.random.default_rng(3)
N = 60
IDS = [f"r{i:02}" for i in range(N)]
LABEL = (RNG.random(N) < 0.4).astype(float)
LETTER = RNG.choice(["a", "b"], N)
SCORE = np.round(RNG.normal(size=N) + LABEL, 1)
"""Rounded, so that some scores are tied."""


def given(values: np.ndarray) -> Given:
    return Given(table(dict(zip(IDS, values.tolist(), strict=True))), digest=repr(values.tobytes()))


def family(scores: list[np.ndarray], label: np.ndarray = LABEL, within: str | None = None) -> Table:
    """Every member's chances; the family's place comes first."""
    inputs = {
        "score": [
            Given(one.value, (place,), None, one.digest) for place, one in enumerate(map(given, scores))
        ],
        "label": [Given(given(label).value, (-1,), None, given(label).digest)],
        "row_columns": rows(IDS, letter=LETTER.tolist()),
    }
    artifact = run("label_permutations", inputs, family=["layer"], seed=0, within=within)
    return Table.from_files(files_of(artifact).__getitem__)


def test_p_max_is_p_where_one_is_searched_and_grows_with_the_search():
    alone = family([SCORE])
    assert alone.columns["value"] == alone.columns["p"]
    searched = family([SCORE, *RNG.normal(size=(20, N))])
    assert searched.columns["p"][0] == alone.columns["p"][0]
    assert all(
        joint >= own for joint, own in zip(searched.columns["value"], searched.columns["p"], strict=True)
    )
    weak = searched.columns["value"][1:]
    assert min(weak) > min(searched.columns["p"][1:])


def test_the_best_of_many_that_know_nothing_is_rarely_found():
    """Of searches over ten random scores, about one in twenty has p_max ≤ 0.05; of single p, far more."""
    rng = np.random.default_rng(0)
    joint = own = 0
    for _ in range(60):
        found = family(list(rng.normal(size=(10, N))))
        joint += min(found.columns["value"]) <= 0.05
        own += min(found.columns["p"]) <= 0.05
    assert joint <= 8 and own >= 15


def test_copies_of_one_score_are_one_test():
    assert len(family([SCORE, SCORE, -SCORE])) == 2


def test_permutations_stay_within_strata():
    stratum = np.array([0, 1, 0, 1, 1], dtype=np.int64)
    for order in row_permutations(stratum, 0)[:50]:
        assert sorted(order) == list(range(5)) and np.array_equal(stratum[order], stratum)


def test_missing_scores_are_left_out_of_their_cell_alone():
    score = np.column_stack([SCORE, np.where(np.arange(N) < 5, np.nan, SCORE)])
    found = auroc_of_labels(LABEL[None], score, np.zeros(N))
    assert found[0] == pytest.approx([roc_auc_score(LABEL, SCORE), roc_auc_score(LABEL[5:], SCORE[5:])])
