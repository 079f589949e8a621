"""Studies that nothing has touched are not planned; whatever is touched is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import STUDY, small
from ws_dsl.run import session as sessions
from ws_dsl.run import settled


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files of the studies that were planned."""
    files: list[str] = []
    plan = sessions.make_plan

    def noted(document: Any, model: Any = None) -> Any:
        files.append(document.file.name)
        return plan(document, model)

    monkeypatch.setattr(sessions, "make_plan", noted)
    return files


@pytest.fixture
def ran(ws: Terminal) -> Terminal:
    """A study that was run, with a parent and a text in a file."""
    root = ws.lab.root
    parent = {key: STUDY[key] for key in ("ws", "model")}
    (root / "parents").mkdir()
    (root / "parents" / "base.yaml").write_text(json.dumps(parent), encoding="utf-8")
    (root / "system.txt").write_text("Be brief.", encoding="utf-8")
    study = {key: value for key, value in small().items() if key not in parent} | {
        "extends": "parents/base.yaml"
    }
    study["steps"]["brief"] = {"kind": "system_prompt", "system": {"file": "system.txt"}}
    ws.lab.study(study)
    assert ws("run", "small.yaml").code == 0
    return ws


def file_of(ws: Terminal) -> str:
    return f"{STUDY['id']}.yaml"


def test_an_untouched_study_is_not_planned_and_says_the_same(ran: Terminal, planned: list[str]) -> None:
    first, second = ran("run", file_of(ran)), ran("run", file_of(ran))
    assert planned == []
    assert (first.code, first.out, first.err) == (second.code, second.out, second.err)
    shutil.rmtree(ran.lab.project.registry / "settled")
    whole = ran("run", file_of(ran))
    assert planned == [file_of(ran)]
    assert (whole.code, whole.out, whole.err) == (first.code, first.out, first.err)
    told = [ran("run", "--json", file_of(ran)).json for _ in range(2)]
    shutil.rmtree(ran.lab.project.registry / "settled")
    full = ran("run", "--json", file_of(ran)).json
    for one in (*told, full):
        one["studies"][0].pop("seconds")
    assert told[0] == told[1] == full


TOUCHED: dict[str, Callable[[Path], object]] = {
    "the study": lambda root: append(root / "small.yaml", "\n"),
    "what it extends": lambda root: append(root / "parents" / "base.yaml", "\n"),
    "its data": lambda root: append(root / "claims.jsonl", "\n"),
    "a text": lambda root: append(root / "system.txt", " Please."),
    "what is registered": lambda root: (root / "STUDY.lock").unlink(),
    "a kind of its own": lambda root: append(root / "kinds" / "new.py", "x = 1\n"),
    "the record": lambda root: [
        path.write_text("{", encoding="utf-8") for path in (root / "registry" / "settled").iterdir()
    ],
    "a cell": lambda root: next((root / "registry" / "manifests").glob("*/*.json")).unlink(),
    "the catalogue and a cell": lambda root: (
        (root / "registry" / "catalogue.sqlite").unlink(),
        next((root / "registry" / "manifests").glob("*/*.json")).unlink(),
    ),
}


def append(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(before + text, encoding="utf-8")


@pytest.mark.parametrize("what", list(TOUCHED))
def test_whatever_is_touched_is_planned(ran: Terminal, planned: list[str], what: str) -> None:
    TOUCHED[what](ran.lab.root)
    assert ran("run", file_of(ran)).code == 0
    assert planned == [file_of(ran)]


def test_another_program_plans(ran: Terminal, planned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settled, "_code", lambda session: "another")  # pyright: ignore
    ran("run", file_of(ran))
    assert planned == [file_of(ran)]


@pytest.mark.parametrize("options", [["--dry-run"], ["--recompute", "claims"], ["--device", "cpu:0"]])
def test_who_asks_for_more_gets_it(ran: Terminal, planned: list[str], options: list[str]) -> None:
    ran("run", *options, file_of(ran))
    assert bool(planned) == (options[0] != "--device")


def test_pages_that_were_changed_are_put_back(ran: Terminal, planned: list[str]) -> None:
    page = ran.lab.project.site / "studies" / STUDY["id"] / "index.md"
    before = page.read_bytes()
    page.write_text("edited", encoding="utf-8")
    ran("run", file_of(ran))
    assert page.read_bytes() == before and planned == []


def test_one_of_two_is_planned(ran: Terminal, planned: list[str]) -> None:
    other = small() | {"id": "other"}
    ran.lab.study(other)
    ran("run", file_of(ran), "other.yaml")
    assert planned == ["other.yaml"]
    ran("run", file_of(ran), "other.yaml")
    assert planned == ["other.yaml"]


def test_two_of_one_id_are_told(ran: Terminal) -> None:
    root = ran.lab.root
    shutil.copy(root / "small.yaml", root / "twin.yaml")
    assert ran("run", "twin.yaml").code == 0
    said = ran("run", file_of(ran), "twin.yaml")
    assert said.code == 2 and "duplicate-id" in said.err
