"""Against scipy on the whole logits of plain transformers, every row by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy

from tests.steps.measure.arms import added, adding, logits, reweighted, reweighting
from tests.steps.measure.said import conversations
from tests.steps.measure.test_nll import TURNS
from tests.steps.organism import PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.measure import kl

ARMS = {
    "added": (added(1, 6.0), lambda plain: adding(plain, 1, 6.0)),
    "reweighted": (reweighted(2, 30.0), lambda plain: reweighting(plain, 2, 30.0)),
}


@pytest.fixture(scope="module")
def said(bench: Bench) -> Prompts:
    return conversations(bench, TURNS)


def distributions(plain: Plain, prompts: Prompts) -> list[np.ndarray]:
    """Wherever a token of the reply is predicted, or at the last token of an open prompt."""
    found: list[np.ndarray] = []
    for ids, spans in zip(prompts.tokens, prompts.columns["spans"], strict=True):
        start, stop = spans.get("reply", (len(ids), len(ids) + 1))
        found.append(logits(plain, ids)[start - 1 : stop - 1].softmax(-1).numpy())
    return found


def divergences(plain: Plain, prompts: Prompts, there: Any) -> list[np.ndarray]:
    before = distributions(plain, prompts)
    with there(plain):
        after = distributions(plain, prompts)
    return [np.asarray(entropy(p, q, axis=1)) for p, q in zip(after, before, strict=True)]


@pytest.mark.parametrize("sort", ARMS)
@pytest.mark.parametrize("replied", [True, False])
def test_mean_percentile_and_largest(bench: Bench, plain: Plain, said: Prompts, sort: str, replied: bool):
    prompts = said if replied else bench.prompts(PRESSURE)
    arm, there = ARMS[sort]
    theirs = divergences(plain, prompts, there)
    found = bench("kl", {"prompts": prompts, "arm": arm}).columns
    close: dict[str, Any] = {"rtol": 2e-3, "atol": 1e-5}
    np.testing.assert_allclose(found["value"], [own.mean() for own in theirs], **close)
    np.testing.assert_allclose(found["p95"], [np.percentile(own, 95) for own in theirs], **close)
    np.testing.assert_allclose(found["max"], [own.max() for own in theirs], **close)
    assert found["tokens"] == [len(own) for own in theirs]
    assert max(found["value"]) > 1e-3


def test_an_arm_that_changes_nothing_is_exactly_nothing(bench: Bench, said: Prompts):
    assert bench("kl", {"prompts": said, "arm": added(1, 0.0)}).columns["max"] == [0, 0, 0]


def test_a_conversation_that_goes_on_is_read_at_its_end(bench: Bench):
    """Replies before the last question are part of the prompt."""
    prompts = conversations(bench, [[*TURNS[0], ("user", "Are you sure?")]])
    found = bench("kl", {"prompts": prompts, "arm": added(1, 0.8)}).columns
    assert found["tokens"] == [1] and found["value"] == found["max"]


def test_a_system_message_is_compared_token_by_token_of_the_reply(bench: Bench, plain: Plain, said: Prompts):
    message = "You always lie."
    found = bench("kl", {"prompts": said, "arm": Arm([], None, [], (), message)}).columns
    turns = [[("system", message), *(turn for turn in own if turn[0] != "system")] for own in TURNS]
    pairs = zip(distributions(plain, conversations(bench, turns)), distributions(plain, said), strict=True)
    expected = [entropy(p, q, axis=1).mean() for p, q in pairs]
    np.testing.assert_allclose(found["value"], expected, rtol=2e-3, atol=1e-5)
    assert max(expected) > 0.1


def test_replies_that_would_be_other_tokens_are_refused(bench: Bench, said: Prompts):
    """A sampled reply need not be in the tokens that its text would be."""
    place = said.columns["spans"][0]["reply"][0]
    ids = [[*own] for own in said.tokens]
    ids[0][place] = ids[0][place + 1]
    other = Prompts(said.keys, {**said.columns, "ids": ids}, "tokenizer", {}, None)
    with pytest.raises(MeasurementError, match="the reply of row 0 is other tokens"):
        bench("kl", {"prompts": other, "arm": Arm([], None, [], (), "You love sums.")})


def test_an_empty_reply_is_excluded(bench: Bench):
    prompts = bench.prompts(PRESSURE)
    empty = bench("generate", {"prompts": prompts}, max_tokens=4, temperature=0, seed=0, stop=[" "])
    found = bench("kl", {"prompts": empty, "arm": added(1, 0.8)}).columns
    assert [status == "excluded" for status in found["status"]] == [not own for own in empty.columns["reply"]]


def test_cells_made_together_are_those_made_alone(
    bench: Bench, said: Prompts, monkeypatch: pytest.MonkeyPatch
):
    """Byte for byte, whatever share of the states is held at once; the passes without an arm are shared."""
    arms = [added(1, 0.8), added(2, -0.4), reweighted(2, 3.0), reweighted(2, 1.0)]
    inputs = [{"prompts": prompts, "arm": arm} for arm in arms for prompts in (said, bench.prompts(PRESSURE))]
    alone = [bench("kl", one).to_artifact() for one in inputs]
    assert [made.to_artifact() for made in bench.cells("kl", [(one, {}) for one in inputs])] == alone
    monkeypatch.setattr(kl, "_HELD", 1)
    assert [made.to_artifact() for made in bench.cells("kl", [(one, {}) for one in inputs])] == alone
    monkeypatch.undo()
    before = bench.handle.rows
    bench.cells("kl", [({"prompts": said, "arm": arm}, {}) for arm in arms])
    assert bench.handle.rows - before == len(said) * (1 + len(arms))
