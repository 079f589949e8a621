# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

import json
from pathlib import Path

from tests.registry.directions import build_vectors
from tests.run.lab import CLAIMS
from tests.steps.check.findings import finding, keys
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.specs.kind import Gathered
from ws_dsl.specs.kinds import find
from ws_dsl.steps.check.chosen_elsewhere import ChosenElsewhere


def test_choices_judged_on_other_rows():
    assert finding("chosen_elsewhere", {"estimated": [keys("c", "d")], "chosen": [keys("a", "b")]}).holds


def test_a_choice_judged_on_a_row_it_was_made_on():
    pairs = {"estimated": [keys("c"), keys("c", "b")], "chosen": [keys("a", "b")] * 2}
    found = finding("chosen_elsewhere", pairs)
    assert not found.holds and found.at == [("estimated", 1)]
    assert "at most 1 rows shared" in found.detail


def test_vectors_of_a_file_scored_on_the_rows_that_made_them():
    """Exported by one study and taken up by another, they still tell the digest of their rows."""
    made = build_vectors(1, count=1, made_on=[keys("a", "b").to_artifact().facts["row_set"]])
    pairs = {"scored": [keys("b", "a"), keys("c", "d")], "reused": [made, made]}
    found = finding("chosen_elsewhere", pairs)
    assert not found.holds and found.at == [("scored", 0)]
    assert found.detail == "2 pairs of rows and vectors of a file, 1 made on these rows"


def test_it_warns():
    assert find("chosen_elsewhere").spec.severity == "warn"  # pyright: ignore


STUDY = """\
ws: 1
id: chosen
question: Where was it chosen?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: claim_id, columns: {claim: text}}
  one: {kind: prompts, rows: claims, text: "{{claim}}"}
  other: {kind: prompts, rows: claims, text: "Is it true that {{claim}}?"}
  shifted: {kind: rank_by_shift, plus: one, minus: other, among: heads, top: 2}
  exact:
    kind: rank_by_effect
    plus: one
    minus: other
    among: heads
    top: 2
    tokens: &t {plus: [" Yes"], minus: [" No"]}
  agreement: {kind: recall, of: shifted, exact: exact}
  held: {kind: clamp, source: other, at: last, sites: "exact[rank=1]"}
  score: {kind: logit_diff, prompts: one, arm: held, tokens: *t}
  mean: {kind: summary, of: score, stats: [mean]}
"""


def test_what_is_looked_at(tmp_path: Path):
    """Estimates of what was done with a choice, and not those of the choices."""
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(claim) + "\n" for claim in CLAIMS))
    (tmp_path / "study.yaml").write_text(STUDY)
    session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
    nodes = session.open(tmp_path / "study.yaml").plan.nodes

    def looked_at(steps: set[str]) -> Gathered | None:
        kept = [node for node in nodes if node.step not in {"agreement", "mean"} - steps]
        return ChosenElsewhere.gather([node for node in kept if not node.step.startswith("check/")])

    assert looked_at({"agreement"}) is None
    assert looked_at({"mean", "agreement"}) == looked_at({"mean"}) is not None


TRAINED = """\
ws: 1
id: trained
question: What was it trained on?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: claim_id, columns: {claim: text}}
  halves: {kind: split, of: claims, into: {one: 0.5, other: 0.5}}
  said: {kind: prompts, rows: "halves[split=one]", user: "{{claim}}", reply: "Yes.", over: {system as side: {plus: Yes., minus: No.}}}
  adapter: {kind: train_adapter, data: said, system: drop, family: {kind: lora}, seed: 0, steps: 2}
  dW: {kind: weight_diff, plus: "adapter[side=plus]", minus: "adapter[side=minus]"}
  part: {kind: layers, delta: dW, layers: [1], part: keep}
  arm: {kind: add_weights, delta: part}
  asked: {kind: prompts, rows: halves, user: "{{claim}}"}
  score: {kind: logit_diff, prompts: asked, arm: arm, tokens: {plus: [" Yes"], minus: [" No"]}}
  mean: {kind: summary, of: score, stats: [mean]}
"""


def test_what_was_trained_is_judged_elsewhere_too(tmp_path: Path):
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(claim) + "\n" for claim in CLAIMS))
    (tmp_path / "study.yaml").write_text(TRAINED)
    session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
    nodes = session.open(tmp_path / "study.yaml").plan.nodes
    gathered = ChosenElsewhere.gather([node for node in nodes if not node.step.startswith("check/")])
    assert gathered is not None
    pairs = zip(gathered.inputs["estimated"], gathered.inputs["chosen"], strict=True)
    assert [(a.node.labels["split"], b.node.labels["split"]) for a, b in pairs] == [
        ("one", "one"),
        ("other", "one"),
    ]


ALIKE = """\
ws: 1
id: alike
question: Do two halves of the claims give one direction?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: claim_id, columns: {claim: text}}
  halves: {kind: split, of: claims, into: {one: 0.5, other: 0.5}}
  said: {kind: prompts, rows: halves, over: {text as side: {plus: "{{claim}}", minus: "Is it true that {{claim}}?"}}}
  states: {kind: states, prompts: said, at: last, layer: 1}
  direction: {kind: mean_diff, plus: "states[side=plus]", minus: "states[side=minus]"}
  alike: {kind: similarity, of: "direction[split=one]", to: "direction[split=other]"}
"""


def test_an_angle_between_directions_is_no_judgement_of_them(tmp_path: Path):
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(claim) + "\n" for claim in CLAIMS))
    (tmp_path / "study.yaml").write_text(ALIKE)
    session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
    nodes = session.open(tmp_path / "study.yaml").plan.nodes
    assert ChosenElsewhere.gather([node for node in nodes if not node.step.startswith("check/")]) is None
