"""Cosines and principal angles, of vectors and of changes of weights, and their null."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from tests.steps.analyse.cells import estimate
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.analyse.similarity import of_deltas, product


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


def vectors(values, model="m"):
    labels = [str(place) for place in range(len(values))]
    return Vectors(np.asarray(values, np.float32), "L1", "last", "pca_diff", 1.0, model, labels, ["a"])


def numbers(found):
    return {name: stat.value for name, stat in found.stats.items()}


@pytest.mark.parametrize(("p", "q"), [(1, 3), (2, 2), (3, 5)])
def test_sets_are_compared_by_the_principal_angles_of_scipy(p, q):
    draw = np.random.default_rng(p)
    first, second = draw.normal(size=(p, 12)), draw.normal(size=(q, 12))
    found = numbers(similarity(vectors(first), vectors(second)))
    angles = np.degrees(subspace_angles(first.T, second.T))
    assert found["smallest_angle"] == pytest.approx(angles.min(), abs=1e-4)
    assert found["largest_angle"] == pytest.approx(angles.max(), abs=1e-4)
    bases = [np.linalg.qr(one.T)[0] for one in (first, second)]
    assert found["overlap"] == pytest.approx(np.sum((bases[0].T @ bases[1]) ** 2) / min(p, q), abs=1e-6)
    assert found["expected_overlap"] == max(p, q) / 12


def test_several_vectors_have_no_cosine():
    stat = similarity(vectors(np.eye(4)[:2]), vectors(np.eye(4)[1:3])).stats["value"]
    assert stat.value is None and "see overlap" in stat.reason


def test_a_space_that_holds_the_other():
    found = numbers(similarity(vectors(np.eye(8)[:2]), vectors(np.eye(8)[:4])))
    assert found["overlap"] == pytest.approx(1) and found["p"] <= 0.05  # pyright: ignore[reportOptionalOperand]


def test_the_sd_of_a_random_cosine():
    drawn = np.random.default_rng(0).normal(size=(5000, 30))
    cosines = drawn[:, 0] / np.linalg.norm(drawn, axis=1)
    found = numbers(similarity(vector(*np.ones(30)), vector(*np.ones(30))))
    assert found["null_sd"] == pytest.approx(cosines.std(), rel=0.05)


RNG = np.random.default_rng(6)


def factors(rank=2):
    return Part(RNG.normal(size=(5, rank)).astype(np.float32), RNG.normal(size=(rank, 4)).astype(np.float32))


def delta(model="m", **parts):
    return Delta(parts, model, ["rows"])


def flat(one, weight=None):
    return np.concatenate([one.parts[a].dense(weight).ravel() for a in sorted(one.parts)])


def test_changes_of_weights_are_one_long_vector():
    one, other = delta(L0down=factors(), L1o=factors()), delta(L0down=factors(3), L1o=factors(1))
    found = similarity(one, other)
    a, b = flat(one), flat(other)
    assert numbers(found)["value"] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-6)
    assert found.stats["value"].n == a.size == 40
    assert numbers(similarity(one, one.times(-3.0)))["value"] == pytest.approx(-1)


def test_changes_of_other_matrices_are_orthogonal():
    assert numbers(similarity(delta(L0down=factors()), delta(L1down=factors())))["value"] == 0


def test_changes_relative_to_the_weights(monkeypatch):
    weight = RNG.normal(size=(5, 4)).astype(np.float32)
    monkeypatch.setattr("ws_dsl.models.deltas.weight", lambda handle, address: weight)
    gate = delta(L0down=Part(rows=RNG.normal(size=5).astype(np.float32)))
    lora = delta(L0down=factors())

    class Model:
        digest = "m"

    class Around:
        def model(self, source):
            return source

    found = numbers(of_deltas(gate, lora, Model(), Around()))  # pyright: ignore[reportArgumentType]
    a, b = flat(gate, weight), flat(lora)
    assert found["value"] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-6)
    with pytest.raises(MeasurementError, match="L0down changes relative to the weights"):
        of_deltas(gate, lora, None, Around())  # pyright: ignore[reportArgumentType]


def test_factors_are_not_written_out():
    """A product of factors of a matrix too large to hold."""
    large = Part(np.ones((200_000, 1), np.float32), np.ones((1, 200_000), np.float32))
    assert product(large, large.times(0.5)) == pytest.approx(0.5 * 4e10)


def test_changes_that_have_no_angle():
    one = delta(L0down=factors())
    assert "no direction" in similarity(one, delta(L0down=Part())).stats["value"].reason
    with pytest.raises(MeasurementError, match="two models"):
        similarity(one, delta("other", L0down=factors()))
    with pytest.raises(MeasurementError, match="a vector and a change"):
        similarity(one, vector(1.0, 0.0))
