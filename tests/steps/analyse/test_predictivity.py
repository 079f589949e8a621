from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats as scipy_stats
from sklearn.metrics import roc_auc_score

from tests.steps.analyse.cells import Given, estimate, rows
from tests.steps.analyse.test_label_permutations import IDS, LABEL, LETTER, SCORE, N, family, given
from ws_dsl.artifacts.states import States
from ws_dsl.errors import MeasurementError
from ws_dsl.report.frames import units_of
from ws_dsl.steps.analyse._auroc import Scored, Strengths
from ws_dsl.steps.analyse._bootstrap import weights
from ws_dsl.steps.analyse.predictivity import Predictivity, detectable

RNG = np.random.default_rng(4)


def predicted(
    score: np.ndarray = SCORE, label: np.ndarray = LABEL, letter: np.ndarray = LETTER, **fields: object
):
    behind = rows(IDS, letter=letter.tolist())
    inputs = {"score": given(score), "label": given(label), "row_columns": behind}
    if "states" in fields:
        inputs["states"] = fields.pop("states")
    return estimate("predictivity", inputs, **fields)


def values(found: object) -> dict[str, float]:
    return {name: stat.value for name, stat in found.stats.items()}  # pyright: ignore


def test_agrees_with_scikit_learn_and_scipy():
    found = values(predicted())
    assert found["auroc"] == pytest.approx(roc_auc_score(LABEL, SCORE), abs=1e-12)
    assert found["r_pb"] == pytest.approx(scipy_stats.pointbiserialr(LABEL, SCORE)[0], abs=1e-12)
    assert found["spearman"] == pytest.approx(scipy_stats.spearmanr(LABEL, SCORE)[0], abs=1e-12)
    assert (found["n"], found["n_positive"]) == (N, LABEL.sum())
    wins = scipy_stats.mannwhitneyu(SCORE[LABEL == 1], SCORE[LABEL == 0]).statistic
    assert found["auroc"] == pytest.approx(wins / (LABEL.sum() * (N - LABEL.sum())), abs=1e-12)


def test_within_strata_pairs_are_pooled():
    found = values(predicted(within="letter"))
    wins = pairs = 0.0
    for letter in "ab":
        one = letter == LETTER
        size = LABEL[one].sum() * (1 - LABEL[one]).sum()
        wins, pairs = wins + size * roc_auc_score(LABEL[one], SCORE[one]), pairs + size
    assert found["auroc_within"] == pytest.approx(wins / pairs, abs=1e-12)


def test_a_score_that_knows_the_letter_alone():
    """A vector that reads the letter of the answer looks predictive until pairs share a letter."""
    letter = np.where(
        LABEL == 1, RNG.choice(["a", "b"], N, p=[0.9, 0.1]), RNG.choice(["a", "b"], N, p=[0.1, 0.9])
    )
    score = (letter == "a") + 1e-3 * RNG.normal(size=N)
    found = predicted(score, letter=letter, within="letter")
    assert found.stats["auroc"].low > 0.7  # pyright: ignore
    assert abs(found.stats["auroc_within"].value - 0.5) < 0.25  # pyright: ignore
    assert found.stats["p"].value > 0.05  # pyright: ignore


@pytest.mark.parametrize("draw", [0, 7, 99])
def test_the_interval_is_that_of_drawn_rows(draw: int):
    """Weights stand for drawing rows with replacement, stratified by label."""
    flags = [(label == 1, label == 0) for label in LABEL]
    ids = [(name,) for name in IDS]
    _, _, blocks = weights(ids, flags)  # pyright: ignore
    found = predicted()
    times = next(blocks)[draw].astype(int)
    assert times[LABEL == 1].sum() == LABEL.sum()
    score, label = np.repeat(SCORE, times), np.repeat(LABEL, times)
    assert found.draws["auroc"][draw] == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    assert found.draws["r_pb"][draw] == pytest.approx(np.corrcoef(score, label)[0, 1], abs=1e-10)
    expected = scipy_stats.spearmanr(score, label)[0]
    assert found.draws["spearman"][draw] == pytest.approx(expected, abs=1e-10)


def test_rows_of_one_unit_are_drawn_together():
    units = [(str(i // 2),) for i in range(N)]
    _, _, blocks = weights(units, [(True, False)] * N)  # pyright: ignore
    block = next(blocks)
    assert np.array_equal(block[:, ::2], block[:, 1::2])


def test_the_sign_of_a_score_mirrors_its_auroc():
    up, down = values(predicted()), values(predicted(-SCORE))
    assert up["auroc"] + down["auroc"] == pytest.approx(1)
    assert up["p"] == down["p"] and up["r_pb"] == pytest.approx(-down["r_pb"])


def test_p_is_that_of_a_rank_sum_test():
    score = np.round(RNG.normal(size=N) + 0.5 * LABEL, 6)
    expected = scipy_stats.mannwhitneyu(score[LABEL == 1], score[LABEL == 0]).pvalue
    assert values(predicted(score))["p"] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("label", "reason"), [(0.0, "no row is positive"), (1.0, "no row is negative")])
def test_an_empty_class(label: float, reason: str):
    found = predicted(label=np.full(N, label))
    assert {found.stats[name].reason for name in ("auroc", "r_pb", "spearman", "p")} == {reason}
    assert found.stats["n"].value == N


def test_a_constant_score():
    found = predicted(np.ones(N))
    assert found.stats["auroc"].value == 0.5 and found.stats["p"].value == 1
    assert found.stats["r_pb"].reason == found.stats["spearman"].reason == "all scores are equal"


def test_labels_of_another_kind():
    with pytest.raises(MeasurementError, match=r"labels are 0 and 1, or −1 and 1, and these are .*2"):
        predicted(label=LABEL + 1)


def test_signs_are_labels_too():
    assert values(predicted(label=2 * LABEL - 1)) == values(predicted())


def test_a_cell_finds_itself_in_its_family():
    others = RNG.normal(size=(3, N))
    joint = family([SCORE, *others], within="letter")
    inputs = {
        "score": given(SCORE),
        "label": given(LABEL),
        "row_columns": rows(IDS, letter=LETTER.tolist()),
        "joint": joint,
    }
    found = estimate("predictivity", inputs, family=["layer"], within="letter")
    assert found.stats["p_max"].value == joint.columns["value"][0]
    assert found.stats["p"].value == joint.columns["p"][0] == values(predicted(within="letter"))["p"]
    assert found.notes["family"] == 4


def test_no_statistic_has_the_unit_of_the_score():
    scored = replace(given(SCORE).value, notes={"unit": "cosine"})
    found = estimate("predictivity", {"score": Given(scored), "label": given(LABEL)})
    assert units_of(found, list(found.stats)) == {}


def test_states_without_structure_bound_a_random_vector():
    width = 16
    held = RNG.normal(size=(N, width))
    held[:, 0] += 3 * LABEL
    states = States(
        ("id",), {"id": IDS}, {"blocks.1.hook_resid_post": held.astype(np.float32)}, {"model": "m"}
    )
    cosine = held[:, 0] / np.linalg.norm(held, axis=1)
    found = predicted(cosine, states=states, null_vectors=200)
    planted = values(found)
    assert (
        planted["auroc"] > planted["null_auroc_97"] > 0.5 and planted["auroc"] > planted["shuffled_auroc_97"]
    )
    assert planted["p_random"] <= 0.05 and planted["p_shuffled"] <= 0.05
    unknowing = values(predicted(RNG.normal(size=N), states=states, null_vectors=200))
    assert unknowing["null_auroc_97"] == planted["null_auroc_97"] and unknowing["p_random"] > 0.05


def test_states_of_other_rows():
    states = States(("id",), {"id": IDS[:5]}, {"s": np.ones((5, 4), np.float32)}, {"model": "m"})
    with pytest.raises(MeasurementError, match="other rows"):
        predicted(states=states, null_vectors=200)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"null_vectors": 200}, "give both"),
        ({"states": "s"}, "give both"),
        ({"states": "s", "null_vectors": 20}, "200"),
    ],
)
def test_null_vectors_need_states(fields: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        Predictivity.model_validate({"score": "a", "label": "b", **fields})


def test_strengths_of_weights_are_those_of_repeated_rows():
    times = RNG.integers(0, 4, N)
    scored = Scored(SCORE, LABEL == 1, np.ones(N, bool), np.zeros(N, np.int64), np.arange(N))
    found = Strengths(scored).of(times[None].astype(float))
    score, label = np.repeat(SCORE, times), np.repeat(LABEL, times)
    assert found["auroc"][0] == pytest.approx(roc_auc_score(label, score))
    assert found["spearman"][0] == pytest.approx(scipy_stats.spearmanr(score, label)[0])


@pytest.mark.parametrize(("positive", "negative", "high"), [(71, 29, 0.87), (30, 30, 0.87), (3, 155, 1)])
def test_the_detectable_auroc_is_found_in_four_of_five_studies(positive: int, negative: int, high: float):
    """Normal scores so far apart: a rank test finds them. Where rows are few, it is cautious."""
    least = detectable(positive, negative)
    assert least is not None
    apart = np.sqrt(2) * scipy_stats.norm.ppf(least)
    one, other = RNG.normal(apart, 1, (2000, positive)), RNG.normal(0, 1, (2000, negative))
    found = scipy_stats.mannwhitneyu(one, other, axis=1, method="asymptotic").pvalue
    assert 0.75 < np.mean(found < 0.05) <= high


def test_in_four_rows_nothing_is_detectable():
    assert detectable(1, 3) is None
    label = np.zeros(N)
    label[0] = 1
    few = predicted(label=label).stats["detectable"]
    assert few.value is None and "not even an AUROC of 1" in few.reason
    assert values(predicted())["detectable"] == detectable(int(LABEL.sum()), int(N - LABEL.sum()))
