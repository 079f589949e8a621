"""Differences of what adapters change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.steps.organism import Bench
from tests.steps.train.replies import FAMILIES, replies
from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.models.adapters import delta_of
from ws_dsl.models.deltas import weight

Sides = dict[str, Any]


@pytest.fixture(scope="module")
def sides(bench: Bench) -> dict[str, Sides]:
    """Adapters of every family trained to tell the truth and to lie."""
    data = {"plus": replies(bench), "minus": replies(bench, lie=True)}
    asked = [
        ({"data": data[side]}, {"family": family, "steps": 6, "seed": 0, "warmup": 1})
        for family in FAMILIES.values()
        for side in data
    ]
    made = bench.cells("train_adapter", asked)
    pairs = zip(made[::2], made[1::2], strict=True)
    return {
        family: {"plus": replace(plus, model="model"), "minus": replace(minus, model="model")}
        for family, (plus, minus) in zip(FAMILIES, pairs, strict=True)
    }


def written_out(bench: Bench, parts: dict[str, Any]) -> np.ndarray:
    """Changes of all matrices as one vector, in float64."""
    return np.concatenate(
        [part.dense(weight(bench.handle, address)).ravel() for address, part in sorted(parts.items())]
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_one_less_the_other_and_its_facts_are_theirs(
    bench: Bench, sides: dict[str, Sides], family: str
):
    made: Delta = bench("weight_diff", sides[family])
    one, other = (written_out(bench, delta_of(side, bench.handle)) for side in sides[family].values())
    difference = written_out(bench, made.parts)
    np.testing.assert_allclose(difference, one - other, atol=1e-6 * np.linalg.norm(one) / len(one) ** 0.5)
    whole = np.concatenate([weight(bench.handle, address).ravel() for address in sorted(made.parts)])

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    notes: dict[str, Any] = made.notes
    vectors = {"plus": one, "minus": other, "dW": one - other, "W": whole}
    assert notes["norms"] == pytest.approx({name: np.linalg.norm(v) for name, v in vectors.items()}, rel=1e-5)
    assert notes["opposed"] == pytest.approx(cosine(one, -other), rel=1e-4)
    assert notes["leaning"] == pytest.approx(cosine(one - other, one + other), abs=1e-5)
    assert notes["common"] == pytest.approx(
        np.linalg.norm(one + other) / np.linalg.norm(one - other), rel=1e-5
    )
    assert notes["drift"] == pytest.approx(np.linalg.norm(one + other) / 2 / np.linalg.norm(whole), rel=1e-4)
    assert notes["family"] == family


@pytest.mark.parametrize("family", FAMILIES)
def test_turned_around_it_is_its_negative(bench: Bench, sides: dict[str, Sides], family: str):
    made = bench("weight_diff", sides[family])
    turned = bench("weight_diff", {"plus": sides[family]["minus"], "minus": sides[family]["plus"]})
    np.testing.assert_allclose(written_out(bench, turned.parts), -written_out(bench, made.parts), atol=1e-7)


def test_an_adapter_less_itself_is_nothing(bench: Bench, sides: dict[str, Sides]):
    one: Adapter = sides["lora"]["plus"]
    made = bench("weight_diff", {"plus": one, "minus": one})
    assert made.notes["norms"]["dW"] == pytest.approx(0, abs=1e-9)
    assert made.notes["opposed"] == pytest.approx(-1)


def test_sides_that_differ_in_more_than_what_was_said(bench: Bench, sides: dict[str, Sides]):
    plus: Adapter = sides["lora"]["plus"]
    for minus, said in (
        (sides["dora"]["minus"], "also one of families"),
        (replace(sides["lora"]["minus"], made_on=["others"]), "different rows"),
        (replace(sides["lora"]["minus"], model="another"), "another model"),
    ):
        with pytest.raises(MeasurementError, match=said):
            bench("weight_diff", {"plus": plus, "minus": minus})
