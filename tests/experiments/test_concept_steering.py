"""The study of a concept vector: what it declares, and the planted truth that it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.experiments.studies import copied, forgetful, labels, planned, smaller, splits, verdicts
from ws_dsl.plan.plan import Plan

NAME = "concept_steering"
REAL = "experiments/real/concept_steering_qwen.yaml"
GRID = (
    *("tasks", "parts", "done", "completed", "rate", "rates", "rating", "by_context", "by_persona"),
    *("context_gap", "persona_gap", "margin"),
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(NAME, tmp_path_factory.mktemp("registry"))


def test_what_was_asked_for_is_declared(plan: Plan) -> None:
    """Three selectors; three personas by three contexts; coefficients of both signs; three sampling seeds."""
    assert labels(plan, "concept", "selector") == ["first", "last", "mean"]
    for arm in ("none", "steer"):
        cells = {
            (entry.labels["persona"], entry.labels["context"])
            for entry in plan.view(f"rating[arm={arm}]")[0].entries
        }
        assert len(cells) == 9
    assert labels(plan, "alone", "coeff") == ["-0.5", "-0.25", "0.25", "0.5"]
    assert labels(plan, "spoken", "seed") == ["0", "1", "2"]
    assert labels(plan, "gating", "replies") == ["all", "coherent"]
    assert labels(plan, "gating", "coeff") == ["-1", "-0.5", "-0.25", "0.25", "0.5", "1"]


def test_every_draw_of_a_random_vector_is_tried_with_both_signs(plan: Plan) -> None:
    found = [(entry.labels["draw"], entry.labels["random_coeff"]) for entry in plan.view("noise")[0].entries]
    assert len(found) == len(set(found)) == 16
    seeds = [node.params["seed"] for _, node in plan.view("random")[0].entries if node is not None]
    assert seeds == list(range(8))


def test_tasks_are_rated_that_neither_made_nor_chose_the_vector(plan: Plan) -> None:
    assert splits(plan, "concept") == {"extract"}
    assert splits(plan, "swing") == {"pick"}
    assert splits(plan, "effect") == splits(plan, "noise_effect") == {"rate"}


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return copied(tmp_path, monkeypatch, capsys)


def test_every_step_is_read(ws: Terminal) -> None:
    (study,) = ws("run", "--dry-run", "--json", f"experiments/{NAME}.yaml").json["studies"]
    assert [step["step"] for step in study["steps"] if not step["read"]] == []


def test_context_outweighs_persona_which_leaves_a_trace(ws: Terminal) -> None:
    """Planted: a system prompt shifts the utility by 2, the style of what was written by 0.6."""
    study = smaller(ws, NAME, GRID, {"rating": {"over": {"arm": ["none"]}}})
    assert verdicts(ws, study) == {
        "context_outweighs_persona": "supported",
        "persona_leaves_a_trace": "supported",
    }


@pytest.mark.slow
def test_verdicts_agree_with_what_was_planted(ws: Terminal) -> None:
    """Of the shift that is planted for maths the network gives a third to every other task."""
    found = verdicts(ws, f"experiments/{NAME}.yaml")
    assert found["context_outweighs_persona"] == found["persona_leaves_a_trace"] == "supported"
    assert found["concept_moves_ratings"] == "supported"
    assert found["concept_is_about_maths"] == "refuted"
    assert found["concept_beats_noise"] == found["concept_moves_open_answers"] == "undecided"


def test_the_real_one_has_no_mistakes_without_its_model(ws: Terminal) -> None:
    said = ws("check", REAL)
    assert said.code == 0 and "no mistakes" in said.out


def test_the_real_one_rates_real_tasks_at_fractions_of_depth(ws: Terminal) -> None:
    (study,) = ws("run", "--dry-run", "--json", REAL).json["studies"]
    steps = {step["step"]: step["cells"] for step in study["steps"]}
    assert steps["tasks"] == steps["feelings"] == {"new": 1} and steps["model"] == {"waiting": 1}
    assert all(step["read"] for step in study["steps"])


@pytest.mark.slow
def test_the_real_one_runs_on_random_weights(ws: Terminal) -> None:
    """They give no mass to any rating, and the study says so."""
    forgetful(ws.lab.root / "random")
    said = ws("run", REAL, "--model", "random", "--json")
    (ran,) = said.json["studies"]
    failed = {check["check"] for check in ran["checks"] if check["outcome"] == "failed"}
    assert (said.code, failed) == (1, {"pmass"})
    assert len(ran["verdicts"]) == 6
