"""The study of steering vectors: what it declares, and the planted truth that it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.experiments.studies import copied, forgetful, labels, planned, smaller, splits, verdicts
from ws_dsl.organism import folder as weights
from ws_dsl.plan.plan import Plan

NAME = "steering_predictivity"
REAL = "experiments/real/steering_predictivity_qwen.yaml"
HONESTY = (
    *("under_personas", "persona_parts", "questions", "honest", "from_honesty", "contrast", "mean"),
    *("contrasted", "vector", "persona_asked", "persona_replies", "truthful", "persona_seen"),
    *("persona_cosine", "predicts_truth", "best_layer", "honesty", "honest_vector", "honesty_in"),
    *("honesty_added", "honesty_subtracted", "honesty_out", "random_out", "persona_steered", "truth"),
    *("truth_moved", "truth_lead"),
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(NAME, tmp_path_factory.mktemp("registry"))


def test_what_was_asked_for_is_declared(plan: Plan) -> None:
    """Sources by methods by layers by positions, in distribution, across topics and out of distribution."""
    sources = ["answers", "personas", "pressure", "honesty", "tuning", "llama", "behaviour"]
    assert labels(plan, "vector", "source") == sources
    assert labels(plan, "vector", "method") == ["mean", "first PC", "centred PC", "probe", "ridge"]
    assert labels(plan, "cosine", "layer") == ["0", "1", "2", "3"]
    assert labels(plan, "cosine", "at") == ["before", "after"]
    assert labels(plan, "chosen", "where") == ["same topics", "new topics", "myths"]
    steered = {(entry.labels["source"], entry.labels["method"]) for entry in plan.view("pushed")[0].entries}
    predicting = {
        (entry.labels["source"], entry.labels["method"]) for entry in plan.view("predicts")[0].entries
    }
    erased = {(entry.labels["source"], entry.labels["method"]) for entry in plan.view("erased")[0].entries}
    assert steered == predicting == erased


def test_a_p_is_corrected_over_all_that_was_searched(plan: Plan) -> None:
    """One permutation test for every test set, over every vector, position and layer."""
    for step in ("predicts", "predicts_myths"):
        nodes = [node for _, node in plan.view(step)[0].entries if node is not None]
        cells = len(plan.view(step)[0].entries) // len({id(n.inputs["joint"][0].node) for n in nodes})
        assert all(len(node.inputs["joint"][0].node.inputs["score"]) == cells for node in nodes)
        assert all(node.params["null_vectors"] == 200 for node in nodes)


def test_nothing_chosen_is_reported_where_it_was_chosen(plan: Plan) -> None:
    assert splits(plan, "predicts[set=validation]") == {"validation"}
    assert splits(plan, "predicts[set=same topics]") == {"test"}
    assert splits(plan, "swing") == {"pick"} and splits(plan, "effect") == {"steer"}
    assert splits(plan, "predicts_truth[split=validation, source=honesty]") == {"validation"}
    assert splits(plan, "honesty") == {"test"} == splits(plan, "truth")
    made = splits(plan, "vector")
    assert made == {"first"}
    assert splits(plan, "halves") <= {"first", "second"}


def test_the_steering_vector_is_compared_with_random_ones_of_its_norm(plan: Plan) -> None:
    assert labels(plan, "random", "draw") == ["0", "1", "2", "3", "4"]
    seeds = [node.params["seed"] for _, node in plan.view("random")[0].entries if node is not None]
    assert seeds == [0, 1, 2, 3, 4]


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return copied(tmp_path, monkeypatch, capsys)


def test_every_step_is_read(ws: Terminal) -> None:
    (study,) = ws("run", "--dry-run", "--json", f"experiments/{NAME}.yaml").json["studies"]
    assert [step["step"] for step in study["steps"] if not step["read"]] == []


def test_the_honesty_direction_predicts_and_carries_truth_under_personas(ws: Terminal) -> None:
    """Planted: a persona turns answers about claims around. No training document has these personas."""
    others = dict.fromkeys(["answers", "personas", "pressure", "tuning", "llama"])
    study = smaller(
        ws,
        NAME,
        HONESTY,
        {
            "contrast": {"of": others},
            "contrasted": {"of": {"mean": "mean[split=first]", "first PC": None, "centred PC": None}},
            "vector": {"of": {**others, "behaviour": None}},
        },
    )
    assert verdicts(ws, study) == {"honesty_predicts": "supported", "erasing_honesty": "supported"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
def test_verdicts_agree_with_what_was_planted(ws: Terminal) -> None:
    """Agreeing is a coin with one bias whatever the question: nothing before the answer tells how it falls.

    On new topics the network's bias does vary. Myths are endorsed by how they are worded.
    """
    found = verdicts(ws, f"experiments/{NAME}.yaml")
    assert found["predicts_in_distribution"] == "refuted"
    assert found["predicts_out_of_distribution"] == "refuted"
    assert found["reads_the_answer"] == found["honesty_predicts"] == "supported"
    assert found["steers_both_ways"] == found["erasing_honesty"] == "supported"
    assert found["predictor_steers"] == "refuted"


def test_the_real_one_has_no_mistakes_without_its_model(ws: Terminal) -> None:
    said = ws("check", REAL)
    assert said.code == 0 and "no mistakes" in said.out


def test_the_real_one_asks_real_questions_at_fractions_of_depth(ws: Terminal) -> None:
    (study,) = ws("run", "--dry-run", "--json", REAL).json["studies"]
    steps = {step["step"]: step["cells"] for step in study["steps"]}
    assert steps["opinions"] == steps["myths"] == {"new": 1} and steps["model"] == {"waiting": 1}
    assert not {"llama", "grades"} & set(steps)
    assert all(step["read"] for step in study["steps"])
    text = (ws.lab.root / REAL).read_text(encoding="utf-8")
    assert text.count("_real.jsonl") == 8


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
def test_the_real_one_runs_on_a_folder(ws: Terminal) -> None:
    """The embedded model's files as a model of the real world, of which it knows nothing."""
    found = verdicts(ws, REAL, "--model", str(weights("qwen3")))
    assert len(found) == 9 and set(found.values()) <= {"supported", "refuted", "undecided"}
    assert "supported" not in {found["honesty_predicts"], found["predicts_in_distribution"]}


@pytest.mark.slow
def test_a_model_that_never_says_a_or_b_cannot_be_studied(ws: Terminal) -> None:
    """Replies of a base model that did not keep to the format were dropped, and another's labels used."""
    forgetful(ws.lab.root / "random")
    said = ws("run", REAL, "--model", "random")
    assert said.code != 0 and "two labels make two classes, and there are 0" in said.err
