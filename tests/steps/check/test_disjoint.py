from __future__ import annotations

from tests.steps.check.findings import finding, keys


def test_row_sets_that_share_nothing():
    assert finding("disjoint", {"rows": [keys("a", "b"), keys("c"), keys("d")]}).holds


def test_a_row_in_two_sets():
    found = finding("disjoint", {"rows": [keys("a", "b"), keys("c"), keys("d", "a")]})
    assert not found.holds and found.at == [("rows", 2)]
    assert "1 shared" in found.detail
