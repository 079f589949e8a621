"""`why`, `plan`, `ls`, `show`, `explain`, `schema`: what is said of what exists and what does not."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab, small
from ws_dsl.plan import environment
from ws_dsl.registry import Store
from ws_dsl.specs import kinds


def reasons(ws: Terminal, what: str) -> list[str]:
    (cell,) = ws("why", what, "--study", "small.yaml", "--json").json["cells"]
    assert cell["status"] == "stale"
    return cell["why"]


def test_a_changed_field_is_named_with_old_and_new(ws: Terminal, lab: Lab):
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["neuron"] = ["L2N7"]
    study["steps"]["score"]["tokens"]["plus"] = [" yes"]
    lab.study(study)
    assert reasons(ws, "small:named[site=neuron]") == ["sites: ['L1N3'] → ['L2N7']"]
    assert reasons(ws, "small:score[condition=neutral, arm=none]") == ["tokens.plus: [' Yes'] → [' yes']"]
    planned = ws("plan", "small.yaml", "--json").json["studies"][0]["steps"]
    named = next(step for step in planned if step["step"] == "named")
    assert named["cells"] == {"stale": 1, "cached": 1} and named["why"] == ["sites: ['L1N3'] → ['L2N7']"]


def test_a_new_version_of_a_kind(ws: Terminal, monkeypatch: pytest.MonkeyPatch):
    clamp = kinds.find("clamp")
    before = clamp.version
    monkeypatch.setattr(clamp, "version", before + 1)
    assert reasons(ws, "small:named[site=neuron]") == [
        f"kind clamp went from version {before} to {before + 1}"
    ]


def test_another_torch(ws: Terminal, monkeypatch: pytest.MonkeyPatch):
    now = environment.current()
    monkeypatch.setattr("ws_dsl.run.session.current", lambda device="cpu": now._replace(torch="9.9"))
    assert reasons(ws, "small:named[site=neuron]") == [f"torch {now.torch} → 9.9"]


def test_a_changed_input_is_named_by_its_cell(ws: Terminal, lab: Lab):
    rows = [json.loads(line) for line in (lab.root / "claims.jsonl").read_text().splitlines()]
    rows[0]["claim"] = "3 + 2 = 5"
    lab.data(rows)
    changed = "claims.jsonl row 1 changed (arithmetic-0): claim: '2 + 3 = 5' → '3 + 2 = 5'"
    assert reasons(ws, "small:claims") == [changed]
    (cell,) = ws("why", "small:prompts[condition=neutral]", "--study", "small.yaml", "--json").json["cells"]
    assert cell == {
        **cell,
        "status": "waiting",
        "why": ["unknown until claims exists", f"  claims: {changed}"],
    }
    assert ws("run", "small.yaml").code == 0
    study = small()
    study["steps"]["halves"]["into"] = {"search": 0.25, "verify": 0.75}
    lab.study(study)
    assert reasons(ws, "small:halves[split=search]") == ["into.search: 0.5 → 0.25", "into.verify: 0.5 → 0.75"]


def test_a_change_is_followed_back_to_where_it_began(ws: Terminal, lab: Lab):
    """Only the data are made anew, so that what reads them is stale and its inputs exist."""
    rows = [json.loads(line) for line in (lab.root / "claims.jsonl").read_text().splitlines()]
    lab.data([*rows[:4], {**rows[4], "topic": "magnitude"}, *rows[5:-1]])
    only = {name: small()["steps"][name] for name in ("claims",)}
    reduced = {**small(), "steps": only, "rules": {}, "report": {}}
    lab.study(reduced)
    assert ws("run", "small.yaml").code == 0
    lab.study()
    first, *more = reasons(ws, "small:prompts[condition=neutral]")
    assert first.startswith("input rows changed: ")
    assert more == [
        "  claims: claims.jsonl row 5 changed (comparison-0): topic: 'comparison' → 'magnitude'",
        "  claims: claims.jsonl row 8 is gone (comparison-3)",
    ]


def test_what_waits_and_what_is_new(ws: Terminal, lab: Lab):
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["late"] = ["L3N9"]
    lab.study(study)
    said = ws("why", "small:named[site=late]", "--study", "small.yaml")
    assert "new" in said.out and "no run of this study had this cell" in said.out
    waiting = ws("why", "small:delta[site=late, paraphrase=sure]", "--study", "small.yaml").out
    assert "unknown until score[" in waiting


def test_what_was_lost_from_the_store(ws: Terminal, lab: Lab):
    _, opened = lab.open()
    node = next(node for node in opened.plan.nodes if node.step == "halves")
    Store(lab.project.registry).layout.manifest(opened.state.keys[node]).unlink()
    assert reasons(ws, f"small:{node}") == ["its artifact is not in the store any more, or it is damaged"]


def test_ls_gives_every_artifact_with_its_cell(ws: Terminal, lab: Lab):
    _, opened = lab.open()
    listed: dict[str, dict[str, Any]] = {one["key"]: one for one in ws("ls", "--json").json["artifacts"]}
    for node in opened.plan.nodes:
        one = listed[opened.state.keys[node]]
        assert {"study", "step", "cell", "bytes", "time", "kind"} <= one.keys()
        assert one["digest"] == opened.state.digests[node] and one["kind"] == node.kind.name
        uses = [{name: one[name] for name in ("study", "step", "cell")}, *one["also"]]
        assert {"study": "small", "step": node.step, "cell": node.labels} in uses
        assert one["bytes"] > 0 and one["time"].endswith("+00:00")
    assert {one["kind"] for one in ws("ls", "clamp", "--json").json["artifacts"]} == {"clamp"}


def test_the_three_formats_of_show_say_the_same(ws: Terminal):
    words = ("show", "small:shift", "--study", "small.yaml")
    rows = ws(*words, "--format", "json").json["rows"]
    assert ws(*words, "--json").json["rows"] == rows and len(rows) == 8
    read = list(csv.DictReader(io.StringIO(ws(*words, "--format", "csv").out)))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows] == read
    lines = ws(*words).out.splitlines()
    assert len(lines) == 9 and f"{rows[0]['mean']:.6g}" in lines[1]


@pytest.mark.parametrize(
    ("step", "columns"),
    [
        ("claims", {"claim_id", "claim", "label", "topic"}),
        ("halves", {"split", "claim_id", "claim"}),
        ("prompts", {"condition", "paraphrase", "claim_id", "text", "tokens"}),
        ("ranked", {"rank", "site", "score"}),
        ("named", {"site", "operation", "at"}),
        ("model", {"title", "world"}),
        ("score[arm=none]", {"condition", "claim_id", "value", "pmass", "status"}),
        ("score.pmass", {"arm", "claim_id", "pmass", "status"}),
        ("claims.label", {"claim_id", "label", "status"}),
    ],
)
def test_every_step_can_be_shown(ws: Terminal, step: str, columns: set[str]):
    said = ws("show", f"small:{step}", "--study", "small.yaml", "--json")
    assert said.code == 0 and said.json["rows"] and columns <= said.json["rows"][0].keys()


def test_a_step_that_was_not_made_says_the_command(ws: Terminal, lab: Lab):
    study = small()
    study["steps"]["named"]["over"]["sites as site"]["late"] = ["L3N9"]
    lab.study(study)
    said = ws("show", "small:named", "--study", "small.yaml")
    assert said.code == 3 and "ws-dsl run small.yaml" in said.err


def test_a_key_tells_what_it_was_made_from(ws: Terminal, lab: Lab):
    _, opened = lab.open()
    node = next(node for node in opened.plan.nodes if node.step == "found")
    key = opened.state.keys[node]
    for command in ("show", "why", "explain"):
        said = ws(command, key[:10])
        assert said.code == 0 and key in said.out and "input source" in said.out
        assert ws(command, key[:10], "--json").json["manifest"]["key"] == key


@pytest.mark.parametrize("kind", kinds.names())
def test_every_kind_explains_itself(ws: Terminal, kind: str):
    said = ws("explain", kind)
    for heading in ("What it does", "What it cannot show", "Inputs and output", "Reference", "Fields"):
        assert heading in said.out
    assert "ws_dsl." not in said.out.partition("\nFields\n")[2]


def test_everything_speaks_json(ws: Terminal):
    for words in (
        ("run", "small.yaml"),
        ("run", "small.yaml", "--dry-run"),
        ("plan", "small.yaml"),
        ("check", "small.yaml"),
        ("lock", "small.yaml"),
        ("verify",),
        ("ls",),
        ("explain", "clamp"),
        ("why", "small:score", "--study", "small.yaml"),
        ("show", "small:score", "--study", "small.yaml"),
        ("site", "build"),
    ):
        said = ws(*words, "--json")
        assert (said.code, said.json["schema"]) == (0, 1), words
    assert ws("schema").json["$schema"]
