from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding
from ws_dsl.artifacts.estimate import Estimate, Stat


def numbers(values: dict[str, float | None], **labels: str) -> Given:
    return Given(table(values), (0, 0), labels=labels)


def agree(of: list[Given], to: list[Given], atol: float = 0.01):
    return finding("close", {"of": of, "to": to}, atol=atol)


def test_tables_row_by_row():
    found = agree([numbers({"a": 1.0, "b": 2.0})], [numbers({"b": 2.005, "a": 1.0})])
    assert found.holds and "largest difference 0.005" in found.detail


def test_a_row_that_is_apart_is_named():
    found = agree([numbers({"a": 1.0, "b": 2.0}, arm="none")], [numbers({"a": 1.0, "b": 2.5}, arm="none")])
    assert not found.holds and found.at == [("of", 0)]
    assert "[arm=none]: 2 and 2.5 at b" in found.detail


@pytest.mark.parametrize("other", [{"a": 1.0}, {"a": 1.0, "b": None}], ids=str)
def test_a_value_on_one_side_alone(other: dict[str, float | None]):
    found = agree([numbers({"a": 1.0, "b": 2.0})], [numbers(other)])
    assert not found.holds and "b has a value on one side alone" in found.detail


def test_cells_are_matched_by_their_labels():
    of = [numbers({"a": 1.0}, layer="1"), numbers({"a": 2.0}, layer="2")]
    assert agree(of, of[::-1]).holds
    found = agree(of, of[:1])
    assert found.at == [("of", 1)] and "[layer=2] has no partner" in found.detail


def test_what_has_no_axis_is_a_partner_of_all():
    of = [numbers({"a": 1.0}, layer=layer) for layer in "123"]
    assert "3 pairs" in agree(of, [numbers({"a": 1.0})]).detail


@pytest.mark.parametrize(("value", "holds"), [(1.0, True), (1.02, False), (None, False)])
def test_estimates(value: float | None, holds: bool):
    def given(number: float | None) -> Given:
        stats = {"mean": Stat(number, None, None, None, 3)}
        return Given(Estimate(stats, {"mean": np.zeros(2)}, "", ""), (0, 0))

    assert agree([given(1.0)], [given(value)]).holds is holds
