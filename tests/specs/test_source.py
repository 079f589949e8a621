"""YAML in: plain data with places, and refusals instead of surprises."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ws_dsl.errors import MOST_TOLD, SpecError
from ws_dsl.specs.source import LARGEST, read

TEN = "[" + ",".join("x" * 10) + "]"
BOMB = f"a: &a {TEN}\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{','.join([f'*{old}'] * 9)}]}}\n"
    for old, new in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)
CHAIN = "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 200))

REFUSED: dict[str, tuple[str | bytes, tuple[int, int, str]]] = {
    "empty": ("", (1, 1, "no-study")),
    "only a comment": ("# hello\n", (1, 1, "no-study")),
    "a list": ("- a\n", (1, 1, "no-study")),
    "text": ("hello\n", (1, 1, "no-study")),
    "a tab": ("ws: 1\n\tid: x\n", (2, 1, "yaml")),
    "two documents": ("ws: 1\n---\nws: 1\n", (2, 1, "yaml")),
    "a bracket that does not fit": ("steps: {a: [1, 2}\n", (1, 17, "yaml")),
    "a quote that is not closed": ('ws: 1\nid: "abc\nquestion: x\n', (2, 5, "yaml")),
    "a colon in plain text": ("question: what: is this\n", (1, 15, "yaml")),
    "an older YAML": ("%YAML 1.1\n---\nid: yes\n", (1, 1, "yaml")),
    "a duplicate key": ("a: 1\nb: {c: 1, d: 2, c: 3}\n", (2, 17, "duplicate-key")),
    "keys that are the same text": ("1: a\n'1': b\n", (2, 1, "duplicate-key")),
    "a mapping as key": ("a: {{claim}}\n", (1, 5, "bad-key")),
    "an alias of nothing": ("a: *b\n", (1, 4, "yaml")),
    "an alias of itself": ("a: &a [*a]\n", (1, 4, "too-large")),
    "aliases of aliases": (BOMB, (1, 24, "too-large")),
    "deep brackets": ("a: " + "[" * 5000, (1, 67, "yaml")),
    "deep indentation": ("\n".join(" " * i + "a:" for i in range(100)), (64, 64, "yaml")),
    "not a number": ("a: 1\nb: .nan\n", (2, 4, "not-finite")),
    "infinity": ("a: [1, -.inf]\n", (1, 8, "not-finite")),
    "a number of 5000 digits": ("a: " + "9" * 5000, (1, 4, "yaml-type")),
    "a lone surrogate": ('a: {b: "\\ud800"}\n', (1, 8, "encoding")),
    "Latin-1": ("a: 1\nb: gr\xf6\n".encode("latin-1"), (2, 6, "encoding")),
    "a control character": ("a: 1\nb: x\x00y\n", (2, 5, "yaml")),
    "a key with a lone surrogate": ('a: 1\n"\\ud800": x\n', (2, 1, "encoding")),
    "UTF-16": ("a: 1\n".encode("utf-16"), (1, 1, "encoding")),
    "an escape beyond Unicode": ('a: 1\nb: "x\\U00110000"\n', (2, 6, "yaml")),
    "a number beyond 64 bits": ("a: 9223372036854775808\n", (1, 4, "yaml-type")),
    "a hexadecimal number of 100,000 digits": ("a: 0x" + "f" * 100_000, (1, 4, "yaml-type")),
    "a decimal beyond floats": ("a: 1e999\n", (1, 4, "not-finite")),
    "text tagged as a number": ("a: !!float abc\n", (1, 4, "yaml-type")),
    "text tagged as a truth value": ("a: !!bool abc\n", (1, 4, "yaml-type")),
    "a set": ("a: !!set {b, c}\n", (1, 4, "yaml-type")),
    "a list tagged as text": ("a: !!str [b]\n", (1, 4, "yaml-type")),
    "a merge of text": ("a: {<<: x}\n", (1, 9, "bad-key")),
    "a merge of itself": ("a: &a {<<: *a}\n", (1, 4, "too-large")),
    "merges of merges": (MERGES, (2, 12, "too-large")),
    "500,000 values": ("a: [" + "1," * 500_000 + "]", (1, 99_999, "yaml")),
    "a chain of aliases": (CHAIN, (1, 5, "too-large")),
    "a Python object": ("a: !!python/object:os.system x\n", (1, 4, "yaml-type")),
    "more than a mebibyte": ("a: 1\n#" + "x" * LARGEST, (1, 1, "too-large")),
    "a parent that is no path": ("extends: [a, b]\n", (1, 1, "bad-parent")),
    "a parent that is not there": ("ws: 1\nextends: no.yaml\n", (2, 1, "missing-file")),
    "a parent that is the study itself": ("extends: study.yaml\n", (1, 1, "cycle")),
}


def load(tmp_path: Path, text: str | bytes, name: str = "study.yaml") -> Any:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(file)


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused_with_its_place(tmp_path: Path, text: str | bytes, expected: tuple[int, int, str]):
    with pytest.raises(SpecError) as caught:
        load(tmp_path, text)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column, problem.code) == expected
    assert str(problem).startswith(
        f"{tmp_path / 'study.yaml'}:{expected[0]}:{expected[1]} error[{expected[2]}]"
    )


def test_depth_is_refused_before_the_rest_is_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A full scan of as many brackets takes minutes; what is scanned is bounded, not timed."""
    from ruamel.yaml.scanner import Scanner

    fetched = 0
    fetch = Scanner.fetch_more_tokens

    def counted(scanner: Any) -> Any:
        nonlocal fetched
        fetched += 1
        return fetch(scanner)

    monkeypatch.setattr(Scanner, "fetch_more_tokens", counted)
    with pytest.raises(SpecError, match="nested deeper than 64"):
        load(tmp_path, "a: " + "[" * 200_000)
    assert fetched < 2000


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "study.yaml")
    with pytest.raises(SpecError, match="ordinary file"):
        read(tmp_path / "study.yaml")


def test_a_long_list_of_mistakes_ends(tmp_path: Path):
    with pytest.raises(SpecError) as caught:
        load(tmp_path, "{" + "a: 1, " * 20_000 + "}")
    assert len(caught.value.problems) == 19_999
    assert str(caught.value).count("error[") == MOST_TOLD
    assert str(caught.value).endswith(f"and {19_999 - MOST_TOLD} more mistakes")


def test_messages_stay_short_whatever_is_written(tmp_path: Path):
    for text in ("a: *" + "x" * 100_000, "a: !" + "x" * 100_000, "? " + "x" * 100_000 + "\n: .inf\n"):
        with pytest.raises(SpecError) as caught:
            load(tmp_path, text)
        assert len(str(caught.value)) < 600


def test_pairs_of_surrogates_are_the_characters_that_json_means(tmp_path: Path):
    data = {"\U0001f600": ["\U0001f600", "é", "\x00"]}
    assert load(tmp_path, json.dumps(data)).data == data


def test_a_merge_brings_what_its_source_merged(tmp_path: Path):
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2, z: 2}\nc: {<<: *b, z: 3}\n"
    assert load(tmp_path, text).data["c"] == {"x": 1, "y": 2, "z": 3}


OUTSIDE = ["/etc/passwd", "../../outside.yaml", "link.yaml", "folder/outside.yaml"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with links that lead out of it."""
    (tmp_path / "outside.yaml").write_text("steps: {}\n", encoding="utf-8")
    project = tmp_path / "project"
    (project / "studies").mkdir(parents=True)
    (project / "ws-dsl.toml").touch()
    (project / "studies" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (project / "studies" / "folder").symlink_to(tmp_path)
    return project


@pytest.mark.parametrize("parent", OUTSIDE)
def test_a_parent_outside_the_project_is_refused(project: Path, parent: str):
    with pytest.raises(SpecError) as caught:
        load(project / "studies", f"ws: 1\nextends: {parent}\n")
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column, problem.code) == (2, 1, "bad-path")
    assert "outside the project" in problem.message and "ws-dsl.toml" in problem.message


def test_a_project_is_the_marked_folder_or_the_current_one_or_that_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "project" / "studies"
    folder.mkdir(parents=True)
    load(tmp_path / "project", "a: 1\n", "base.yaml")
    text = "extends: ../base.yaml\n"
    monkeypatch.chdir("/")
    monkeypatch.setattr(Path, "cwd", lambda: folder)
    with pytest.raises(SpecError, match="outside the project"):
        load(folder, text)
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "project")
    assert load(folder, text).data == {"a": 1}
    monkeypatch.setattr(Path, "cwd", lambda: folder)
    (tmp_path / "project" / "pyproject.toml").write_text("[tool.ws-dsl]\n", encoding="utf-8")
    assert load(folder, text).data == {"a": 1}


@pytest.mark.parametrize("parent", ['"a\\0b"', "x" * 5000, "loop.yaml", "fifo.yaml", ".", '""'])
def test_a_parent_that_no_file_can_be(tmp_path: Path, parent: str):
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    os.mkfifo(tmp_path / "fifo.yaml")
    with pytest.raises(SpecError) as caught:
        load(tmp_path, f"extends: {parent}\n")
    (problem,) = caught.value.problems
    assert problem.place[1:] == (1, 1) and len(str(problem)) < 1000


def test_a_file_whose_name_is_no_text(tmp_path: Path):
    file = tmp_path / os.fsdecode(b"st\xff.yaml")
    file.write_bytes(b"ws: 1\n")
    with pytest.raises(SpecError, match="no UTF-8"):
        read(file)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(SpecError, match=r"error\[unreadable\]"):
        read(tmp_path / "no.yaml")


def test_every_duplicate_is_told_with_the_line_of_the_first(tmp_path: Path):
    with pytest.raises(SpecError) as caught:
        load(tmp_path, "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert [(p.place.line, p.subject) for p in caught.value.problems] == [(4, "b.c"), (5, "a")]
    assert "line 3" in caught.value.problems[0].message


def test_scalars_of_yaml_1_2(tmp_path: Path):
    text = 'a: [Yes, no, on, true, null, ~, 1, 1.0, 1e0, 0x10, "1", 2026-11-21, 2026-11-21T10:00:00Z, é]\n'
    expected = [
        "Yes",
        "no",
        "on",
        True,
        None,
        None,
        1,
        1.0,
        1.0,
        16,
        "1",
        "2026-11-21",
        "2026-11-21T10:00:00Z",
    ]
    assert load(tmp_path, text).data == {"a": [*expected, "é"]}


def test_keys_are_the_text_that_is_written(tmp_path: Path):
    text = "{1: a, 1.0: b, true: c, null: d, 2026-01-01: e}\n"
    assert list(load(tmp_path, text).data) == ["1", "1.0", "true", "null", "2026-01-01"]


@pytest.mark.parametrize(
    "text", ["\ufeffws: 1\na: b\n", "ws: 1\r\na: b\r\n", "ws: 1\na: b", "---\nws: 1\na: b\n..."]
)
def test_byte_order_mark_line_ends_and_document_marks_mean_nothing(tmp_path: Path, text: str):
    assert load(tmp_path, text).data == {"ws": 1, "a": "b"}


def test_anchors_and_merges_are_written_out(tmp_path: Path):
    document = load(tmp_path, "a: &a {x: 1, y: [2]}\nb: *a\nc: {<<: *a, x: 3}\nd: {<<: [{z: 0}, *a]}\n")
    assert document.data["b"] == {"x": 1, "y": [2]}
    assert document.data["c"] == {"x": 3, "y": [2]}
    assert document.data["d"] == {"z": 0, "x": 1, "y": [2]}
    assert document.place(("b", "y"))[1:] == (1, 14)
    assert document.place(("c", "x"))[1:] == (3, 13)


def test_places_of_keys_items_and_what_is_not_written(tmp_path: Path):
    document = load(tmp_path, "a:\n  b: [x, {c: y}]\n")
    assert document.place(("a", "b"))[1:] == (2, 3)
    assert document.place(("a", "b", 1))[1:] == (2, 10)
    assert document.place(("a", "b", 1, "c"))[1:] == (2, 11)
    assert document.place(("a", "b", 1, "d", "e"))[1:] == (2, 10)


def test_extends_merges_mappings_replaces_lists_and_removes_with_null(tmp_path: Path):
    load(tmp_path, "steps: {a: {x: 1, l: [1, 2]}, b: {x: 1}, c: {x: null}}\nreport: {f: 1}\n", "base.yaml")
    child = load(tmp_path, "extends: base.yaml\nsteps: {a: {l: [3], n: null}, b: null, d: {y: null}}\n")
    assert child.data == {
        "steps": {"a": {"x": 1, "l": [3], "n": None}, "c": {"x": None}, "d": {"y": None}},
        "report": {"f": 1},
    }
    assert child.file.name == "study.yaml"
    assert Path(child.place(("steps", "a", "x")).file).name == "base.yaml"
    assert Path(child.place(("steps", "a", "l", 0)).file).name == "study.yaml"


def test_parents_of_parents_and_paths_from_where_they_are_written(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    load(tmp_path, "a: 1\nb: 1\nc: 1\n", "deep/top.yaml")
    load(tmp_path, "extends: top.yaml\nb: 2\nc: 2\npath: data.csv\n", "deep/middle.yaml")
    child = load(tmp_path, "extends: deep/middle.yaml\nc: 3\nother: data.csv\n")
    assert child.data == {"a": 1, "b": 2, "c": 3, "path": "data.csv", "other": "data.csv"}
    assert child.resolve("data.csv", ("path",)) == tmp_path / "deep" / "data.csv"
    assert child.resolve("data.csv", ("other",)) == tmp_path / "data.csv"


def test_a_circle_of_parents_is_told_where_it_closes(tmp_path: Path):
    (tmp_path / "base.yaml").write_text("a: 1\nextends: study.yaml\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load(tmp_path, "extends: base.yaml\n")
    (problem,) = caught.value.problems
    assert (Path(problem.place.file).name, problem.place.line, problem.code) == ("base.yaml", 2, "cycle")
