"""Seeds that are pooled are resampled: an interval over one draw of them is no interval."""

# ruff: noqa: E501 (studies as they are written)

from __future__ import annotations

import json
from pathlib import Path

from tests.run.lab import CLAIMS, Counting
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.run.context import Library
from ws_dsl.run.execute import execute
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session

STUDY = """\
ws: 1
id: seeds
question: Does pooling a seed widen the interval?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: claim_id, columns: {claim: text, label: bool}}
  prompts:
    kind: prompts
    rows: claims
    over: {text as wording: {a: "User: Is it true that {{claim}}?\\nAssistant:", b: "User: {{claim}}\\nAssistant:"}}
  score: {kind: logit_diff, prompts: prompts, tokens: {plus: [" Yes"], minus: [" No"]}}
  sampled: {kind: noise, of: score, over: {seed: [0, 1, 2]}}
  by_seed: {kind: summary, of: "sampled[wording=a]", pool: [seed], stats: [mean]}
  by_wording: {kind: summary, of: "sampled[seed=0]", pool: [wording], stats: [mean]}
"""

NOISE = '''"""A value per seed, the same for all rows."""

from typing import Annotated

from ws_dsl import Kind, Ref, Seed
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types


class Noise(Kind[types.Table]):
    of: Ref[types.Table]
    seed: Annotated[int, Seed("sampling")]


version = 1


def run(cells, context):
    for cell in cells:
        table = cell.open("of")
        columns = {**table.columns, "value": [float(cell.spec.seed * 10)] * len(table)}
        yield cell, Table(table.keys, columns, {}).to_artifact()
'''


def test_a_pooled_seed_is_resampled_and_another_axis_is_not(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "noise.py").write_text(NOISE)
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(claim) + "\n" for claim in CLAIMS))
    (tmp_path / "study.yaml").write_text(STUDY)
    session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
    opened = session.open(tmp_path / "study.yaml")
    execute(opened.plan, opened.state, session.store, Counting())
    library = Library(session.store)
    found: dict[str, Estimate] = {
        node.step: library.open(opened.state.keys[node], opened.state.digests[node])
        for node in opened.plan.nodes
        if node.kind.name == "summary"
    }
    by_seed, by_wording = found["by_seed"].stats["mean"], found["by_wording"].stats["mean"]
    assert (by_seed.value, by_seed.low, by_seed.high) == (10.0, 0.0, 20.0)
    assert by_wording.low == by_wording.high == 0.0
