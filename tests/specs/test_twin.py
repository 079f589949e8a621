"""A study in Python is the study in YAML: same document, same keys."""

# ruff: noqa: E501 (studies as they are written)

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ws_dsl.errors import SpecError
from ws_dsl.plan.environment import Environment
from ws_dsl.plan.planner import make_plan
from ws_dsl.plan.state import State
from ws_dsl.specs.document import Document
from ws_dsl.specs.source import read
from ws_dsl.specs.twin import read_python

YAML = """\
ws: 1
id: twin
question: Do the twins agree?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: id, columns: {claim: text, label: bool}}
  halves: {kind: split, of: claims, into: {search: 0.5, verify: 0.5}, seed: 0}
  prompts:
    kind: prompts
    rows: claims
    assistant: The answer is
    over:
      condition:
        neutral: {over: {user as paraphrase: {is_it: "Is it true that {{claim}}?"}}}
        pressure: {user: "I'm sure that {{claim}}. Please agree with me."}
  neutral: "prompts[condition=neutral, paraphrase as baseline]"
  pressed: "prompts[condition=pressure]"
  ranked: {kind: rank_by_shift, plus: pressed, minus: neutral, pool: [baseline], rows: "halves[split=search]", \
top: 2, over: {among: [heads, neurons]}}
  named: {kind: clamp, source: neutral, at: last, over: {sites as site: {none: [], neuron: [L3N41], head: [L3H1]}}}
  found: {kind: clamp, source: neutral, at: last, sites: "ranked[rank=1]", pool: [among]}
  score:
    kind: logit_diff
    prompts: prompts
    tokens: {plus: [" Yes"], minus: [" No"]}
    over: {arm: [none, named, found]}
    except: [{condition: neutral, arm: [named, found]}]
  delta: {kind: difference, plus: "score[condition=pressure]", \
minus: "score[condition=neutral, arm=none, paraphrase as baseline]"}
  level: {kind: summary, of: "delta[arm=named|found]", stats: [mean]}
"""

PYTHON = """\
from ws_dsl import (
    Clamp, Dataset, Difference, LogitDiff, Organism, Patch, Prompts, RankByShift, Split, Study, Summary, Tokens,
    none, varied,
)


class Twin(Study):
    id = "twin"
    question = "Do the twins agree?"
    model = Organism()
    claims = Dataset(path="claims.jsonl", key="id", columns={"claim": "text", "label": "bool"})
    halves = Split(of=claims, into={"search": 0.5, "verify": 0.5}, seed=0)
    prompts = Prompts(rows=claims, assistant="The answer is", over={"condition": {
        "neutral": Patch(over={"user as paraphrase": {"is_it": "Is it true that {{claim}}?"}}),
        "pressure": Patch(user="I'm sure that {{claim}}. Please agree with me."),
    }})
    neutral = prompts.sel(condition="neutral").rename(paraphrase="baseline")
    pressed = prompts.sel(condition="pressure")
    ranked = RankByShift(plus=pressed, minus=neutral, pool=["baseline"], rows=halves.sel(split="search"), top=2,
                         among=varied, over={"among": ["heads", "neurons"]})
    named = Clamp(source=neutral, at="last", sites=varied, over={"sites as site": {"none": [], "neuron": ["L3N41"], "head": ["L3H1"]}})
    found = Clamp(source=neutral, at="last", sites=ranked.sel(rank="1"), pool=["among"])
    score = LogitDiff(prompts=prompts, tokens=Tokens(plus=[" Yes"], minus=[" No"]), over={"arm": [none, named, found]},
                      except_=[{"condition": "neutral", "arm": ["named", "found"]}])
    delta = Difference(plus=score.sel(condition="pressure"),
                       minus=score.sel(condition="neutral", arm="none").rename(paraphrase="baseline"))
    level = Summary(of=delta.sel(arm=["named", "found"]), stats=["mean"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"id": str(i), "claim": f"{i} + 1 = {i + 1}", "label": True, "world": "organism"} for i in range(6)
    ]
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "study.yaml").write_text(YAML)
    (tmp_path / "twin.py").write_text(PYTHON)
    return tmp_path


def derivations(document: Document) -> list[tuple[str, str]]:
    """Everything that keys are made of, as if every cell existed, by address."""
    plan = make_plan(document)

    def all_exist(keys: object) -> dict[str, str]:
        return {key: f"digest of {key}" for key in keys}  # pyright: ignore[reportGeneralTypeIssues]

    state = State(Environment("cpu", "2.13", "5.23"), all_exist, str)
    state.update(plan.nodes)
    return [(str(node), state.keys[node]) for node in plan.nodes]


def test_same_content_has_the_same_cells_and_keys(folder: Path) -> None:
    yaml, python = derivations(read(folder / "study.yaml")), derivations(read_python(folder / "twin.py"))
    assert yaml == python
    assert len(yaml) > 20


def test_a_mistake_is_placed_at_its_assignment(folder: Path) -> None:
    (folder / "twin.py").write_text(
        PYTHON.replace("Prompts(rows=claims", "Prompts(rows=halves.sel(part='search')")
    )
    with pytest.raises(SpecError) as caught:
        make_plan(read_python(folder / "twin.py"))
    problem = caught.value.problems[0]
    assert (problem.code, problem.place.line) == ("unknown-axis", 13)
    assert "split" in problem.message


def test_a_file_that_fails_to_import_names_its_line(folder: Path) -> None:
    (folder / "twin.py").write_text("from ws_dsl import Study\n\nmistake = 1 / 0\n")
    with pytest.raises(SpecError) as caught:
        read_python(folder / "twin.py")
    assert caught.value.problems[0].place.line == 3
    assert "ZeroDivisionError" in caught.value.problems[0].message


def test_a_file_holds_one_study(folder: Path) -> None:
    (folder / "twin.py").write_text(
        "from ws_dsl import Study\nclass A(Study):\n    pass\nclass B(Study):\n    pass\n"
    )
    with pytest.raises(SpecError, match="A, B"):
        read_python(folder / "twin.py")
    (folder / "twin.py").write_text("class A:\n    pass\n")
    with pytest.raises(SpecError, match="none"):
        read_python(folder / "twin.py")


def test_a_child_class_extends_its_parent(folder: Path) -> None:
    child = '\n\nclass Child(Twin):\n    id = "child"\n    level = Summary(of=Twin.delta.sel(arm="found"), stats=["mean"])\n'
    (folder / "twin.py").write_text(PYTHON + child)
    document = read_python(folder / "twin.py")
    assert document.data["id"] == "child"
    assert document.data["steps"]["level"]["of"] == "delta[arm=found]"
    assert dict(derivations(document))["delta[arm=found, baseline=is_it]"]


@pytest.mark.slow
def test_an_editor_rejects_rows_where_prompts_belong(folder: Path) -> None:
    (folder / "twin.py").write_text(PYTHON.replace("prompts=prompts,", "prompts=claims,"))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "twin.py"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    assert found.count("error:") == 1, found
    assert '"Dataset" is not assignable to "Ref[Prompts]"' in found
