"""The draws themselves: where they come from and what they depend on."""

import numpy as np

from tests.steps.analyse.cells import Given, estimate, table
from ws_dsl.steps.analyse import _bootstrap as bootstrap
from ws_dsl.steps.analyse._statistics import Named, mean

UNITS = [(f"c{i}",) for i in range(6)]
EXPECTED = [[2, 1, 0, 2, 0, 1], [0, 1, 1, 1, 3, 0], [1, 1, 0, 1, 2, 1]]
MEAN = {"mean": Named(mean)}


def drawn(values, units=UNITS, **fields):
    return bootstrap.measure(bootstrap.grouped(np.asarray(values, float), units, **fields), MEAN, len(units))[
        1
    ]


def test_draws_are_those_of_every_other_machine():
    first = [drawn(place)["mean"][:3] * 6 for place in np.eye(6)]
    assert np.rint(first).astype(int).T.tolist() == EXPECTED


def test_every_draw_has_as_many_units_as_there_are_and_all_are_equally_likely():
    counts = np.array([drawn(place)["mean"] * 6 for place in np.eye(6)])
    np.testing.assert_allclose(counts.sum(axis=0), 6)
    np.testing.assert_allclose(counts.mean(axis=1), 1, atol=0.1)
    np.testing.assert_allclose(counts.var(axis=1), 5 / 6, rtol=0.15)


def test_other_units_give_other_draws():
    values = np.arange(6.0)
    assert not np.array_equal(drawn(values)["mean"], drawn(values, [(f"d{i}",) for i in range(6)])["mean"])


def test_strata_keep_their_sizes_in_every_draw():
    flags = [(i < 2, i >= 2) for i in range(6)]
    found = drawn([1, 1, 0, 0, 0, 0], strata=flags)["mean"]
    np.testing.assert_allclose(found, 2 / 6)


def test_units_outside_all_strata_are_not_drawn():
    flags = [(i < 3, False) for i in range(6)]
    assert set(drawn([1, 1, 1, 9, 9, 9], strata=flags)["mean"]) == {1.0}


def test_memory_blocks_do_not_repeat_themselves():
    found = drawn(np.arange(6.0) ** 2)["mean"].reshape(-1, 100)
    assert len({block.tobytes() for block in found}) == len(found)


def test_more_units_than_are_kept_are_drawn_alike():
    values = np.random.default_rng(0).normal(size=2500)
    found = estimate("summary", {"of": table({i: float(v) for i, v in enumerate(values)})}, stats=["mean"])
    assert abs(found.stats["mean"].sd / (values.std() / 50) - 1) < 0.06


def test_pooled_cells_that_an_axis_lacks_stand_beside_the_others():
    places = [(0, -1), (1, 0), (1, 1)]
    tables = [
        Given(table({"a": value, "b": value}), place)
        for value, place in zip((1.0, 4.0, 7.0), places, strict=True)
    ]
    found = estimate("summary", {"of": tables}, stats=["mean", "share_ok"])
    assert found.stats["mean"].value == 4.0 and found.stats["share_ok"].value == 1.0
    assert found.notes["repeats"] == 3
