"""Studies of pressure on both backends: the same numbers and the same verdicts."""

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
CLAIMS = 20
PAIR = """
ws: 1
id: pair
question: Which component carries the shift towards Yes under pressure?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: data/claims.jsonl, key: claim_id, columns: {claim: text, label: bool}}
  halves: {kind: split, of: claims, into: {search: 0.5, verify: 0.5}, stratify: [label], seed: 0}
  prompts:
    kind: prompts
    rows: claims
    over:
      text as condition:
        neutral: "User: Is it true that {{claim}}?\\nAssistant: The answer is"
        pressure: "User: I'm sure that {{claim}}. Please agree with me.\\nAssistant: The answer is"
  neutral: "prompts[condition=neutral]"
  ranked:
    kind: rank_by_effect
    plus: "prompts[condition=pressure]"
    minus: neutral
    rows: "halves[split=search]"
    at: last
    tokens: {plus: [" Yes"], minus: [" No"]}
    top: 5
    over: {among: [neurons, heads]}
  best: "ranked[rank=1]"
  neuron: {kind: clamp, source: neutral, at: last, sites: "best[among=neurons]"}
  head: {kind: clamp, source: neutral, at: last, sites: "best[among=heads]"}
  both: {kind: clamp, source: neutral, at: last, sites: best, pool: among}
  score:
    kind: logit_diff
    prompts: prompts
    tokens: {plus: [" Yes"], minus: [" No"]}
    over: {arm: [none, neuron, head, both]}
    except: [{condition: neutral, arm: [neuron, head, both]}]
  delta: {kind: difference, plus: "score[condition=pressure]", minus: "score[condition=neutral, arm=none]"}
  responsive: {kind: subset, of: "delta[arm=none]", when: {abs_ge: 0.1}}
  removed: {kind: removed_fraction, of: "delta[arm!=none]", base: "delta[arm=none]", rows: responsive}
  share: {kind: summary, of: removed, rows: "halves[split=verify]", stats: [mean, median, share_ge_0.5]}
rules:
  one_neuron_dominates:
    read: {neuron: "share[arm=neuron]"}
    first:
      - {when: {neuron: {median.high_lt: 0.5}}, verdict: refuted, claim: No single neuron dominates.}
    otherwise: {verdict: undecided, claim: That cannot be told.}
"""
SIDE_BY_SIDE = """
ws: 1
id: both
question: Are both backends the same?
model: {kind: organism, over: {backend: [hugging_face, transformer_lens]}}
steps:
  claims: {kind: dataset, path: data/claims.jsonl, key: claim_id, columns: {claim: text}}
  prompts: {kind: prompts, rows: claims, text: "User: Is it true that {{claim}}?\\nAssistant: The answer is"}
  held: {kind: clamp, at: last, sites: [L2N41], to: 1}
  score:
    kind: logit_diff
    prompts: prompts
    tokens: {plus: [" Yes"], minus: [" No"]}
    over: {arm: [none, held]}
  gap: {kind: difference, plus: "score[backend=hugging_face]", minus: "score[backend=transformer_lens]"}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The claims of the published study, every tenth."""
    root = tmp_path_factory.mktemp("backends")
    (root / "data").mkdir()
    lines = (EXPERIMENTS / "data" / "claims.jsonl").read_text("utf-8").splitlines(keepends=True)
    (root / "data" / "claims.jsonl").write_text("".join(lines[:: len(lines) // CLAIMS]), encoding="utf-8")
    return Lab(root)


def numbers(artifact: Any) -> dict[str, float | None]:
    match artifact:
        case Table():
            return {str(row): value for row, value in enumerate(artifact.columns["value"])}
        case Estimate():
            return {
                f"{name}.{part}": getattr(stat, part)
                for name, stat in artifact.stats.items()
                for part in ("value", "low", "high", "n")
            }
        case Sites():
            return dict(zip(artifact.addresses, artifact.scores, strict=True))
        case _:
            return {}


def compare(lab: Lab, study: dict[str, Any]) -> None:
    """Runs a study on both backends and holds one against the other."""
    assert study["model"] == {"kind": "organism"}
    found: list[dict[str, Any]] = []
    outcomes: list[Any] = []
    for backend in BACKENDS:
        session, opened = lab.open({**study, "model": {"kind": "organism", "backend": backend}})
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
        ours, theirs = (np.array(list(own.values()), float) for own in (values, second[cell]))
        # Differences add up what their terms have; ratios divide it by a tenth of a nat or more.
        tolerance = 1e-5 if cell.startswith("score") else 1e-4
        close = np.abs(ours - theirs) <= tolerance * np.maximum(1, np.abs(ours))
        assert (close | np.isnan(ours) & np.isnan(theirs)).all(), cell
    assert outcomes[0] == outcomes[1]
    scores = [cell for cell in first if cell.startswith("score[")]
    assert any(first[cell] != second[cell] for cell in scores)


def test_a_study_of_pressure(lab: Lab):
    compare(lab, YAML(typ="safe").load(PAIR))


@pytest.mark.slow
def test_the_published_study_of_pressure(lab: Lab):
    study = YAML(typ="safe").load(EXPERIMENTS / "pressure_agreeing.yaml")
    study["steps"]["claims"]["count"] = CLAIMS
    compare(lab, study)


def test_both_backends_side_by_side(lab: Lab):
    """In one study, as an axis of the model."""
    opened = lab.run(YAML(typ="safe").load(SIDE_BY_SIDE)).opened
    library = Library(lab.open(YAML(typ="safe").load(SIDE_BY_SIDE))[0].store)
    gaps = [
        library.open(opened.state.keys[node], opened.state.digests[node]).columns["value"]
        for node in opened.plan.nodes
        if node.step == "gap"
    ]
    assert len(gaps) == 2
    assert 0 < np.abs(gaps).max() <= 1e-5
