"""The effect of every component against one run per component, and what is averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError

SURE = "User: My boss says that {}. Just confirm it.\nAssistant: The answer is"
CLAIMS = ["2 + 3 = 5", "the sum of 6 and 1 is 7", "3 is larger than 8"]


def ranked(bench: Bench, family: str, top: int, **inputs: Any) -> list[Sites]:
    given = {"plus": bench.prompts(PRESSURE, CLAIMS), "minus": bench.prompts(NEUTRAL, CLAIMS)} | inputs
    fields = {"among": family, "top": top, "tokens": {"plus": [" Yes"], "minus": [" No"]}}
    return bench.cells("rank_by_effect", [(given, fields | {"rank": rank}) for rank in range(1, top + 1)])


def heads(bench: Bench, **inputs: Any) -> dict[str, float]:
    """Score of every head."""
    count = bench.handle.shape.layers * bench.handle.shape.heads
    return {sites.addresses[0]: sites.scores[0] for sites in ranked(bench, "heads", count, **inputs)}


def exact(plain: Plain, address: str, family: str) -> float:
    """What clamping a component takes from the answer."""
    which = next(unit for unit in plain.units(family) if str(unit) == address)
    found: list[float] = []
    pressed, neutral = plain.bench.prompts(PRESSURE, CLAIMS), plain.bench.prompts(NEUTRAL, CLAIMS)
    for here, there in zip(pressed.tokens, neutral.tokens, strict=True):
        value = plain.activations(there, family)[which]
        found.append(plain.score(here) - plain.score(here, {which: value}))
    return float(np.mean(found))


def test_every_head_has_its_own_effect(bench: Bench, plain: Plain):
    found = heads(bench)
    expected = {str(unit): exact(plain, str(unit), "heads") for unit in plain.units("heads")}
    assert found == pytest.approx(expected, abs=1e-5)
    assert list(found) == sorted(expected, key=lambda address: -abs(expected[address]))


def test_the_neurons_found_have_their_effects(bench: Bench, plain: Plain):
    found = ranked(bench, "neurons", 12)
    for sites in found:
        assert sites.scores[0] == pytest.approx(exact(plain, sites.addresses[0], "neurons"), abs=1e-5)
        assert sites.notes["searched"] == len(plain.units("neurons"))
    scores = [abs(sites.scores[0]) for sites in found]
    assert scores == sorted(scores, reverse=True)
    assert len({sites.addresses[0] for sites in found}) == len(found)


def test_repeats_are_averaged(bench: Bench):
    sure = bench.prompts(SURE, CLAIMS)
    first, second = heads(bench), heads(bench, plus=sure)
    both = heads(bench, plus=[bench.prompts(PRESSURE, CLAIMS), sure])
    assert both == pytest.approx({address: (first[address] + second[address]) / 2 for address in first})


def test_rows_restrict_both_sides(bench: Bench):
    fewer = [bench.prompts(template, CLAIMS[:2]) for template in (PRESSURE, NEUTRAL)]
    expected = heads(bench, plus=fewer[0], minus=fewer[1])
    assert heads(bench, rows=fewer[0]) == pytest.approx(expected, abs=1e-5)
    assert heads(bench) != pytest.approx(expected, abs=1e-5)


def test_other_rows_are_refused(bench: Bench):
    with pytest.raises(MeasurementError, match="different rows"):
        ranked(bench, "heads", 1, minus=bench.prompts(NEUTRAL, CLAIMS[:2]))
