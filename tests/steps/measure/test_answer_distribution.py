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
from ws_dsl.artifacts.rows import Rows
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


def right(bench: Bench, prompts: Prompts, own: list[str | float]) -> Table:
    """The probability of the answer of each row."""
    kinds = {"own": "category"} | dict.fromkeys(prompts.keys, "key")
    keys = {name: prompts.columns[name] for name in prompts.keys}
    behind = Rows(prompts.keys, {**keys, "own": own}, kinds, prompts.keys, "organism")
    states = bench("final_states", {"prompts": prompts})
    inputs = {"prompts": prompts, "states": states, "row_columns": behind}
    return bench("answer_distribution", inputs, equals="own")


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


WORDS = {" Yes": "yes", "Yes": "yes", " No": "no"}


def test_spellings_of_one_answer_are_added(bench: Bench):
    """With a number, and with a word that the rows have, alike."""
    prompts = bench.prompts(NEUTRAL)
    rows = len(prompts)
    by_number = distribution(bench, replace(prompts, answers={" Yes": 1.0, "Yes": 1.0, " No": 0.0})).columns
    by_word = right(bench, replace(prompts, answers=WORDS), ["yes"] * rows)
    np.testing.assert_allclose(by_number["value"], np.add(by_number["p_ Yes"], by_number["p_Yes"]))
    assert by_word.columns == by_number and by_word.notes["unit"] == "probability"
    assert by_word.notes["answers"] == [[*one] for one in WORDS.items()]


def test_the_value_is_the_probability_of_the_rows_own_answer(bench: Bench):
    prompts = replace(bench.prompts(NEUTRAL), answers=WORDS, signs=[-1] * len(bench.prompts(NEUTRAL)))
    own: list[str | float] = ["no" if place % 2 else "yes" for place in range(len(prompts))]
    found = right(bench, prompts, own).columns
    yes, no = np.add(found["p_ Yes"], found["p_Yes"]), np.array(found["p_No"])
    np.testing.assert_allclose(found["value"], [no[p] if p % 2 else yes[p] for p in range(len(prompts))])
    assert "sign" not in found and np.ptp(found["value"]) > 0.1


def test_an_answer_may_be_named_as_it_is_written_or_by_its_value(bench: Bench):
    prompts = rated(bench)
    found = right(bench, prompts, ["3", 3.0, 4.0]).columns
    assert found["value"] == [found["p_3"][0], found["p_3"][1], found["p_4"][2]]


def test_a_row_whose_answer_is_none_of_the_declared_ones(bench: Bench):
    with pytest.raises(MeasurementError, match="expects 'third', which is no declared answer"):
        right(bench, rated(bench, {"A": "first", "B": "second"}), ["first", "second", "third"])


def test_words_and_no_answers_are_refused(bench: Bench):
    said = "'A' stands for 'first', which is no number: declare numbers, .* or name in `equals`"
    with pytest.raises(MeasurementError, match=rf"{said}"):
        distribution(bench, rated(bench, {"A": "first", "B": "second"}))
    with pytest.raises(MeasurementError, match="declare no answers"):
        distribution(bench, rated(bench, {}))
