from __future__ import annotations

import math

import pytest

from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding


def scored(masses: list[float], states: int = 0, arm: bool = False) -> Given:
    values = {str(place): 1.0 for place in range(len(masses))}
    return Given(table(values, pmass=masses), (states, int(arm)))


@pytest.mark.parametrize(
    ("masses", "holds"),
    [([0.9, 0.8], True), ([0.5, 0.5], True), ([0.9, 0.05], False), ([math.nan, 0.9], False)],
    ids=str,
)
def test_mean_mass_without_intervention(masses: list[float], holds: bool):
    found = finding("pmass", {"tables": [scored([0.9, 0.9], 1), scored(masses)]})
    assert found.holds is holds
    assert found.at == ([] if holds else [("tables", 1)])


def test_the_share_of_rows_with_low_mass_is_told():
    assert "below one half 0.500" in finding("pmass", {"tables": [scored([0.9, 0.4])]}).detail


def test_a_floor_of_ones_own():
    assert not finding("pmass", {"tables": [scored([0.8])]}, floor=0.9).holds


def test_interventions_are_told_and_not_judged():
    found = finding("pmass", {"tables": [scored([0.9]), scored([0.1], 1, arm=True)]})
    assert found.holds and "under interventions lowest mean mass 0.100" in found.detail


def test_audited_spellings_are_judged_by_the_best():
    assert finding("pmass", {"tables": [scored([0.9]), scored([0.01])]}).holds
    assert finding("pmass", {"tables": [scored([0.01]), scored([0.9])]}).holds
