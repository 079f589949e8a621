"""Differences of class means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from tests.steps.extract.places import numbers, planted, unit
from tests.steps.organism import Bench
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError

BENCH = Bench()
LABELS = np.random.default_rng(3).random(60) < 0.3
STATES = planted(unit(12), 2.0 * LABELS)


def made(label: list[float | None], **inputs: object) -> Vectors:
    return BENCH("class_mean_diff", {"states": STATES, "label": numbers(label), **inputs})


def test_it_is_the_difference_of_the_centroids_of_scikit_learn():
    found = made([float(label) for label in LABELS])
    values = STATES.tensors["L1"].astype(np.float64)
    low, high = NearestCentroid().fit(values, LABELS).centroids_
    np.testing.assert_allclose(found.values[0], high - low, atol=1e-5)
    assert found.notes == {
        "rows": 60,
        "excluded": 0,
        "plus": int(LABELS.sum()),
        "minus": int((~LABELS).sum()),
        "plus_label": 1.0,
        "minus_label": 0.0,
    }
    assert found.mean_norm == pytest.approx(np.linalg.norm(values, axis=1).mean())
    assert (found.site, found.at, found.method, found.model) == ("L1", "last", "class_mean_diff", "m")


def test_signs_are_labels_too_and_the_larger_one_is_plus():
    plain = made([float(label) for label in LABELS])
    np.testing.assert_array_equal(made([2.0 * label - 1 for label in LABELS]).values, plain.values)
    np.testing.assert_allclose(made([float(not label) for label in LABELS]).values, -plain.values, rtol=1e-6)


def test_rows_without_a_label_count_for_nothing():
    dropped = made([None if row < 10 else float(label) for row, label in enumerate(LABELS)])
    ids = [f"{row}" for row in range(10, 60)]
    within = Rows(("id",), {"id": ids}, {"id": "key"}, ("id",), "organism")
    restricted = made([float(label) for label in LABELS], rows=within)
    np.testing.assert_array_equal(dropped.values, restricted.values)
    assert dropped.made_on == restricted.made_on != made([float(label) for label in LABELS]).made_on
    assert (dropped.notes["excluded"], restricted.notes["excluded"]) == (10, 0)


def test_repeats_are_averaged_before_classes_are_made():
    label = numbers([float(label) for label in LABELS])
    other = planted(unit(12), 2.0 * LABELS, seed=5)
    found = BENCH("class_mean_diff", {"states": [STATES, other], "label": label})
    mean = replace(STATES, tensors={"L1": (STATES.tensors["L1"] + other.tensors["L1"]) / 2})
    alone = BENCH("class_mean_diff", {"states": mean, "label": label})
    np.testing.assert_allclose(found.values, alone.values, atol=1e-5)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ([1.0] * 60, "there are 1: 1"),
        ([None] * 60, "there are 0: none"),
        ([float(row % 3) for row in range(60)], "there are 3: 0, 1, 2; `ridge_direction`"),
        ([1.0, 0.0], "label has no row 10;"),
    ],
)
def test_labels_that_make_no_two_classes(label: list[float | None], said: str):
    with pytest.raises(MeasurementError, match=said):
        made(label)


def test_a_direction_that_float32_does_not_hold():
    far = np.where(LABELS, 3e38, -3e38)[:, None].astype(np.float32)
    states = replace(STATES, tensors={"L1": np.repeat(far, 12, axis=1)})
    label = numbers([float(label) for label in LABELS])
    with pytest.raises(MeasurementError, match=r"up to 6e\+38.*another layer"):
        BENCH("class_mean_diff", {"states": states, "label": label})
    within = BENCH("class_mean_diff", {"states": replace(states, tensors={"L1": far / 2}), "label": label})
    np.testing.assert_allclose(within.values, 3e38, rtol=1e-6)
