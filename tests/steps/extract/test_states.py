"""Activations at a place, against plain transformers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.steps.extract.places import hidden, residual
from tests.steps.intervene.test_system_prompt import DISHONEST, said
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError, ModelError

ASKED = "User: Is it true that {}?\nAssistant:"


@pytest.fixture(scope="module")
def replied(bench: Bench) -> Prompts:
    return bench("generate", {"prompts": bench.prompts(ASKED)}, max_tokens=6, temperature=1.0, seed=0)


def test_the_residual_stream_is_that_of_transformers(bench: Bench):
    prompts = bench.prompts(PRESSURE)
    for layer in (0, 1, 2):
        found = residual(bench, prompts, layer).tensors[f"L{layer}"]
        theirs = np.stack([hidden(bench, ids)[layer + 1, -1] for ids in prompts.tokens])
        np.testing.assert_allclose(found, theirs, atol=1e-5)


def test_positions_and_the_mean_over_a_reply(bench: Bench, replied: Prompts):
    for row, (ids, spans) in enumerate(zip(replied.tokens, replied.columns["spans"], strict=True)):
        start, stop = spans["reply"]
        assert stop - start > 0
        whole = hidden(bench, ids)[3]
        for at, expected in (
            ("prompt_last", whole[start - 1]),
            ("reply_first", whole[start]),
            ("reply_last", whole[stop - 1]),
            ("last", whole[-1]),
            (-2, whole[-2]),
            ("reply_mean", whole[start:stop].mean(0)),
        ):
            found = residual(bench, replied, 2, at).tensors["L2"][row]
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_layers_by_fraction_and_from_the_end(bench: Bench):
    prompts = bench.prompts(NEUTRAL)
    for written, site in ((1.0, "L3"), (0.0, "L0"), (0.5, "L2"), (-1, "L3"), (1, "L1")):
        made = bench("states", {"prompts": prompts}, layer=written, at="last")
        assert list(made.tensors) == [site] and made.notes["site"] == site


def test_other_sites_and_arms(bench: Bench):
    prompts = bench.prompts(NEUTRAL)
    arm = bench("clamp", {}, sites=["L1H2"], to=0, at="last")
    held = bench("states", {"prompts": prompts, "arm": arm}, site="blocks.1.attn.hook_z[2]", at="last")
    assert not held.tensors["L1H2"].any()
    free = bench("states", {"prompts": prompts}, site="L1H2", at="last")
    assert np.abs(free.tensors["L1H2"]).max() > 0


def test_cells_made_together_are_those_made_alone(bench: Bench, replied: Prompts):
    wanted = [{"layer": 0, "at": "last"}, {"layer": 3, "at": "reply_mean"}, {"site": "L1attn", "at": "last"}]
    together = bench.cells("states", [({"prompts": replied}, dict(fields)) for fields in wanted])
    for fields, made in zip(wanted, together, strict=True):
        assert bench("states", {"prompts": replied}, **fields).to_artifact().files == made.to_artifact().files


@pytest.mark.parametrize("tokens", [1, 7, 30])
def test_rows_are_read_in_lots_of_any_size(bench: Bench, replied: Prompts, tokens: int):
    """Rows that are there twice run in one lot or in two; nothing changes."""
    doubled = {name: [*values, *values] for name, values in replied.columns.items()}
    doubled["id"] = [str(place) for place in range(len(doubled["id"]))]
    prompts = replace(replied, columns=doubled)
    for at in ("reply_mean", "last"):
        whole = residual(bench, prompts, 2, at)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ws_dsl.steps.extract.states._TOKENS", tokens)
            assert residual(bench, prompts, 2, at).to_artifact() == whole.to_artifact()


def test_no_rows_have_states_too(bench: Bench, replied: Prompts):
    nothing = replace(replied, columns={name: [] for name in replied.columns})
    assert residual(bench, nothing, 2, "reply_mean").tensors["L2"].shape == (0, 64)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"at": "last"}, "either layer"),
        ({"at": "last", "layer": 1, "site": "L1"}, "either layer"),
        ({"at": "all", "layer": 1}, "several tokens"),
        ({"at": "last", "layer": 1.5}, "1"),
        ({"at": "last", "site": "L1P0"}, "as wide as its row"),
        ({"at": "last", "site": "nowhere"}, "no site"),
    ],
)
def test_what_cannot_be_meant(bench: Bench, fields: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        bench("states", {"prompts": bench.prompts(NEUTRAL)}, **fields)


def test_what_is_not_there(bench: Bench):
    with pytest.raises(ModelError, match="outside the model"):
        residual(bench, bench.prompts(NEUTRAL), 4)
    with pytest.raises(MeasurementError, match="no position reply"):
        residual(bench, bench.prompts(NEUTRAL), 1, "reply_mean")


def test_a_system_message_as_an_arm_is_read_where_it_is_said(bench: Bench):
    arm = bench("system_prompt", {}, system=DISHONEST)
    expected = residual(bench, said(bench, DISHONEST), 2, -4)
    for own in (None, "You are an honest assistant."):
        found = residual(bench, said(bench, own), 2, -4, arm=arm)
        np.testing.assert_array_equal(found.tensors["L2"], expected.tensors["L2"])
