"""Gradient times difference, against finite differences; and whether the estimate means anything."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain, Unit
from ws_dsl.artifacts.sites import Sites

STEP = 1e-2
CLAIMS = ["2 + 3 = 5", "the sum of 6 and 1 is 7", "3 is larger than 8"]
TOKENS = {"plus": [" Yes"], "minus": [" No"]}


def ranked(bench: Bench, family: str, top: int) -> list[Sites]:
    inputs = {"plus": bench.prompts(PRESSURE, CLAIMS), "minus": bench.prompts(NEUTRAL, CLAIMS)}
    fields = {"among": family, "top": top, "tokens": TOKENS}
    cells = [(inputs, fields | {"rank": rank}) for rank in range(1, top + 1)]
    return bench.cells("rank_by_attribution", cells)


def unit(sites: Sites, plain: Plain, family: str) -> Unit:
    return next(unit for unit in plain.units(family) if str(unit) == sites.addresses[0])


def estimated(plain: Plain, which: Unit) -> float:
    """What moving the unit from `minus` to `plus` adds, from the slope along that line at `plus`."""
    found: list[float] = []
    pressed, neutral = plain.bench.prompts(PRESSURE, CLAIMS), plain.bench.prompts(NEUTRAL, CLAIMS)
    for here, there in zip(pressed.tokens, neutral.tokens, strict=True):
        at = plain.activations(here, which.family)[which]
        line = at - plain.activations(there, which.family)[which]
        up, down = (plain.score(here, {which: at + sign * STEP * line}) for sign in (1, -1))
        found.append((up - down) / (2 * STEP))
    return float(np.mean(found))


def exact(plain: Plain, which: Unit) -> float:
    """What clamping the unit takes from the answer."""
    found: list[float] = []
    pressed, neutral = plain.bench.prompts(PRESSURE, CLAIMS), plain.bench.prompts(NEUTRAL, CLAIMS)
    for here, there in zip(pressed.tokens, neutral.tokens, strict=True):
        value: torch.Tensor = plain.activations(there, which.family)[which]
        found.append(plain.score(here) - plain.score(here, {which: value}))
    return float(np.mean(found))


@pytest.mark.parametrize("family", ["heads", "neurons"])
def test_scores_are_slopes_times_differences(bench: Bench, plain: Plain, family: str):
    for sites in ranked(bench, family, 2):
        score = sites.scores[0]
        assert score == pytest.approx(estimated(plain, unit(sites, plain, family)), rel=3e-3, abs=5e-4)


@pytest.mark.parametrize("family", ["heads", "neurons"])
def test_the_first_one_does_what_is_estimated(bench: Bench, plain: Plain, family: str):
    first = ranked(bench, family, 1)[0]
    effect = exact(plain, unit(first, plain, family))
    assert abs(effect) > 0.01 and effect * first.scores[0] > 0


def test_largest_first(bench: Bench):
    scores = [abs(sites.scores[0]) for sites in ranked(bench, "neurons", 8)]
    assert scores == sorted(scores, reverse=True)
