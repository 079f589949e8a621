"""Cosines of vectors and their null."""

import numpy as np
import pytest

from tests.steps.analyse.cells import estimate
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError


def vector(*values, rows="a", model="m"):
    return Vectors(np.array([values], np.float32), "L1", "last", "mean_diff", 1.0, model, [""], [rows])


def similarity(of, to):
    return estimate("similarity", {"of": of, "to": to})


@pytest.mark.parametrize(
    ("other", "cosine"), [((3.0, 4.0), 1.0), ((-6.0, -8.0), -1.0), ((4.0, -3.0), 0.0), ((1.0, 0.0), 0.6)]
)
def test_it_is_the_cosine(other, cosine):
    found = similarity(vector(3.0, 4.0), vector(*other))
    assert found.stats["value"].value == pytest.approx(cosine, abs=1e-7) and found.notes["same_model"]


def test_p_is_the_share_of_random_directions_that_are_as_close():
    """In a plane the angle is uniform: a cosine of 0.6 or more, either way, has p = 2 acos(0.6) / π."""
    assert similarity(vector(3.0, 4.0), vector(1.0, 0.0)).stats["p"].value == pytest.approx(
        2 * np.arccos(0.6) / np.pi
    )
    drawn = np.random.default_rng(0).normal(size=(20000, 16))
    share = np.mean(np.abs(drawn[:, 0]) / np.linalg.norm(drawn, axis=1) >= 0.5)
    close = [0.5, np.sqrt(0.75)] + [0.0] * 14
    found = similarity(vector(1.0, *[0.0] * 15), vector(*close))
    assert found.stats["p"].value == pytest.approx(share, abs=0.01)


def test_random_directions_are_far_apart_in_many_dimensions():
    draw = np.random.default_rng(1)
    pairs = draw.normal(size=(60, 2, 64))
    p = [similarity(vector(*one), vector(*other)).stats["p"].value or 0.0 for one, other in pairs]
    assert 0.35 < np.mean(p) < 0.65 and min(p) > 1e-4


def test_what_has_no_angle():
    assert similarity(vector(0.0, 0.0), vector(1.0, 0.0)).stats["value"].value is None
    with pytest.raises(MeasurementError, match="width 2 and 3"):
        similarity(vector(1.0, 0.0), vector(1.0, 0.0, 0.0))
    assert not similarity(vector(1.0, 0.0), vector(1.0, 1.0, model="other")).notes["same_model"]
