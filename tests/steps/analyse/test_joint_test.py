"""p of Tables against scipy, and corrections for their number."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats as scipy_stats

from tests.steps.analyse.cells import Given, estimate, files_of, rows, run, table
from ws_dsl.artifacts.table import Table
from ws_dsl.steps.analyse._tests import adjusted
from ws_dsl.steps.analyse.summary import Summary

RNG = np.random.default_rng(5)
IDS = [f"r{i}" for i in range(40)]


def values(shift: float = 0.3) -> dict[str, float]:
    return dict(zip(IDS, (RNG.normal(size=len(IDS)) + shift).tolist(), strict=True))


VALUES = values()


def p(test: str, of: dict[str, float] = VALUES, **inputs: object) -> float:
    found = estimate("summary", {"of": table(of), **inputs}, stats=["mean"], test=test).stats["p"].value
    assert found is not None
    return found


def test_the_sign_test_is_that_of_scipy():
    positive = sum(value > 0 for value in VALUES.values())
    assert p("sign") == pytest.approx(scipy_stats.binomtest(positive, len(IDS)).pvalue)


def test_zeros_are_no_signs():
    assert p("sign", {**VALUES, "zero": 0.0}) == p("sign")
    assert p("sign", {"a": 0.0}) == 1


def test_the_permutation_test_is_that_of_scipy():
    expected = scipy_stats.permutation_test(
        (list(VALUES.values()),), np.mean, permutation_type="samples", n_resamples=20_000, rng=1
    ).pvalue
    assert p("permutation") == pytest.approx(expected, abs=0.01)


def test_few_units_are_counted_in_all_their_flips():
    """Of three equal values all flips but two give less: p is never below a quarter."""
    assert p("permutation", {"a": 1.0, "b": 1.0, "c": 1.0}) == pytest.approx(0.25, abs=0.02)


def test_rows_of_a_unit_are_flipped_together():
    """Copies of a row are no evidence."""
    copies = {f"{key}{i}": value for key, value in list(VALUES.items())[:6] for i in range(5)}
    behind = rows(list(copies), unit=("origin",), origin=[key[:-1] for key in copies])
    once = dict(list(VALUES.items())[:6])
    assert p("permutation", copies, row_columns=behind) == pytest.approx(p("permutation", once), abs=0.02)
    assert p("permutation", copies) < 0.5 * p("permutation", copies, row_columns=behind)


@pytest.mark.parametrize("seed", range(5))
def test_benjamini_hochberg_is_that_of_scipy(seed: int):
    given = np.random.default_rng(seed).random(9).round(1)
    assert adjusted(given.tolist(), "bh") == pytest.approx(scipy_stats.false_discovery_control(given))


def test_holm_by_hand():
    assert adjusted([0.04, 0.01, 0.03], "holm") == pytest.approx([0.06, 0.03, 0.06])
    assert adjusted([0.5, 0.6], "holm") == [1.0, 1.0]


@pytest.mark.parametrize("correction", ["holm", "bh"])
def test_a_cell_finds_its_corrected_p(correction: str):
    family = [VALUES, values(1.0), values(0.0)]
    of = [Given(table(one), (place,), None, str(place)) for place, one in enumerate(family)]
    artifact = run("joint_test", {"of": of}, test="permutation", correction=correction, family=["arm"])
    joint = Table.from_files(files_of(artifact).__getitem__)
    assert joint.columns["value"] == pytest.approx(adjusted(joint.columns["p"], correction))
    for place, one in enumerate(family):
        inputs = {"of": Given(table(one), (), None, str(place)), "joint": joint}
        found = estimate("summary", inputs, stats=["mean"], test="permutation", family=["arm"])
        assert list(found.stats) == ["mean", "p", "p_adjusted"]
        assert found.stats["p_adjusted"].value == joint.columns["value"][place]
        assert found.stats["p"].value == p("permutation", one)


def test_a_cell_without_a_value_is_no_test():
    empty = Given(table({"a": None}), (1,), None, "empty")
    artifact = run("joint_test", {"of": [Given(table(VALUES), (0,)), empty]}, test="sign", family=["arm"])
    joint = Table.from_files(files_of(artifact).__getitem__)
    assert joint.columns["value"] == [joint.columns["p"][0], None]


def test_a_family_needs_a_test():
    with pytest.raises(ValidationError, match="say test"):
        Summary.model_validate({"of": "a", "stats": ["mean"], "family": ["arm"]})
