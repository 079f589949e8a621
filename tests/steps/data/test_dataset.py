"""Rows out of files: types, keys, worlds, and mistakes with their lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import DataError, SpecError
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.steps.data._reading import MOST_TOLD, read_rows

COLUMNS = {"claim": "text", "label": "bool", "weight": "number", "topic": "category", "side": "sign"}
LINE = '{"id": "a", "claim": "x", "label": true, "weight": 1.5, "topic": "t", "side": -1}'


def read(text: str, file: str = "data.jsonl", columns: dict[str, str] | None = None, **options: Any) -> Rows:
    return read_rows(
        text.encode(), file, options.get("key", ["id"]), COLUMNS if columns is None else columns, []
    )


def test_json_lines_are_typed_rows():
    found = read(LINE + "\n\n" + LINE.replace('"a"', "7").replace("1.5", "2") + "\n")
    assert found.ids() == [("a",), ("7",)]
    assert found.columns["weight"] == [1.5, 2.0]
    assert found.columns["label"] == [True, True] and found.columns["side"] == [-1, -1]
    assert (found.unit, found.world) == (("id",), "real")


def test_csv_is_the_same_rows():
    table = 'id,claim,label,weight,topic,side\na,"x, ""y""\nz",true,1.5,t,-1\n'
    line = LINE.replace('"x"', '"x, \\"y\\"\\nz"')
    assert read(table, "data.csv") == read(line)


WRONG = {
    "no JSON": ("{", 1, "not JSON"),
    "no object": ("[1]", 1, "a row is an object"),
    "not finite": ('{"id": "b", "weight": NaN}', 1, "not JSON"),
    "missing column": ('{"id": "b"}', 1, "no column 'claim'"),
    "text for a truth value": (LINE.replace("true", '"yes"'), 1, "declared bool"),
    "number for a truth value": (LINE.replace("true", "1"), 1, "declared bool"),
    "text for a number": (LINE.replace("1.5", '"much"'), 1, "declared number"),
    "truth value for a number": (LINE.replace("1.5", "true"), 1, "declared number"),
    "no sign": (LINE.replace("-1", "2"), 1, "declared sign"),
    "truth value for a sign": (LINE.replace("-1", "true"), 1, "declared sign"),
    "empty category": (LINE.replace('"t"', '""'), 1, "declared category"),
    "empty key": (LINE.replace('"a"', '""'), 1, "declared key"),
    "list for text": (LINE.replace('"x"', '["x"]'), 1, "declared text"),
    "lone surrogate": (LINE.replace('"x"', '"\\ud800"'), 1, "lone surrogate"),
    "a column twice": (
        LINE.replace('"label": true', '"claim": "y", "label": true'),
        1,
        "'claim' is written twice",
    ),
    "beyond floats": (LINE.replace("1.5", "1e999"), 1, "holds inf"),
    "whole beyond floats": (LINE.replace("1.5", "1" + "0" * 400), 1, "declared number"),
    "5,000 digits": (LINE.replace("1.5", "1" * 5000), 1, "not JSON"),
    "deep": ("[" * 200_000, 1, "not JSON"),
    "cut off": (LINE[:-20], 1, "not JSON"),
    "10 MiB": (LINE.replace('"x"', f'"{"x" * (10 << 20)}"'), 1, "at most 1048576 are read"),
    "key twice": (LINE.replace('"a"', '"first"'), 1, "is that of line 1 too"),
}


@pytest.mark.parametrize(("line", "offset", "message"), WRONG.values(), ids=WRONG)
def test_a_bad_row_is_told_with_its_line(line: str, offset: int, message: str):
    first = LINE.replace('"a"', '"first"')
    with pytest.raises(DataError, match=message) as caught:
        read(f"{first}\n\n{line}\n")
    assert (str(caught.value.place.file), caught.value.place.line) == ("data.jsonl", offset + 2)
    assert len(str(caught.value)) < 400


def test_every_bad_row_is_counted_and_the_first_are_told():
    bad = [LINE.replace("1.5", '"much"').replace('"a"', f'"{place}"') for place in range(30)]
    with pytest.raises(DataError) as caught:
        read("\n".join([LINE, *bad, "{"]))
    lines = str(caught.value).split("\n")
    assert [line.split()[0] for line in lines[:MOST_TOLD]] == [f"data.jsonl:{n}:1" for n in range(2, 7)]
    assert lines[MOST_TOLD:] == ["and 26 more: 31 of 32 rows are bad"]


def test_rows_after_a_bad_one_are_read_too():
    with pytest.raises(DataError) as caught:
        read(f"{LINE}\n{{\n{LINE}\n[1]\n")
    assert [line.split()[0] for line in str(caught.value).split("\n")] == [
        "data.jsonl:2:2",
        "data.jsonl:3:1",
        "data.jsonl:4:1",
    ]


CSV = "id,claim\na,x\nb,y\n"
WRONG_CSV = {
    "a column twice": ("id,claim,claim\na,x,y\n", 1, "in the head twice"),
    "a NUL": ("id,claim\na,x\nb,\0\n", 3, "NUL"),
    "an open quote": (CSV + 'c,"x\n', 4, "unexpected end"),
    "a field of 200,000 characters": (CSV + "c," + "x" * 200_000 + "\n", 4, "field limit"),
}


@pytest.mark.parametrize(("text", "line", "message"), WRONG_CSV.values(), ids=WRONG_CSV)
def test_a_bad_table_is_told_with_its_line(text: str, line: int, message: str):
    with pytest.raises(DataError, match=message) as caught:
        read(text, "data.csv", {"claim": "text"})
    assert caught.value.place.line == line


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
def test_numbers_of_a_table_are_finite(text: str):
    with pytest.raises(DataError, match="declared number"):
        read(f"id,weight\na,{text}\n", "data.csv", {"weight": "number"})


def test_line_ends_mean_nothing():
    lines = [LINE, LINE.replace('"a"', '"b"')]
    assert read("\r\n".join(lines) + "\r\n") == read("\n".join(lines))
    columns = {"claim": "text"}
    for end in ("\r\n", "\r"):
        assert read(CSV.replace("\n", end), "data.csv", columns) == read(CSV, "data.csv", columns)


def test_a_csv_line_of_another_width_is_told():
    with pytest.raises(DataError, match="another number of fields") as caught:
        read("id,claim\na,x\nb,y,z\n", "data.csv", {"claim": "text"})
    assert caught.value.place.line == 3


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_rows_is_refused(text: str):
    with pytest.raises(DataError, match="no rows"):
        read(text)


def test_a_byte_order_mark_is_no_text_and_latin_1_is_refused():
    assert read("\ufeff" + LINE) == read(LINE)
    latin = (LINE + "\n" + LINE.replace('"x"', '"é"')).encode("latin-1")
    for content, line in ((latin, 2), (LINE.encode("utf-16"), 1), (LINE.encode("utf-16-le"), 1)):
        with pytest.raises(DataError, match=r"not UTF-8 at byte|NUL") as caught:
            read_rows(content, "data.jsonl", ["id"], COLUMNS, [])
        assert caught.value.place.line == line


def test_the_world_is_one_and_known():
    organism = LINE.replace('"id"', '"world": "organism", "id"')
    assert read(organism).world == "organism"
    for other in (LINE, *(organism.replace('"organism"', w) for w in ('"mars"', "[1]", '"\\ud800"'))):
        with pytest.raises(DataError, match="column 'world'") as caught:
            read(organism + "\n" + other.replace('"a"', '"b"'))
        assert caught.value.place.line == 2
        assert str(caught.value).isprintable()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True))
def test_any_text_is_kept_to_the_letter(texts: list[str]):
    import json

    lines = "\n".join(json.dumps({"id": i, "claim": text}) for i, text in enumerate(texts))
    found = read(lines, columns={"claim": "text"})
    assert found.columns["claim"] == texts
    assert Rows.from_files(lambda name: bytes(found.to_artifact().files[name])) == found  # pyright: ignore[reportArgumentType]


def test_keys_of_several_columns_are_unique_together():
    lines = '{"a": 1, "b": 1}\n{"a": 1, "b": 2}\n'
    assert read(lines, columns={}, key=["a", "b"]).ids() == [("1", "1"), ("1", "2")]


def test_rows_without_a_key_are_refused(tmp_path: Path):
    (tmp_path / "d.jsonl").write_text(LINE, encoding="utf-8")
    study = STUDY.format(path="d.jsonl", text="x").replace("key: id", "key: []")
    ((line, column, code, _),) = problems(tmp_path, study)
    assert (line, column, code) == (6, 37, "wrong-value")


def test_mistakes_are_told_before_a_run_at_the_field_of_the_study(tmp_path: Path):
    (tmp_path / "d.jsonl").write_text(LINE + "\n{\n", encoding="utf-8")
    (tmp_path / "e.jsonl").write_text(LINE + "\n", encoding="utf-8")
    study = (
        "ws: 1\nid: s\nquestion: q\nmodel: {kind: organism}\nsteps:\n"
        "  a: {kind: dataset, path: d.jsonl, key: id, columns: {claim: text}}\n"
        "  b: {kind: dataset, path: e.jsonl, key: id, columns: {claim: text}, count: 2, unit: house}\n"
        "  c: {kind: dataset, path: no.jsonl, key: id, columns: {claim: text}}\n"
        "  d: {kind: dataset, path: ., key: id, columns: {claim: id}}\n"
        "  e: {kind: dataset, path: ., key: id, columns: {claim: text}}\n"
    )
    told = problems(tmp_path, study.replace("claim: id", "claim: text"))
    assert [(p[0], p[1], p[2]) for p in told] == [
        (6, 22, "bad-row"),
        (7, 70, "wrong-count"),
        (7, 80, "unknown-column"),
        (8, 22, "missing-file"),
        (9, 22, "missing-file"),
        (10, 22, "missing-file"),
    ]
    assert "d.jsonl:2:" in told[0][3]
    assert problems(tmp_path, study)[0][:3] == (9, 50, "not-allowed")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../outside.jsonl", "link.jsonl", "folder/outside.jsonl", "/dev/zero"]
)
@pytest.mark.parametrize("field", ["path", "text"])
def test_files_outside_the_project_are_refused(tmp_path: Path, path: str, field: str):
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "outside.jsonl").write_text(LINE, encoding="utf-8")
    (folder / "inside.jsonl").write_text(LINE, encoding="utf-8")
    (folder / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (folder / "folder").symlink_to(tmp_path)
    data, text = (path, "x") if field == "path" else ("inside.jsonl", f"{{file: {path}}}")
    ((line, _, code, message),) = problems(folder, STUDY.format(path=data, text=text))
    assert (line, code) == (6 if field == "path" else 7, "bad-path")
    assert f"{path} is outside the project {folder}" in message


@pytest.mark.parametrize("path", ['"a\\0b"', "x" * 5000, "fifo.jsonl", "loop.jsonl", "a/" * 3000])
@pytest.mark.parametrize("field", ["path", "text"])
def test_paths_that_no_data_can_have(tmp_path: Path, path: str, field: str):
    (tmp_path / "inside.jsonl").write_text(LINE, encoding="utf-8")
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    os.mkfifo(tmp_path / "fifo.jsonl")
    data, text = (path, "x") if field == "path" else ("inside.jsonl", f"{{file: {path}}}")
    ((line, _, _, message),) = problems(tmp_path, STUDY.format(path=data, text=text))
    assert line == (6 if field == "path" else 7)
    assert len(message) < 600


STUDY = (
    "ws: 1\nid: s\nquestion: q\nmodel: {{kind: organism}}\nsteps:\n"
    "  a: {{kind: dataset, path: {path}, key: id, columns: {{claim: text}}}}\n"
    "  b: {{kind: prompts, rows: a, text: {text}}}\n"
)


def problems(folder: Path, text: str) -> list[tuple[int, int, str, str]]:
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    session = Session(Project(folder, folder / "registry", folder / "site"))
    with pytest.raises(SpecError) as caught:
        session.open(folder / "study.yaml")
    return [(p.place.line, p.place.column, p.code, p.message) for p in caught.value.problems]
