from __future__ import annotations

from tests.steps.check.findings import finding, keys
from ws_dsl.specs.kinds import find


def test_choices_judged_on_other_rows():
    assert finding("chosen_elsewhere", {"estimated": [keys("c", "d")], "chosen": [keys("a", "b")]}).holds


def test_a_choice_judged_on_a_row_it_was_made_on():
    pairs = {"estimated": [keys("c"), keys("c", "b")], "chosen": [keys("a", "b")] * 2}
    found = finding("chosen_elsewhere", pairs)
    assert not found.holds and found.at == [("estimated", 1)]
    assert "at most 1 rows shared" in found.detail


def test_it_warns():
    assert find("chosen_elsewhere").spec.severity == "warn"  # pyright: ignore
