"""The guide holds what it says: its studies plan, its commands exist, its first study runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from ws_dsl.cli.main import app
from ws_dsl.run.project import find_project
from ws_dsl.run.session import Session
from ws_dsl.specs import kinds

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "site" / "pages" / "guide"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a chapter.

    Attributes:
        chapter: Name of its file.
        language: What it is written in.
        text: What it holds.
    """

    chapter: str
    language: str
    text: str


def blocks(language: str) -> list[Block]:
    found: list[Block] = []
    for path in sorted(GUIDE.glob("*.md")):
        fenced = FENCED.findall(path.read_text(encoding="utf-8"))
        found += [Block(path.stem, name, text) for name, text in fenced if name == language]
    return found


def merged(base: Any, new: Any) -> Any:
    """Mappings merged by key, whole steps and tables replaced: what a reader does who edits the study."""
    if not (isinstance(base, dict) and isinstance(new, dict)) or {"kind", "of"} & set(new):
        return new
    return {**base, **{key: merged(base.get(key), value) for key, value in new.items()}}


def studies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every whole study of the guide, and each as it is after every later fragment of its chapter."""
    yaml = YAML(typ="safe", pure=True)
    current: dict[str, dict[str, Any]] = {}
    for block in blocks("yaml"):
        written = yaml.load(block.text)
        whole = written if "ws" in written else merged(current[block.chapter], written)
        current[block.chapter] = whole
        yield f"{block.chapter}: {', '.join(written)}", whole


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with the rows that `new` writes and the kinds that the guide defines."""
    (tmp_path / "ws-dsl.toml").touch()
    shutil.copytree(ROOT / "experiments" / "data", tmp_path / "experiments" / "data")
    shutil.copyfile(ROOT / "templates" / "starter.jsonl", tmp_path / "experiments" / "data" / "boss.jsonl")
    (tmp_path / "experiments" / "kinds").mkdir()
    for block in blocks("python"):
        name = re.match(r"# (\S+)\n", block.text)
        assert name, f"{block.chapter}: a Python block begins with the path of its file"
        (tmp_path / name[1]).write_text(block.text.partition("\n")[2], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WS_DSL_REGISTRY", raising=False)
    yield tmp_path
    kinds.use_folder(tmp_path / "nowhere")


def write(project: Path, study: dict[str, Any]) -> Path:
    file = project / "experiments" / f"{study['id']}.yaml"
    file.write_text(json.dumps(study), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "study"), list(studies()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_study_plans_without_a_mistake(project: Path, name: str, study: dict[str, Any]):
    file = write(project, study)
    assert Session(find_project()).open(file).plan.nodes


@pytest.mark.parametrize("chapter", ["first-study", "judges", "kinds"])
def test_whole_studies_run_on_the_embedded_model(
    project: Path, chapter: str, capsys: pytest.CaptureFixture[str]
):
    (study,) = (study for name, study in studies() if name.startswith(f"{chapter}: ws"))
    file = write(project, study)
    app(["run", str(file)], standalone_mode=False)
    assert "failed" not in capsys.readouterr().err
    page = (project / "site" / "_build" / "studies" / study["id"] / "index.html").read_text()
    assert study["question"].replace("'", "&#39;") in page or study["question"] in page


def commands() -> list[tuple[str, str]]:
    lines = [(block.chapter, line) for block in blocks("sh") for line in block.text.splitlines()]
    return [(chapter, line) for chapter, line in lines if line.startswith("ws-dsl ")]


@pytest.mark.parametrize(("chapter", "line"), commands())
def test_every_command_is_one_that_exists(chapter: str, line: str):
    import typer

    words = shlex.split(line)[1:]
    command: Any = typer.main.get_command(app)
    with command.make_context("ws-dsl", list(words), resilient_parsing=True) as context:
        while hasattr(command, "commands"):
            if words[0].startswith("-"):
                return
            command, words = command.commands[words[0]], words[1:]
        command.make_context("ws-dsl", words, parent=context)


def test_chapters_have_an_order_of_their_own():
    yaml = YAML(typ="safe", pure=True)
    fronts = [yaml.load(path.read_text().split("---")[1]) for path in GUIDE.glob("*.md")]
    orders = [front["order"] for front in fronts]
    assert len(set(orders)) == len(orders)
    assert all(front["summary"].endswith(".") for front in fronts)
