"""Layers kept and dropped."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.steps.ablate.deltas import adds_up, deltas, halves, low_rank, share
from tests.steps.ablate.test_modules import SLOW
from tests.steps.organism import Bench
from ws_dsl.models.deltas import where
from ws_dsl.specs.kinds import find
from ws_dsl.steps.ablate.layers import chosen

CHOICES: list[Any] = [[0], [1, 3], {"first": 1, "last": 2}, {"share": [0, 0.5]}, "early", "middle", "late"]


def named(layers: Any, changed: list[int]) -> list[int]:
    spec = find("layers").spec.model_validate({"delta": "d", "layers": layers, "part": "keep"})
    return chosen(spec, changed)  # pyright: ignore[reportArgumentType]


@SLOW
@given(data=st.data(), layers=st.sampled_from(CHOICES))
def test_keep_and_drop_are_the_whole(bench: Bench, data: st.DataObject, layers: Any):
    whole = data.draw(deltas(bench))
    kept, dropped = halves(bench, "layers", whole, layers=layers)
    assert adds_up(bench, whole, kept, dropped)
    assert not {where(one)[0] for one in kept.parts} & {where(one)[0] for one in dropped.parts}


@given(st.sets(st.integers(0, 80), min_size=1), st.lists(st.floats(0.01, 0.99), unique=True, max_size=4))
def test_adjacent_shares_divide_the_layers(changed: set[int], cuts: list[float]):
    layers, ends = sorted(changed), [0.0, *sorted(cuts), 1.0]
    found = [named({"share": [a, b]}, layers) for a, b in pairwise(ends)]
    assert [layer for own in found for layer in own] == layers


def test_thirds_are_of_the_layers_that_are_changed():
    trained = list(range(8, 22))
    found = [named(third, trained) for third in ("early", "middle", "late")]
    assert [len(own) for own in found] == [5, 4, 5] and [*chain(*found)] == trained
    assert [named(third, [0, 1, 2, 3]) for third in ("early", "middle", "late")] == [[0], [1, 2], [3]]
    assert named({"first": 8, "last": 21}, list(range(28))) == trained


def test_a_delta_that_lives_in_one_layer_is_found_there(bench: Bench):
    whole = low_rank(bench, ["L2q", "L2o", "L2down"], 2, 0)
    found = {layer: halves(bench, "layers", whole, layers=[layer]) for layer in range(4)}
    shares = {layer: (share(kept), share(dropped)) for layer, (kept, dropped) in found.items()}
    assert shares == {0: (0, 1), 1: (0, 1), 2: (1, 0), 3: (0, 1)}


@pytest.mark.parametrize("layers", [[], [-1], {"first": 3, "last": 1}, {"share": [0.5, 0.5]}, "deep"])
def test_choices_that_mean_nothing(layers: Any):
    with pytest.raises(ValidationError):
        named(layers, [0])
