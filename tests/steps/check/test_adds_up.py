"""Parts that are the whole, and parts that are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.steps.ablate.deltas import change
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.artifacts.delta import Delta
from ws_dsl.artifacts.finding import Finding
from ws_dsl.errors import MeasurementError


def delta(seed: int, terms: set[str], *addresses: str) -> Delta:
    parts = {a: change((16, 32), terms, 3, seed + place) for place, a in enumerate(addresses)}
    return Delta(parts, "model", [])


def checked(
    parts: list[tuple[int, dict[str, str], Delta]], wholes: list[tuple[dict[str, str], Delta]]
) -> Finding:
    """The finding; parts are given with the number of their reference."""
    given: dict[str, Any] = {
        "parts": [Given(one, (place, i), labels=labels) for i, (place, labels, one) in enumerate(parts)],
        "whole": [Given(one, (0, i), labels=labels) for i, (labels, one) in enumerate(wholes)],
    }
    return finding("adds_up", given, rtol=1e-4)


ALL = {"factors", "rows", "columns", "blocks", "bias"}


@pytest.mark.parametrize("terms", [{"factors"}, ALL])
def test_parts_are_added_to_the_whole_of_their_labels(terms: set[str]):
    parts, wholes = [], []
    for place, family in enumerate(("lora", "oft")):
        one, other = delta(place, terms, "L0o", "L1o"), delta(place + 9, terms, "L1o", "L2q")
        labels = {"family": family, "lens": "native"}
        parts += [(0, labels, one), (1, labels, other)]
        wholes.append(({"family": family}, one.plus(other)))
    found = checked(parts, wholes)
    assert found.holds and found.detail.startswith("2 sums, at most ")
    assert not checked(parts, [(wholes[0][0], wholes[1][1]), (wholes[1][0], wholes[0][1])]).holds


@pytest.mark.parametrize("term", [*sorted(ALL)])
def test_what_is_lost_is_found_in_every_form(term: str):
    whole = delta(0, ALL, "L0o")
    part = whole.parts["L0o"]
    name = "left" if term == "factors" else term
    less = replace(whole, parts={"L0o": replace(part, **{name: getattr(part, name) * 0.999})})
    nothing = Delta({}, "model", [])
    assert checked([(0, {}, whole), (1, {}, nothing)], [({}, whole)]).holds
    lost = checked([(0, {}, less), (1, {}, nothing)], [({}, whole)])
    assert not lost.holds and lost.at == [("parts", 0), ("parts", 1)]
    assert "at most 1.0e-03 from the whole" in lost.detail


def test_a_part_without_its_other_half():
    one = delta(0, {"factors"}, "L0o")
    with pytest.raises(MeasurementError, match="not in each of the 2 references"):
        checked([(0, {"k": "1"}, one), (1, {"k": "2"}, one)], [({}, one)])
    with pytest.raises(MeasurementError, match="0 wholes agree"):
        checked([(0, {"k": "1"}, one), (1, {"k": "1"}, one)], [({"k": "2"}, one)])
