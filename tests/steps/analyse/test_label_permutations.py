"""p values of scores alone, and as the best of many."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.steps.analyse.cells import Given, estimate, files_of, rows, run, table
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


def codes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_permutations_stay_within_strata():
    stratum = codes(0, 1, 0, 1, 1)
    for unit in (codes(0, 1, 2, 3, 4), codes(0, 0, 1, 1, 1), codes(2, 1, 2, 1, 0)):
        for order in row_permutations(stratum, unit, 0)[:50]:
            assert sorted(order) == list(range(5)) and np.array_equal(stratum[order], stratum)


def test_every_permutation_of_rows_that_are_units_is_as_likely():
    orders = row_permutations(codes(0, 0, 0, 1, 1), codes(3, 1, 0, 4, 2), 0)
    seen, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(seen) == 12 and counts.min() > 0.75 * len(orders) / 12


def test_rows_of_one_unit_stay_together_in_all_strata():
    """Three units of four rows, two of each in either stratum."""
    unit, stratum = np.repeat(codes(2, 0, 1), 4), np.tile(codes(0, 0, 1, 1), 3)
    orders = row_permutations(stratum, unit, 0)
    came = unit[orders].reshape(len(orders), 3, 4)
    assert (came == came[:, :, :1]).all()
    assert len(np.unique(came[:, :, 0], axis=0)) == 6 and len(np.unique(orders, axis=0)) > 300


def test_rows_of_a_unit_that_is_alone_in_its_stratum_change_places():
    unit = codes(0, 0, 0, 1, 1)
    assert len(np.unique(row_permutations(unit, unit, 0), axis=0)) == 12


def test_rows_that_vary_together_are_not_so_many_observations():
    """Eight rows of a unit share its label and most of their score, which knows nothing of the label."""
    rng = np.random.default_rng(1)
    ids = [f"r{row:03}" for row in range(160)]
    unit = np.arange(160) // 8
    whole = alone = 0
    for _ in range(60):
        label = rng.permutation(20)[unit] < 10
        score = rng.normal(size=20)[unit] + 0.3 * rng.normal(size=160)
        made = [table(dict(zip(ids, part.astype(float).tolist(), strict=True))) for part in (score, label)]
        inputs = dict(zip(("score", "label"), map(Given, made), strict=True))
        behind = rows(ids, ("group",), group=[str(one) for one in unit])
        in_units, in_rows = (
            estimate("predictivity", {**inputs, "row_columns": source}).stats["p"].value or 0.0
            for source in (behind, rows(ids))
        )
        whole, alone = whole + (in_units <= 0.05), alone + (in_rows <= 0.05)
    assert whole <= 8 and alone >= 20


def test_missing_scores_are_left_out_of_their_cell_alone():
    score = np.column_stack([SCORE, np.where(np.arange(N) < 5, np.nan, SCORE)])
    found = auroc_of_labels(LABEL[None], score, np.zeros(N))
    assert found[0] == pytest.approx([roc_auc_score(LABEL, SCORE), roc_auc_score(LABEL[5:], SCORE[5:])])
