"""The weight-steering study: what it declares, what it measures once, and the planted truth that it finds."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.plan.plan import Plan
from ws_dsl.run.context import RunContext
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.specs.source import read

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
REAL = "experiments/real/weight_steering_qwen3.yaml"
FAMILIES = {"lora", "dora", "pissa", "delora", "oft", "ia3"}
SMALL = {"lora", "pissa", "delora"}
DOSES = (
    *("questions", "dilemmas", "dilemma_parts", "off_task", "off_parts", "asked", "replies", "adapter", "dW"),
    *("noise", "off_prompts", "steered", "asked_dilemmas", "score", "moved", "effect", "mass", "steady"),
)
"""Steps behind the response to the coefficient."""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("registry")
    session = Session(Project(EXPERIMENTS.parent, folder, folder / "site"))
    return session.open(EXPERIMENTS / "weight_steering.yaml").plan


def labels(plan: Plan, reference: str, axis: str) -> set[str]:
    return {entry.labels[axis] for entry in plan.view(reference)[0].entries if axis in entry.labels}


def test_six_families_and_three_seeds(plan: Plan) -> None:
    trained = plan.view("adapter")[0].entries
    assert labels(plan, "adapter", "family") == FAMILIES
    assert len(trained) == len(FAMILIES) * 3 * 2
    for labels_, node in trained:
        assert node is not None and node.params["seed"] == int(labels_["replicate"])


def test_the_base_is_measured_once(plan: Plan) -> None:
    """Nothing added is one artifact for every arm, however often it is compared with."""
    bare = Counter(
        id(node.inputs["prompts"][0].node)
        for node in plan.nodes
        if node.kind.name == "final_states" and not node.inputs.get("arm")
    )
    assert set(bare.values()) == {1}
    read = {id(node.inputs["prompts"][0].node) for node in plan.nodes if node.kind.name == "final_states"}
    assert set(bare) == read


def test_what_the_question_asked_for_is_declared(plan: Plan) -> None:
    """Rows that were ticked off and never run are what the original was missing."""
    asked: dict[tuple[str, str], set[str]] = {
        ("by_subspace", "basis"): {"shared", "own", "chance", "active"},
        ("by_subspace", "k"): {"1", "2", "4", "8"},
        ("by_module", "module"): {"residual_write", "attention", "mlp", "o", "down", "qkv", "up_gate"},
        ("by_layer", "block"): {"L0", "L1", "L2", "L3", "middle"},
        ("by_spectrum", "frame"): {"own", "base"},
        ("by_spectrum", "band"): {"top_25", "mid_50", "bottom_25", "energy_50", "energy_90"},
        ("matched", "matches"): {"full", "module", "spectrum"},
        ("steered", "arm"): {"weights", "vector", "svd", "built", "noise"},
        ("steered", "method"): {"mean", "first_pc"},
        ("prompted", "set"): {"simple", "engineered"},
    }
    for (step, axis), expected in asked.items():
        assert labels(plan, step, axis) == expected, (step, axis)
    for step in ("by_subspace", "by_module", "by_layer", "by_spectrum"):
        assert labels(plan, step, "replicate") == {"0", "1", "2"}
        assert labels(plan, step, "family") == {"lora", "pissa", "delora"}
        assert labels(plan, step, "part") == {"keep", "drop"}
    native = {(entry.labels["family"], entry.labels["component"]) for entry in plan.view("native")[0].entries}
    assert {("dora", "magnitude"), ("delora", "lambda"), ("oft", "rotation"), ("ia3", "mlp_gate")} <= native
    assert {one.step for one in plan.unavailable} == {"native"}


def test_nothing_chosen_is_reported_where_it_was_chosen(plan: Plan) -> None:
    """The choice reads validation rows, and what it picks is measured on test rows."""
    (choice, *_) = [node for _, node in plan.view("best")[0].entries if node is not None]
    seen = {edge.node.rows_from for edge in choice.inputs["of"]}
    assert {node.made["split"] for node in seen if node is not None} == {"validation"}
    for _, node in plan.view("final[eval=dilemmas]")[0].entries:
        assert node is not None and node.rows_from is not None
        assert node.rows_from.made["split"] == "test"


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in a copy of the project that reaches neither the Hub nor a cache of it."""
    shutil.copytree(EXPERIMENTS, tmp_path / "experiments")
    (tmp_path / "ws-dsl.toml").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Terminal(Lab(tmp_path), monkeypatch, capsys)


def test_the_real_one_has_no_mistakes_without_its_models(ws: Terminal) -> None:
    said = ws("check", REAL)
    assert said.code == 0 and "no mistakes" in said.out


def test_the_real_one_waits_for_its_models(ws: Terminal) -> None:
    (study,) = ws("run", "--dry-run", "--json", REAL).json["studies"]
    steps: dict[str, Any] = {step["step"]: step["cells"] for step in study["steps"]}
    assert steps["questions"] == {"new": 1} and steps["model"] == {"waiting": 1}
    assert steps["gemma"] == steps["four_billion"] == {"waiting": 1}
    assert steps["adapter"] == {"waiting": 36}
    assert not ws.lab.project.registry.exists()


def smaller(study: Path) -> dict[str, Any]:
    """The study's response to the coefficient: one replicate, three families, random differences."""

    def without(*names: str) -> dict[str, None]:
        return dict.fromkeys(names)

    written = read(study).data
    assert isinstance(written, dict)
    steps: dict[str, Any] = without(*(set(written["steps"]) - set(DOSES)))
    steps |= {
        "replies": {"over": {"seed as replicate": [0]}},
        "adapter": {"over": {"family": without(*(FAMILIES - SMALL))}},
        "steered": {"over": {"arm": without("vector", "svd", "built")}},
        "score": {
            "over": {
                "prompts as eval": without("claims"),
                "arm as set": without("simple", "engineered", "part"),
            }
        },
        "effect": {"of": "moved"},
    }
    rules = without(*(set(written["rules"]) - {"steers"}))
    return {
        "extends": study.name,
        "id": "doses",
        "steps": steps,
        "checks": None,
        "rules": rules,
        "report": None,
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
def test_effects_follow_the_coefficient_and_those_of_noise_do_not(ws: Terminal) -> None:
    """Within the calibrated range; far beyond it nothing is answered any more."""
    folder = ws.lab.root / "experiments"
    (folder / "doses.yaml").write_text(json.dumps(smaller(folder / "weight_steering.yaml")), encoding="utf-8")
    said = ws("run", "--json", "experiments/doses.yaml")
    assert said.code == 0, said.err
    (study,) = said.json["studies"]
    assert [(one["rule"], one["verdict"]) for one in study["verdicts"]] == [("steers", "supported")]
    session = Session(ws.lab.project)
    opened = session.open(folder / "doses.yaml")
    library = RunContext(session.store, opened.state).library

    def values(reference: str, statistic: str) -> dict[tuple[str, ...], float]:
        found: dict[tuple[str, ...], float] = {}
        for labels, node in opened.plan.view(reference)[0].entries:
            assert node is not None
            estimate = library.open(opened.state.keys[node], opened.state.digests[node])
            assert isinstance(estimate, Estimate)
            (own,) = (labels[axis] for axis in ("family", "draw") if axis in labels)
            found[own, labels.get("coeff", "")] = estimate.stats[statistic].value or 0.0
        return found

    trained = values("steady[arm=weights]", "spearman")
    assert {family for family, _ in trained} == SMALL
    assert min(trained.values()) >= 0.9
    slopes = values("steady[arm=weights]", "slope").values()
    flat = values("steady[arm=noise]", "slope").values()
    assert len(flat) == 3 and max(map(abs, flat)) < 0.1 * min(slopes)
    within = values("effect[arm=weights, coeff=-1|1]", "mean")
    noise = values("effect[arm=noise, coeff=-1|1]", "mean")
    assert max(map(abs, noise.values())) < 0.2 * min(map(abs, within.values()))
    beyond = values("effect[arm=weights, coeff=-4|4]", "mean")
    for (family, coeff), value in beyond.items():
        # At four times the strength not even twice the effect.
        assert abs(value) < 2 * abs(within[family, str(int(coeff) // 4)])
    assert max(values("mass[arm=weights, coeff=4]", "mean").values()) < 0.5
    assert min(values("mass[arm=weights, coeff=-1|1]", "mean").values()) > 0.9
