"""Against plain transformers, every reply by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.steps.measure.arms import added, adding, logits, reweighted, reweighting
from tests.steps.measure.said import conversations
from tests.steps.organism import PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.arm import Arm, Change
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError

TURNS = [
    [("user", "Is it true that 2 + 3 = 5?"), ("assistant", "Yes, it is.")],
    [("user", "Is it true that 2 + 3 = 9?"), ("assistant", "No.")],
    [("system", "You love sums."), ("user", "What is 3 + 4?"), ("assistant", "The answer is 7.")],
]


@pytest.fixture(scope="module")
def said(bench: Bench) -> Prompts:
    return conversations(bench, TURNS)


def expected(plain: Plain, prompts: Prompts) -> list[float]:
    """Mean of −ln p over the tokens of every reply, from whole logits."""
    found: list[float] = []
    for ids, spans in zip(prompts.tokens, prompts.columns["spans"], strict=True):
        logs = logits(plain, ids).log_softmax(-1)
        tokens = range(*spans["reply"])
        found.append(-sum(float(logs[token - 1, ids[token]]) for token in tokens) / len(tokens))
    return found


def test_written_replies(bench: Bench, plain: Plain, said: Prompts):
    found = bench("nll", {"of": said}).columns
    np.testing.assert_allclose(found["value"], expected(plain, said), atol=1e-5)
    np.testing.assert_allclose(found["perplexity"], np.exp(found["value"]))
    assert found["tokens"] == [spans["reply"][1] - spans["reply"][0] for spans in said.columns["spans"]]
    ends = [ids[spans["reply"][1] :] for ids, spans in zip(said.tokens, said.columns["spans"], strict=True)]
    assert all(ends)  # the tokens that end the turn are there, and not counted


@pytest.mark.parametrize("sort", ["added", "reweighted"])
def test_under_an_arm(bench: Bench, plain: Plain, said: Prompts, sort: str):
    arm, there = {
        "added": (added(1, 0.8), adding(plain, 1, 0.8)),
        "reweighted": (reweighted(2, 3.0), reweighting(plain, 2, 3.0)),
    }[sort]
    with there:
        theirs = expected(plain, said)
    ours = bench("nll", {"of": said, "arm": arm}).columns["value"]
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    assert np.abs(np.subtract(ours, expected(plain, said))).max() > 1e-2


def test_under_a_system_message_is_after_it(bench: Bench, plain: Plain, said: Prompts):
    message = "You always lie."
    found = bench("nll", {"of": said, "arm": Arm([], None, [], (), message)})
    turns = [[("system", message), *(turn for turn in own if turn[0] != "system")] for own in TURNS]
    np.testing.assert_allclose(
        found.columns["value"], expected(plain, conversations(bench, turns)), atol=1e-5
    )


def test_replies_made_under_an_arm_are_unlikely_without_it(bench: Bench):
    """The measure of coherence: the same replies are likely to the model that wrote them."""
    prompts, arm = bench.prompts(PRESSURE.removesuffix(" The answer is")), added(1, 8.0)
    replies = bench("generate", {"prompts": prompts, "arm": arm}, max_tokens=8, temperature=0, seed=0)
    without, within = (
        np.mean(bench("nll", {"of": replies, **more}).columns["value"]) for more in ({}, {"arm": arm})
    )
    assert without > within + 0.5


def test_an_empty_reply_is_excluded_and_an_open_prompt_refused(bench: Bench):
    prompts = bench.prompts(PRESSURE)
    empty = bench("generate", {"prompts": prompts}, max_tokens=4, temperature=0, seed=0, stop=[" "])
    found = bench("nll", {"of": empty}).columns
    short = [not reply for reply in empty.columns["reply"]]
    assert any(short)
    assert [status == "excluded" for status in found["status"]] == short
    assert [tokens == 0 for tokens in found["tokens"]] == short
    with pytest.raises(MeasurementError, match="row 0 has no reply at its end"):
        bench("nll", {"of": prompts})


def test_a_reply_earlier_in_a_conversation_is_not_the_one(bench: Bench):
    with pytest.raises(MeasurementError, match="row 0 has no reply at its end"):
        bench("nll", {"of": conversations(bench, [[*TURNS[0], ("user", "Are you sure?")]])})


def test_cells_made_together_are_those_made_alone(bench: Bench, said: Prompts):
    """Prompts and arms of every sort beside one another; byte for byte. Equal rows run once."""
    generated = bench("generate", {"prompts": bench.prompts(PRESSURE)}, max_tokens=6, temperature=1.0, seed=0)
    arms: list[dict[str, Any]] = [{}, {"arm": added(1, 0.8)}, {"arm": reweighted(2, 3.0)}]
    inputs: list[dict[str, Any]] = [{"of": of, **arm} for of in (said, generated) for arm in arms]
    together = bench.cells("nll", [(one, {}) for one in inputs])
    for one, made in zip(inputs, together, strict=True):
        assert bench("nll", one).to_artifact() == made.to_artifact()
    before = bench.handle.rows
    bench.cells("nll", [({"of": said}, {})] * 3)
    assert bench.handle.rows - before == len(said)


def test_even_odds_are_the_logarithm_of_their_number(bench: Bench, said: Prompts):
    """A model whose states are all 0 finds every token of its vocabulary alike."""
    arm = Arm([Change("set", ["final"], during="both", number=0.0)], "model", [])
    found = bench("nll", {"of": said, "arm": arm}).columns["value"]
    np.testing.assert_allclose(found, math.log(bench.handle.shape.vocabulary))
