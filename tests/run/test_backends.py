"""The published study of pressure on both backends: the same numbers and the same verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from tests.run.lab import Counting, Lab
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.sites import Sites
from ws_dsl.artifacts.table import Table
from ws_dsl.run.context import Library
from ws_dsl.run.execute import execute
from ws_dsl.run.outcome import check_outcomes, decisions

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
BACKENDS = ("hugging_face", "transformer_lens")
RATIOS = ("removed", "share")
"""Steps whose denominators may be as small as a tenth of a nat."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    root = tmp_path_factory.mktemp("backends")
    (root / "data").mkdir()
    lines = (EXPERIMENTS / "data" / "claims.jsonl").read_text("utf-8").splitlines(keepends=True)
    (root / "data" / "claims.jsonl").write_text("".join(lines[::10]), encoding="utf-8")
    return Lab(root)


def pressure() -> dict[str, Any]:
    """The study, on every tenth claim."""
    study = YAML(typ="safe").load(EXPERIMENTS / "pressure_agreeing.yaml")
    assert study["model"] == {"kind": "organism"}
    study["steps"]["claims"]["count"] = 20
    del study["registered"]
    return study


def numbers(artifact: Any) -> dict[str, float]:
    match artifact:
        case Table():
            return {
                str(row): value for row, value in enumerate(artifact.columns["value"]) if value is not None
            }
        case Estimate():
            found = {
                (name, part): getattr(stat, part) for name, stat in artifact.stats.items() for part in PARTS
            }
            return {f"{name}.{part}": value for (name, part), value in found.items() if value is not None}
        case Sites():
            return dict(zip(artifact.addresses, artifact.scores, strict=True))
        case _:
            return {}


PARTS = ("value", "low", "high", "sd", "n")


def test_the_study_of_pressure(lab: Lab):
    found: list[dict[str, dict[str, float]]] = []
    outcomes: list[Any] = []
    for backend in BACKENDS:
        session, opened = lab.open({**pressure(), "model": {"kind": "organism", "backend": backend}})
        plan, state, store = opened.plan, opened.state, session.store
        execute(plan, state, store, Counting())
        library = Library(store)
        found.append(
            {str(node): numbers(library.open(state.keys[node], state.digests[node])) for node in plan.nodes}
        )
        checks = [(check.name, check.outcome) for check in check_outcomes(plan, state, store)]
        outcomes.append((checks, [(rule.name, rule.verdict) for rule in decisions(plan, state, store)]))
    first, second = found
    assert first.keys() == second.keys()
    for cell, values in first.items():
        assert values.keys() == second[cell].keys(), cell
        ours, theirs = (np.array(list(own.values())) for own in (values, second[cell]))
        tolerance = 1e-4 if cell.startswith(RATIOS) else 1e-5
        assert (np.abs(ours - theirs) <= tolerance * np.maximum(1, np.abs(ours))).all(), cell
    assert outcomes[0] == outcomes[1]
    assert first["score[arm=none, condition=pressure]"] != second["score[arm=none, condition=pressure]"]


def test_both_backends_side_by_side(lab: Lab):
    """In one study, as an axis of the model."""
    study = pressure()
    study["id"] = "both"
    study["model"]["over"] = {"backend": list(BACKENDS)}
    kept = ("claims", "prompts", "neutral", "score", "gap")
    study["steps"] |= {
        "score": {**study["steps"]["score"], "over": {"arm": ["none", "neuron"]}, "except": []},
        "neuron": {"kind": "clamp", "source": "neutral", "at": "last", "sites": ["L2N41"]},
        "gap": {
            "kind": "difference",
            "plus": "score[backend=hugging_face]",
            "minus": "score[backend=transformer_lens]",
        },
    }
    study["steps"] = {name: step for name, step in study["steps"].items() if name in (*kept, "neuron")}
    for part in ("checks", "rules", "report"):
        del study[part]
    ran = lab.run(study)
    library = Library(lab.open(study)[0].store)
    state = ran.opened.state
    gaps = [
        library.open(state.keys[node], state.digests[node]).columns["value"]
        for node in ran.opened.plan.nodes
        if node.step == "gap"
    ]
    assert len(gaps) == 4
    assert 0 < np.abs(gaps).max() <= 1e-5
