"""Laws of splits: parts are disjoint and cover, keep units whole, and have their shares."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.data.split import Split, divide

SHARES = [{"a": 0.5, "b": 0.5}, {"a": 0.25, "b": 0.75}, {"a": 0.2, "b": 0.3, "c": 0.5}]


def spec(**fields: Any) -> Split:
    return Split.model_validate({"of": "rows", **fields})


def rows(strata: list[int], unit: list[int] | None = None) -> Rows:
    """A row per entry, with its stratum, and its unit where units are several rows."""
    columns: dict[str, list[Any]] = {"id": [str(i) for i in range(len(strata))], "stratum": strata}
    columns["unit"] = unit if unit is not None else columns["id"]
    types = {"id": "key", "stratum": "category", "unit": "category"}
    return Rows(("id",), columns, types, ("unit",) if unit is not None else ("id",), "organism")


STRATA = st.lists(st.integers(0, 6), min_size=1, max_size=80)


@given(STRATA, st.sampled_from(SHARES), st.integers(0, 5), st.booleans())
def test_parts_are_disjoint_and_cover_in_the_order_of_the_rows(
    strata: list[int], into: dict[str, float], seed: int, stratify: bool
):
    parts = divide(rows(strata), spec(into=into, seed=seed, stratify=["stratum"] if stratify else []))
    assert list(parts) == list(into)
    assert sorted(place for part in parts.values() for place in part) == list(range(len(strata)))
    assert all(part == sorted(part) for part in parts.values())


@given(STRATA, st.sampled_from(SHARES), st.integers(0, 5))
def test_shares_are_exact_up_to_rounding_in_every_stratum_and_as_a_whole(
    strata: list[int], into: dict[str, float], seed: int
):
    parts = divide(rows(strata), spec(into=into, seed=seed, stratify=["stratum"]))
    for part, share in into.items():
        within = Counter(strata[place] for place in parts[part])
        for stratum, size in Counter(strata).items():
            assert abs(within[stratum] - share * size) < 1
        assert abs(len(parts[part]) - share * len(strata)) < 1


def test_odd_strata_do_not_all_favour_the_first_part():
    strata = [stratum for stratum in range(8) for _ in range(25)]
    parts = divide(rows(strata), spec(into=SHARES[0], stratify=["stratum"]))
    assert [len(part) for part in parts.values()] == [100, 100]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.sampled_from(SHARES), st.integers(0, 5))
def test_no_unit_is_in_two_parts(units: list[int], into: dict[str, float], seed: int):
    parts = divide(
        rows([unit % 2 for unit in units], units), spec(into=into, seed=seed, stratify=["stratum"])
    )
    met = [{units[place] for place in part} for part in parts.values()]
    assert sum(len(part) for part in met) == len(set(units))


@given(STRATA, st.sampled_from(SHARES), st.randoms(use_true_random=False))
def test_the_order_of_rows_plays_no_part(strata: list[int], into: dict[str, float], random: Any):
    whole = rows(strata)
    shuffled = whole.take(random.sample(range(len(strata)), len(strata)))
    split = spec(into=into, seed=1, stratify=["stratum"])

    def ids(of: Rows) -> dict[str, set[str]]:
        return {part: {of.columns["id"][i] for i in places} for part, places in divide(of, split).items()}

    assert ids(whole) == ids(shuffled)


def test_a_seed_is_one_split_and_another_seed_another():
    whole = rows([0] * 40)
    found = [divide(whole, spec(into=SHARES[0], seed=seed)) for seed in (0, 0, 1, 2)]
    assert found[0] == found[1]
    assert found[0] != found[2] != found[3]


def test_a_unit_in_two_strata_is_refused():
    with pytest.raises(MeasurementError, match="cannot be stratified by stratum"):
        divide(rows([0, 1], [7, 7]), spec(into=SHARES[0], stratify=["stratum"]))


@pytest.mark.parametrize(
    "into", [{"a": 0.5, "b": 0.4}, {"a": 1.0}, {"a": 0.0, "b": 1.0}, {"a": 1.5, "b": -0.5}]
)
def test_shares_are_parts_of_one(into: dict[str, float]):
    with pytest.raises(ValueError, match="into"):
        spec(into=into)
