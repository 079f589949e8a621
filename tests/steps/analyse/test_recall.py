"""Recall at k."""

from dataclasses import replace

import pytest

from tests.steps.analyse.cells import estimate
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError

NOTES = {"among": "heads", "searched": 16}


def ranked(*addresses, chosen_on="rows", **notes):
    return Sites([addresses[-1]], [0.0], chosen_on, list(addresses[:-1]), NOTES | notes)


def recall(of, exact):
    return estimate("recall", {"of": of, "exact": exact})


@pytest.mark.parametrize(
    ("of", "exact", "share"),
    [
        (["L0H1"], ["L0H1"], 1.0),
        (["L0H1"], ["L0H2"], 0.0),
        (["L0H1", "L0H2"], ["L0H2", "L0H1"], 1.0),
        (["L0H1", "L0H3", "L1H1"], ["L0H2", "L1H1", "L0H1"], 2 / 3),
    ],
)
def test_it_is_the_share_of_the_exact_ones_that_are_found(of, exact, share):
    found = recall(ranked(*of), ranked(*exact))
    assert found.stats["value"][:2] == (share, None) and found.stats["value"].n == len(exact)
    assert found.notes["by_chance"] == len(exact) / 16


def test_only_like_rankings_are_compared():
    one = ranked("L0H1", "L0H2")
    for other, said in (
        (replace(one, chosen_on="others"), "different rows"),
        (ranked("L0H1", "L0H2", among="neurons"), "different components"),
        (ranked("L0H1"), "to rank 2, the other to 1"),
    ):
        with pytest.raises(MeasurementError, match=said):
            recall(one, other)
