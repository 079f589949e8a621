"""Replies of an endpoint go where the tables go that follow from them, and nothing secret goes along."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import CLAIMS, Lab
from tests.steps.measure.stub import completion, serving
from ws_dsl.registry import Store

SECRET = "sk-never-to-be-written-down"


def study(url: str) -> dict[str, Any]:
    """Replies that are written down, a judge behind an address, and a number of its grades."""
    return {
        "ws": 1,
        "id": "judged",
        "question": "What is it worth?",
        "model": {"kind": "organism"},
        "steps": {
            "claims": {
                "kind": "dataset",
                "path": "claims.jsonl",
                "key": "claim_id",
                "columns": {"claim": "text", "label": "bool"},
            },
            "said": {"kind": "prompts", "rows": "claims", "user": "Is it?", "reply": "{{claim}}."},
            "grade": {
                "kind": "judge",
                "of": "said",
                "rubric": "How sure is this? {{reply}}",
                "answers": [1, 2, 3],
                "endpoint": {
                    "url": url,
                    "model": "m",
                    "name": "stub",
                    "key_env": "JUDGE_API_KEY",
                    "attempts": 1,
                },
            },
            "worth": {"kind": "summary", "of": "grade", "stats": ["mean"]},
        },
        "report": {"tables": {"worth": {"of": "worth"}}},
    }


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A project whose judge was asked, and can be asked no more."""
    lab = Lab(tmp_path / "here")
    lab.root.mkdir()
    (lab.root / "ws-dsl.toml").write_text(f'remote = "{(tmp_path / "shared").as_uri()}"\n', encoding="utf-8")
    lab.data()
    ws = Terminal(lab, monkeypatch, capsys)
    monkeypatch.setenv("JUDGE_API_KEY", SECRET)
    with serving(lambda body, before: completion(str(1 + len(str(body)) % 3))) as stub:
        lab.study(study(stub.url))
        assert ws("run", "judged.yaml").code == 0
        assert len(stub.bodies) == len(CLAIMS)
        assert {one["authorization"] for one in stub.headers} == {f"Bearer {SECRET}"}
    monkeypatch.delenv("JUDGE_API_KEY")
    return ws


@pytest.fixture
def there(judged: Terminal, tmp_path: Path) -> Terminal:
    """A second project with an empty store and the remote of the first."""
    lab = Lab(tmp_path / "there")
    lab.root.mkdir()
    (lab.root / "ws-dsl.toml").write_bytes((judged.lab.root / "ws-dsl.toml").read_bytes())
    return replace(judged, lab=lab)


def replies(lab: Lab) -> dict[str, str]:
    """Digests of the replies of a store by key."""
    found = Store(lab.project.registry).catalogue.artifacts()
    return {one.key: one.digest for one in found if one.kind == "reply"}


def grades_can_be_made_again(here: Lab, there: Terminal, file: Path) -> None:
    """By an audit, and for another scale under which the same is asked."""
    assert replies(there.lab) == replies(here) and len(replies(here)) == len(CLAIMS)
    (ran,) = there("run", str(file), "--json").json["studies"]
    assert ran["made"] == 0
    again = there("run", str(file), "--recompute", "grade")
    assert again.code == 0 and "1 cell" in again.err
    changed = json.loads(file.read_text(encoding="utf-8"))
    changed["steps"]["grade"]["answers"] = {"1": 0, "2": 0.5, "3": 1}
    file.write_text(json.dumps(changed), encoding="utf-8")
    (ran,) = there("run", str(file), "--json").json["studies"]
    assert ran["made"] > 1 and replies(there.lab) == replies(here)


def test_a_bundle_brings_the_replies(judged: Terminal, there: Terminal):
    assert judged("export", "judged.yaml").code == 0
    told = there("import", str(judged.lab.root / "judged.wsz"), "--json").json
    assert told["new"] == told["artifacts"] > len(CLAIMS) and told["foreign"] == 0
    grades_can_be_made_again(judged.lab, there, Path(told["file"]))


def test_so_does_a_pull_of_the_study(judged: Terminal, there: Terminal):
    sent = judged("push", "judged.yaml", "--json").json
    came = there("pull", "judged", "--json").json
    assert came["artifacts"] == sent["artifacts"] and came["refused"] == []
    there.lab.data()
    file = there.lab.root / "judged.yaml"
    file.write_bytes((judged.lab.root / "judged.yaml").read_bytes())
    grades_can_be_made_again(judged.lab, there, file)


def test_and_a_run_that_looks_in_the_remote(judged: Terminal, there: Terminal):
    assert judged("push", "judged.yaml").code == 0
    there.lab.data()
    file = there.lab.root / "judged.yaml"
    file.write_bytes((judged.lab.root / "judged.yaml").read_bytes())
    ran = there("run", "judged.yaml", "--json")
    assert ran.json["studies"][0]["made"] == 0 and "missing artifacts came from" in ran.err
    grades_can_be_made_again(judged.lab, there, file)


def test_no_key_and_no_header_is_in_a_bundle(judged: Terminal):
    """Members are stored as they are, so that every byte can be looked at."""
    assert judged("export", "judged.yaml").code == 0
    packed = (judged.lab.root / "judged.wsz").read_bytes()
    assert SECRET.encode() not in packed
    assert b"bearer" not in packed.lower() and b"authorization" not in packed.lower()
    with zipfile.ZipFile(judged.lab.root / "judged.wsz") as archive:
        records = [
            json.loads(archive.read(name)) for name in archive.namelist() if name.startswith("manifests/")
        ]
    kept = [one for one in records if one["kind"] == "reply"]
    assert len(kept) == len(CLAIMS)
    for one in kept:
        assert one["params"].keys() == {"endpoint", "body"} and one["params"]["endpoint"] == "stub"
        assert one["params"]["body"].keys() == {"model", "messages", "temperature", "max_tokens"}
