"""What went wrong in the studies of steering vectors that this project began with, made impossible or loud.

Each test is named after what happened: it plants the fault, and asserts that what is said of it is not said
without it.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.run.lab import CLAIMS, STUDY, Lab
from tests.steps.analyse.cells import Given, estimate, files_of, rows, run, table
from tests.steps.check.findings import finding
from tests.steps.check.test_graded import graded
from tests.steps.extract.places import planted, unit
from tests.steps.measure.said import SYSTEM, by_hand
from tests.steps.measure.stub import completion, serving
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.table import Table
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.report.frames import Results, figure_frame
from ws_dsl.run.context import RunContext
from ws_dsl.specs.study import Figure
from ws_dsl.steps.analyse.predictivity import detectable

ASKED = "Is it true that {{claim}}?"
SEEN = {"before": "prompt_last", "after": "reply_last"}
STEERING: dict[str, Any] = {
    "ws": 1,
    "id": "steering",
    "question": "Does a steering vector predict what is said?",
    "model": {"kind": "organism"},
    "steps": {
        "claims": STUDY["steps"]["claims"],
        "halves": {**STUDY["steps"]["halves"], "seed": 0},
        "answered": {
            "kind": "prompts",
            "rows": "halves[split=search]",
            "user": ASKED,
            "over": {"reply as side": {"plus": "Yes.", "minus": "No."}},
        },
        "from_answers": {
            "kind": "states",
            "prompts": "answered",
            "at": "reply_last",
            "over": {"layer": [1, 2]},
        },
        "vector": {
            "kind": "mean_diff",
            "plus": "from_answers[side=plus]",
            "minus": "from_answers[side=minus]",
        },
        "asked": {
            "kind": "prompts",
            "rows": "halves[split=verify]",
            "user": ASKED,
            "answers": {"Yes": 1, "No": -1},
        },
        "replies": {
            "kind": "generate",
            "prompts": "asked",
            "max_tokens": 4,
            "temperature": 1.0,
            "over": {"seed as repeat": [0, 1]},
        },
        "said": {"kind": "parse_answers", "of": "replies"},
        "seen": {"kind": "states", "prompts": "replies[repeat=0]", "over": {"at": SEEN, "layer": [1, 2]}},
        "cosine": {"kind": "cosine", "states": "seen", "vector": "vector"},
        "predicts": {
            "kind": "predictivity",
            "score": "cosine",
            "label": "claims.label",
            "rows": "halves[split=verify]",
            "family": ["at", "layer"],
        },
        "steer": {"kind": "add_vector", "vector": "vector", "during": "both", "over": {"coeff": [-0.3, 0.3]}},
        "begun": {
            "kind": "prompts",
            "rows": "halves[split=verify]",
            "user": ASKED,
            "assistant": "The answer is",
        },
        "leaning": {
            "kind": "logit_diff",
            "prompts": "begun",
            "arm": "steer",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
        },
    },
    "checks": {
        "in_distribution": {
            "kind": "in_distribution",
            "of": "halves[split=verify]",
            "to": "halves[split=search]",
            "by": "topic",
        }
    },
}


def changed(*path: str, to: Any) -> dict[str, Any]:
    """The study with one thing written otherwise."""
    study = copy.deepcopy(STEERING)
    place = study
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return study


class Studied(NamedTuple):
    """A study that ran.

    Attributes:
        findings: Outcomes of its checks.
        results: Its results.
    """

    findings: dict[str, Finding]
    results: Results

    def of(self, step: str) -> list[Any]:
        """Artifacts of a step."""
        return [self.results.open(node) for node in self.results.plan.steps()[step]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One store for all studies: what a fault leaves alone is there already."""
    root = tmp_path_factory.mktemp("steering")
    (root / "ws-dsl.toml").touch()
    made = Lab(root)
    made.data()
    return made


def studied(lab: Lab, study: dict[str, Any]) -> Studied:
    ran = lab.run(study)
    plan, state = ran.opened.plan, ran.opened.state
    results = Results(plan, state, RunContext(lab.open(study)[0].store, state).library)
    checks = [node for node in plan.nodes if node.kind.verb == "check"]
    return Studied({node.step.removeprefix("check/"): results.open(node) for node in checks}, results)


@cache
def without_fault(lab_root: Path) -> Studied:
    return studied(Lab(lab_root), STEERING)


def told(lab: Lab, check: str, study: dict[str, Any]) -> str:
    """What a check says of a study with a fault, and that it says nothing of the one without."""
    assert without_fault(lab.root).findings[check].holds
    found = studied(lab, study).findings[check]
    assert not found.holds
    return found.detail


def test_without_a_fault_nothing_is_flagged(lab: Lab):
    found = without_fault(lab.root).findings
    assert {name for name, one in found.items() if not one.holds} == set()


def test_continuation_read_at_the_last_prompt_token(lab: Lab):
    """One token was generated, and its activation read at −2, which is the prompt's last token again."""
    study = changed("steps", "seen", "over", "at", to={"before": "prompt_last", "after": -2})
    study["steps"]["asked"]["assistant"] = "The answer is"
    study["steps"]["replies"]["max_tokens"] = 1
    detail = told(lab, "tokens_read", study)
    assert "prompt_last and -2 are one token in 4 of 4 rows" in detail and "-2 is ' is' (4)" in detail
    study["steps"]["seen"]["over"]["at"] = SEEN
    assert studied(lab, study).findings["tokens_read"].holds


def test_position_minus_two_is_whitespace(lab: Lab):
    """The answer's letter was looked for behind the end of the turn, where every row has the same token."""
    for at, token in ((-2, "<|im_end|>"), (-1, "\\n"), ("last", "\\n")):
        detail = told(lab, "tokens_read", changed("steps", "from_answers", "at", to=at))
        assert f"{at} is '{token}' (8)" in detail and "4 of 4 rows are read after their reply" in detail


def test_truthfulqa_axis_with_the_wrong_label(lab: Lab):
    """*Correct* was 1 on an axis titled *sycophancy*; 71 of 100 were correct."""
    ids = [f"q{place}" for place in range(100)]
    correct = [float(place < 71) for place in range(100)]
    number = Rows(
        ("id",),
        {"id": ids, "sycophancy": correct, "grader": ["ann"] * 100},
        {"id": "key", "sycophancy": "number", "grader": "category"},
        ("id",),
        "real",
    )
    labels = table(dict(zip(ids, correct, strict=True)), sycophancy=correct)
    given = {"of": [Given(labels, (0, 0), "sycophancy")], "row_columns": [number]}
    found = finding("graded", given, grader="grader")
    assert not found.holds and "so that its name says what is positive" in found.detail
    said = graded({"endorses_myth": [True, True, True, False]})
    assert said.holds and "endorses_myth is true of 3 of 4 rows" in said.detail
    figure = Figure(kind="scatter", x="cosine", y="claims.label", alt="Label against cosine")
    frame, roles = figure_frame(figure, without_fault(lab.root).results)
    assert "label" in frame.title(str(roles.y)), "an axis is called what the column is called"


def test_graded_by_hand_and_nobody_says_by_whom():
    assert graded().holds
    found = graded({"grader": ["ann", "", "", "ann"]})
    assert not found.holds and "2 labels name no grader" in found.detail


def test_in_distribution_was_cross_topic(lab: Lab):
    """Made on a survey of philosophers, tested on a quiz of politics, and called in distribution."""
    study = copy.deepcopy(STEERING)
    for name, topic in (("survey", "arithmetic"), ("quiz", "comparison")):
        lines = [json.dumps(claim) for claim in CLAIMS if claim["topic"] == topic]
        (lab.root / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        study["steps"][name] = {**study["steps"]["claims"], "path": f"{name}.jsonl"}
    study["checks"]["in_distribution"] |= {"of": "quiz", "to": "survey"}
    assert "1.00, with comparison on one side alone" in told(lab, "in_distribution", study)


def strata(letters: str) -> dict[str, float | None]:
    """Predictivity of a score that knows the letter of an answer, and nothing else."""
    label = np.array([1.0] * 15 + [0.0] * 15)
    ids = [f"{place:02}" for place in range(30)]
    score = np.array([letter == "a" for letter in letters]) + 1e-3 * np.random.default_rng(0).normal(size=30)
    scores, labels = (table(dict(zip(ids, one.tolist(), strict=True))) for one in (score, label))
    inputs = {"score": scores, "label": labels, "row_columns": rows(ids, letter=list(letters))}
    found = estimate("predictivity", inputs, within="letter", seed=0)
    return {name: stat.value for name, stat in found.stats.items()}


def test_the_vector_read_the_letter_of_the_answer():
    """The letter went with the label in 13 of 15 questions: prediction is gone where it is the same."""
    tied = strata("a" * 13 + "b" * 2 + "b" * 13 + "a" * 2)
    assert tied["auroc"] > 0.8 and tied["p"] > 0.05  # pyright: ignore[reportOptionalOperand]
    assert abs(tied["auroc_within"] - 0.5) < 0.3  # pyright: ignore[reportOptionalOperand]
    balanced = strata(("ab" * 15)[:15] + ("ba" * 15)[:15])
    assert abs(balanced["auroc"] - balanced["auroc_within"]) < 0.1  # pyright: ignore


def test_unit_against_activation_norm(lab: Lab):
    """±6 of a unit vector turned one model's words, and was nothing beside another's activations."""
    detail = told(lab, "added_norm", changed("steps", "steer", "over", "coeff", to=[-6, 6]))
    assert "[layer=1, coeff=6]: 6" in detail or "[coeff=6, layer=1]: 6" in detail
    norms: list[Finding] = []
    for mean_norm in (8.0, 400.0):
        made = Vectors(unit(4)[None].astype("float32"), "L1", "last", "mean_diff", mean_norm, "m", [""], [])
        given = {"vector": [Given(made, (0,))]}
        norms.append(finding("added_norm", given, coeff=[6.0], unit=["raw"]))
    assert [found.holds for found in norms] == [False, True]
    assert "add 0.75 to" in norms[0].detail and "add 0.015 to" in norms[1].detail


def test_greedy_seeds_counted_as_replicates(lab: Lab):
    """Seeds of greedy decoding agree for no reason: a reliability of 1."""
    detail = told(lab, "distinct", changed("steps", "replies", "temperature", to=0))
    assert "2 repeats of 4 rows are all the same" in detail


def test_a_server_that_ignored_the_temperature(lab: Lab):
    """`transformers serve` gave one reply under four seeds."""
    study = copy.deepcopy(STEERING)
    judge: dict[str, Any] = {
        "kind": "judge",
        "of": "replies[repeat=0]",
        "rubric": "How true is it that {{claim}}? {{reply}}",
        "answers": [1, 2],
        "over": {"seed as judged": [0, 1]},
    }
    outcomes: list[bool] = []
    for name, answer in (("deaf", lambda body: "2"), ("heard", lambda body: str(1 + body["seed"]))):
        with serving(lambda body, _before, answer=answer: completion(answer(body))) as stub:
            judge["endpoint"] = {"url": stub.url, "model": "m", "name": name, "temperature": 1.0}
            study["steps"]["judged"] = judge
            outcomes.append(studied(lab, study).findings["distinct"].holds)
    assert outcomes == [False, True]


def test_a_judges_reply_was_kept_without_its_system_prompt(lab: Lab):
    """Replies were found again by the words of the user: a judge with other instructions said the same."""
    study = copy.deepcopy(STEERING)
    judge: dict[str, Any] = {
        "kind": "judge",
        "of": "replies[repeat=0]",
        "rubric": "{{reply}}",
        "answers": [1, 2],
    }
    heard: list[int] = []
    with serving(lambda body, _before: completion("2" if "strict" in str(body) else "1")) as stub:
        judge["endpoint"] = {"url": stub.url, "model": "m", "name": "instructed"}
        for system in ("You are strict.", "You are mild.", "You are strict."):
            study["steps"]["judged"] = {**judge, "system": system}
            (found,) = studied(lab, study).of("judged")
            assert set(found.columns["value"]) == {2 if "strict" in system else 1}
            heard.append(len(stub.bodies))
    assert heard[0] > 0 and heard[1] == 2 * heard[0] == heard[2]


def test_replies_not_at_random_missing(lab: Lab):
    """212 of 500 replies were neither A nor B and were dropped: what is left is what answers."""
    detail = told(lab, "without_value", changed("steps", "replies", "max_tokens", to=1))
    assert "[repeat=0]: 4 of 4 rows: 4 unclear" in detail
    dropped = table({place: None if place < 212 else 1.0 for place in range(500)})
    found = finding("without_value", {"of": [Given(dropped, (0, 0))]})
    assert not found.holds and "42.4%" in found.detail and "212 of 500 rows: 212 unclear" in found.detail


def test_three_refusals_were_too_few():
    """3 against 155 find no effect below d = 1.6; 71 against 29 none within 0.18 of ½."""
    few, graded_by_hand = detectable(3, 155), detectable(71, 29)
    assert few == pytest.approx(0.973, abs=1e-3) and graded_by_hand == pytest.approx(0.68, abs=2e-3)
    ids = [f"{place:03}" for place in range(158)]
    labels = table({name: float(place < 3) for place, name in enumerate(ids)})
    scores = table({name: float(place % 7) for place, name in enumerate(ids)})
    found = estimate("predictivity", {"score": scores, "label": labels, "row_columns": rows(ids)}, seed=0)
    assert found.stats["detectable"].value == few and found.stats["n_positive"].value == 3


def test_best_of_a_sweep_reported_without_correction(lab: Lab):
    """An AUROC of 0.624 with p = 0.04 was the best of many panels."""
    detail = told(lab, "searched", changed("steps", "predicts", "family", to=[]))
    assert "4 cells (2 along at, 2 along layer)" in detail and "not corrected" in detail
    for one in without_fault(lab.root).of("predicts"):
        assert one.stats["p_max"].value >= one.stats["p"].value


def test_the_best_layer_was_reported_on_the_rows_that_chose_it(lab: Lab):
    best = {"kind": "choose", "of": "predicts", "axes": ["at", "layer"], "statistic": "auroc", "take": "max"}
    study = changed("steps", "best", to=best)
    study["steps"]["final"] = "predicts[best]"
    assert "at most 4 rows shared" in told(lab, "chosen_elsewhere", study)


def test_vector_scored_on_what_made_it(lab: Lab):
    study = changed("steps", "asked", "rows", to="halves[split=search]")
    study["steps"]["predicts"]["rows"] = "halves[split=search]"
    assert "at most 4 rows shared" in told(lab, "chosen_elsewhere", study)


def test_a_scale_that_the_model_does_not_answer_on(lab: Lab):
    """Ratings renormalised over digits that the model would never have given."""
    rating = {**STEERING["steps"]["begun"], "answers": {" A": 1, " B": 5}}
    study = changed("steps", "begun_rating", to=rating)
    study["steps"]["rated"] = {"kind": "answer_distribution", "prompts": "begun_rating"}
    assert "lowest mean mass 0.0" in told(lab, "pmass", study)


def test_vector_of_another_model(lab: Lab):
    """Vectors of one model on the activations of another: 0.995 at one layer, 0.526 at the last."""
    study = changed("steps", "from_answers", "model", to="llama")
    study["steps"]["llama"] = {"kind": "organism", "family": "llama"}
    assert "differ" in told(lab, "cross_model", study)
    foreign, own = studied(lab, study), without_fault(lab.root)
    assert [one.notes["same_model"] for one in (*foreign.of("cosine"), *own.of("cosine"))] == [
        *[False] * 4,
        *[True] * 4,
    ]


def test_a_vector_that_a_random_one_predicts_as_well_as():
    """States in which all directions predict: a high AUROC is no merit of the vector."""
    ids = [f"{row}" for row in range(80)]
    label = np.arange(80) % 2
    quantiles: list[float] = []
    for apart in (6.0, 0.0):
        along = np.resize([1.0, -1.0], 16)
        states = planted(apart * along, label.astype(float))
        (values,) = states.tensors.values()
        score = table(dict(zip(ids, (values @ along).tolist(), strict=True)))
        inputs = {
            "score": score,
            "label": table(dict(zip(ids, label.astype(float).tolist(), strict=True))),
            "states": states,
            "row_columns": rows(ids),
        }
        found = estimate("predictivity", inputs, null_vectors=200, seed=0)
        quantiles.append(found.stats["null_auroc_97"].value or 0.0)
    assert quantiles[0] > 0.95 > quantiles[1]


def test_replies_repeated_the_system_prompt():
    """*As someone who loves this*, the reply began, and the judge read the instruction off it."""

    def shares(*said: str) -> list[float]:
        made: Artifact = run("overlap", {"of": by_hand(said)}, against="system", n=3)
        return Table.from_files(files_of(made).__getitem__).columns["value"]

    leaked, own = shares(f"{SYSTEM}, so no.", "No, I would not say so.")
    assert leaked > 0.4 and own == 0
