"""Surgical informedness against its definition, written out row by row."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import estimate, table
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

KEYS = [f"r{i}" for i in range(50)]
RNG = np.random.default_rng(1)
BASE, PLUS, MINUS = (dict(zip(KEYS, RNG.normal(size=50) + shift, strict=True)) for shift in (0.2, 1.0, -0.6))
MASS = {"plus": RNG.uniform(0.6, 0.9, 50), "minus": RNG.uniform(0.8, 1.0, 50)}


def scored(values: dict[str, float], mass: np.ndarray | float = 1.0) -> Table:
    return table(values, pmass=np.broadcast_to(mass, len(values)).tolist())


def defined(k: int) -> tuple[float, float, float]:
    """si_fwd, si_rev and SI as the study's notes define them."""
    rejected = [key for key in KEYS if BASE[key] <= 0]
    chosen = [key for key in KEYS if BASE[key] > 0]
    fix, broke = sum(PLUS[key] > 0 for key in rejected), sum(PLUS[key] <= 0 for key in chosen)
    flip, counter = sum(MINUS[key] <= 0 for key in chosen), sum(MINUS[key] > 0 for key in rejected)
    forward = fix / len(rejected) - k * broke / len(chosen)
    reverse = flip / len(chosen) - k * counter / len(rejected)
    mass = min(MASS["plus"].mean(), MASS["minus"].mean())
    return forward, reverse, 100 * (forward + reverse) / 2 * mass**2


def found(base: Table, plus: Table, minus: Table):
    return estimate("surgical_informedness", {"base": base, "plus": plus, "minus": minus})


def test_as_it_is_defined():
    stats = found(scored(BASE), scored(PLUS, MASS["plus"]), scored(MINUS, MASS["minus"])).stats
    for k, end in ((2, ""), (1, "_k1")):
        got = [stats[name + end].value for name in ("forward", "reverse", "value")]
        assert got == pytest.approx(defined(k))


def test_rows_are_aligned_by_key_and_not_by_place():
    """The original aligned by place: rows in another order gave another number."""
    order = RNG.permutation(50)
    shuffled = {KEYS[i]: PLUS[KEYS[i]] for i in order}
    other = found(scored(BASE), scored(shuffled, MASS["plus"][order]), scored(MINUS, MASS["minus"]))
    same = found(scored(BASE), scored(PLUS, MASS["plus"]), scored(MINUS, MASS["minus"]))
    assert other.stats == same.stats


def test_an_arm_that_turns_what_is_meant_and_nothing_else():
    up, down = (dict.fromkeys(KEYS, sign) for sign in (1.0, -1.0))
    assert found(scored(BASE), scored(up), scored(down)).stats["value"].value == pytest.approx(100)


def test_an_arm_that_pushes_both_ways_alike_gains_nothing_by_it():
    """Yes-saying: both coefficients fix the same rows and break none."""
    up = scored(dict.fromkeys(KEYS, 1.0))
    stats = found(scored(BASE), up, up).stats
    assert stats["forward"].value == 1 and stats["reverse"].value == -2 and stats["value"].value == -50


def test_an_arm_that_no_longer_answers_earns_nothing():
    up, down = (dict.fromkeys(KEYS, sign) for sign in (1.0, -1.0))
    assert found(scored(BASE), scored(up, 0.1), scored(down)).stats["value"].value == pytest.approx(1)


def test_no_row_that_is_wrong():
    ones = scored(dict.fromkeys(KEYS, 1.0))
    stats = found(ones, ones, ones).stats
    assert stats["value"].value is None and stats["value"].reason == "no row is wrong at the base"
    assert stats["pmass"].value == 1


def test_other_rows():
    fewer = {key: value for key, value in PLUS.items() if key != "r7"}
    with pytest.raises(MeasurementError, match="only in base: r7"):
        found(scored(BASE), scored(fewer), scored(MINUS))
