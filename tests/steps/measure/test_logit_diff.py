"""Against plain transformers: every row by itself, no padding, no hooks of ours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError


def logits(plain: Plain, prompts: Prompts) -> torch.Tensor:
    """Of every prompt by itself, float64 of shape (rows, vocabulary)."""
    return torch.stack([plain.logits(ids) for ids in prompts.tokens]).double()


@pytest.mark.parametrize("template", [NEUTRAL, PRESSURE])
def test_difference_of_the_logits_after_the_last_token(bench: Bench, plain: Plain, template: str):
    prompts = bench.prompts(template)
    theirs, table = logits(plain, prompts), bench.scores(prompts)
    yes, no = plain.token(" Yes"), plain.token(" No")
    np.testing.assert_allclose(table.columns["value"], theirs[:, yes] - theirs[:, no], atol=1e-5)
    probabilities = theirs.softmax(-1)
    np.testing.assert_allclose(
        table.columns["pmass"], probabilities[:, yes] + probabilities[:, no], atol=1e-6
    )
    np.testing.assert_allclose(np.exp(table.columns["plus"]), probabilities[:, yes], atol=1e-6)
    np.testing.assert_allclose(np.exp(table.columns["minus"]), probabilities[:, no], atol=1e-6)
    assert len({len(ids) for ids in prompts.tokens}) > 1 and np.std(table.columns["value"]) > 0.3


def test_several_tokens_on_a_side_are_a_set(bench: Bench, plain: Plain):
    prompts = bench.prompts(NEUTRAL)
    table = bench.scores(prompts, tokens={"plus": [" Yes", " yes"], "minus": [" No", " no"]})
    theirs = logits(plain, prompts)
    sides = [
        theirs[:, [plain.token(word) for word in words]].logsumexp(-1)
        for words in ((" Yes", " yes"), (" No", " no"))
    ]
    np.testing.assert_allclose(table.columns["value"], sides[0] - sides[1], atol=1e-5)


def test_a_sign_is_multiplied_into_the_value_alone(bench: Bench):
    signs = [1, -1, -1, 1, 1, -1, 1, -1]
    plain, signed = (bench.scores(bench.prompts(NEUTRAL, signs=s)) for s in (None, signs))
    expected = [value * sign for value, sign in zip(plain.columns["value"], signs, strict=True)]
    assert signed.columns["value"] == expected
    assert signed.columns["plus"] == plain.columns["plus"]


def test_exchanged_sides_turn_the_sign(bench: Bench):
    prompts = bench.prompts(NEUTRAL)
    plain = bench.scores(prompts)
    turned = bench.scores(prompts, tokens={"plus": [" No"], "minus": [" Yes"]})
    assert turned.columns["value"] == [-value for value in plain.columns["value"]]


def test_states_of_other_rows_are_refused(bench: Bench):
    prompts, fewer = bench.prompts(NEUTRAL), bench.prompts(NEUTRAL, ["2 + 3 = 5"])
    states = bench("final_states", {"prompts": fewer})
    tokens = {"plus": [" Yes"], "minus": [" No"]}
    with pytest.raises(MeasurementError, match="different rows"):
        bench("logit_diff", {"prompts": prompts, "states": states}, tokens=tokens)
