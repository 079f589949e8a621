from __future__ import annotations

import pytest

from tests.steps.analyse.cells import Given, rows
from tests.steps.check.findings import finding
from ws_dsl.errors import MeasurementError


def of_topics(topics: str, **labels: str) -> Given:
    return Given(
        rows([f"r{place}" for place in range(len(topics))], topic=list(topics)), (0, 0), labels=labels
    )


@pytest.mark.parametrize(
    ("here", "there", "distance"),
    [("ab", "aabb", 0), ("ab", "cd", 1), ("aaab", "abbb", 0.5), ("ab", "a", 0.5)],
)
def test_the_distance_is_half_of_the_differences_of_shares(here: str, there: str, distance: float):
    found = finding("in_distribution", {"of": [of_topics(here)], "to": [of_topics(there)]}, by="topic")
    assert found.holds is (distance == 0)
    assert f"largest distance {distance:.2f}" in found.detail


def test_cells_are_compared_with_those_that_agree():
    cells = [of_topics("aa", world="one"), of_topics("bb", world="other")]
    assert finding("in_distribution", {"of": cells, "to": cells}, by="topic").holds
    found = finding("in_distribution", {"of": cells, "to": [of_topics("aa")]}, by="topic", most=0.9)
    assert found.at == [("of", 1)] and "[world=other]: 1.00, with b on one side alone" in found.detail


def test_nothing_to_compare_shows_nothing():
    sides = {"of": [of_topics("a", world="one")], "to": [of_topics("a", world="other")]}
    assert not finding("in_distribution", sides, by="topic").holds


def test_a_column_that_is_not_there():
    with pytest.raises(MeasurementError, match="no row column 'letter'"):
        finding("in_distribution", {"of": [of_topics("a")], "to": [of_topics("a")]}, by="letter")
