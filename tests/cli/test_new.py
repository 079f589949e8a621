"""`new`: a first study that runs as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab
from ws_dsl.report.site import templates_folder
from ws_dsl.specs.schema import study_schema


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in an empty folder."""
    (tmp_path / "folder").mkdir()
    return Terminal(Lab(tmp_path / "folder"), monkeypatch, capsys)


def written(lab: Lab) -> set[str]:
    return {path.relative_to(lab.root).as_posix() for path in lab.root.rglob("*") if path.is_file()}


def test_in_an_empty_folder_it_runs_as_it_is(bare: Terminal) -> None:
    said = bare("new", "first-look")
    assert said.code == 0
    assert written(bare.lab) == {
        "ws-dsl.toml",
        "experiments/first-look.yaml",
        "experiments/data/first-look.jsonl",
        "site/schema/study-1.json",
    }
    (command,) = re.findall(r"ws-dsl (run \S+)", said.err)
    assert "no mistakes" in bare("check", command.split()[1]).out
    ran = bare(*command.split(), "--json")
    (study,) = ran.json["studies"]
    assert ran.code == 0 and study["study"] == "first-look"
    assert {check["outcome"] for check in study["checks"]} == {"passed"}
    assert [verdict["verdict"] for verdict in study["verdicts"]] == ["supported"]
    page = (bare.lab.root / "site/_build/studies/first-look/index.html").read_text(encoding="utf-8")
    assert "<svg" in page and "<table" in page


def test_nothing_in_it_is_left_unread(bare: Terminal) -> None:
    assert bare("new", "first_look").code == 0
    (study,) = bare("plan", "experiments/first_look.yaml", "--json").json["studies"]
    assert study["study"] == "first-look"
    assert all(step["read"] for step in study["steps"])


def test_a_name_may_hold_the_word_that_stands_for_it(bare: Terminal) -> None:
    assert bare("new", "my_starter").code == 0
    assert "my-starter," in bare("check", "experiments/my_starter.yaml").out


def test_it_names_itself_and_its_files(bare: Terminal) -> None:
    assert bare("new", "first").code == 0
    text = (bare.lab.root / "experiments/first.yaml").read_text(encoding="utf-8")
    assert "starter" not in text and "ws-dsl run experiments/first.yaml" in text
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert schema is not None
    found = json.loads((bare.lab.root / "experiments" / schema[1]).read_text(encoding="utf-8"))
    assert found == study_schema()


def test_nothing_is_written_over(bare: Terminal) -> None:
    assert bare("new", "first").code == 0
    study, data = (bare.lab.root / "experiments" / name for name in ("first.yaml", "data/first.jsonl"))
    study.write_text("mine", encoding="utf-8")
    said = bare("new", "first")
    assert said.code == 2 and "experiments/first.yaml exists already" in said.err
    study.unlink()
    data.write_text("mine", encoding="utf-8")
    said = bare("new", "first")
    assert said.code == 2 and "first.jsonl exists already" in said.err and not study.exists()
    assert bare("new", "second").code == 0


def test_in_a_project_it_goes_to_the_root(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare.lab.root / "pyproject.toml").write_text("[tool.ws-dsl]\n", encoding="utf-8")
    deep = bare.lab.root / "notes" / "today"
    deep.mkdir(parents=True)
    inside = Terminal(Lab(deep), monkeypatch, bare.capsys)
    said = inside("new", "first", "--json")
    assert "../../experiments/first.yaml" in said.json["wrote"]
    assert written(Lab(deep)) == set() and not (bare.lab.root / "ws-dsl.toml").exists()
    assert inside("check", "../../experiments/first.yaml").code == 0


@pytest.mark.parametrize("name", ["First", "1st", "../first", "first.yaml", "a--b", "a-", "", "café"])
def test_what_is_no_name(bare: Terminal, name: str) -> None:
    said = bare("new", name)
    assert said.code == 2 and "is no name for a study" in said.err
    assert written(bare.lab) == set()


def test_the_data_are_balanced() -> None:
    lines = (templates_folder() / "starter.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    kinds = [(row["topic"], row["label"]) for row in rows]
    assert {kinds.count(kind) for kind in kinds} == {10} and len({row["claim"] for row in rows}) == len(rows)
