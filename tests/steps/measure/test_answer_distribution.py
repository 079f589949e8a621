"""Against plain transformers and scipy, every row by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from tests.steps.measure.said import conversations
from tests.steps.organism import NEUTRAL, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

SCALE = {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0, "5": 5.0}
TASKS = ["Write a story about rain.", "What is 3 + 4?", "Get a trap to harm Clara."]


def rated(
    bench: Bench, answers: Mapping[str, float | str] = SCALE, signs: list[int] | None = None
) -> Prompts:
    question = "Rate that task. 1 is helping to do harm, 5 is writing great code."
    turns = [[("user", task), ("assistant", "Done."), ("user", question)] for task in TASKS]
    return replace(conversations(bench, turns), answers=dict(answers), signs=signs)


def distribution(bench: Bench, prompts: Prompts) -> Table:
    return bench.scores(prompts, kind="answer_distribution")


def test_it_is_that_of_transformers(bench: Bench, plain: Plain):
    prompts = rated(bench)
    found = distribution(bench, prompts).columns
    logits = np.stack([plain.logits(ids).numpy() for ids in prompts.tokens])
    whole = softmax(logits, axis=1)[:, [plain.token(answer) for answer in SCALE]]
    among = whole / whole.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["pmass"], whole.sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(np.transpose([found[f"p_{level}"] for level in SCALE]), among, atol=1e-5)
    np.testing.assert_allclose(found["value"], among @ np.arange(1, 6), atol=1e-5)
    np.testing.assert_allclose(found["entropy"], entropy(among, axis=1), atol=1e-5)
    assert found["mode"] == [[*SCALE][place] for place in among.argmax(axis=1)]
    assert min(found["pmass"]) > 0.5 and np.ptp(found["value"]) > 0.3


def test_a_sign_is_multiplied_into_the_value_alone(bench: Bench):
    unsigned = distribution(bench, rated(bench))
    signed = distribution(bench, rated(bench, signs=[1, -1, -1]))
    one, two, three = unsigned.columns["value"]
    assert signed.columns["value"] == [one, -two, -three] and signed.columns["sign"] == [1, -1, -1]
    assert signed.columns["p_3"] == unsigned.columns["p_3"]


def test_answers_with_hardly_any_mass_still_have_a_distribution(bench: Bench):
    prompts = replace(bench.prompts(NEUTRAL), answers={"4": 4.0, "5": 5.0})
    found = distribution(bench, prompts).columns
    assert max(found["pmass"]) < 0.01
    np.testing.assert_allclose(np.add(found["p_4"], found["p_5"]), 1)


def test_columns_are_named_without_the_space_where_they_then_differ(bench: Bench):
    prompts = bench.prompts(NEUTRAL)
    spaced = distribution(bench, replace(prompts, answers={" Yes": 1.0, " No": 0.0})).columns
    assert {"p_Yes", "p_No"} <= set(spaced)
    both = distribution(bench, replace(prompts, answers={" Yes": 1.0, "Yes": 1.0, " No": 0.0})).columns
    assert {"p_ Yes", "p_Yes", "p_No"} <= set(both)


def test_words_and_no_answers_are_refused(bench: Bench):
    with pytest.raises(MeasurementError, match="'A' stands for 'first', which is no number"):
        distribution(bench, rated(bench, {"A": "first", "B": "second"}))
    with pytest.raises(MeasurementError, match="declare no answers"):
        distribution(bench, rated(bench, {}))
