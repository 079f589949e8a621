"""The reference of kinds says of every kind what a reader needs, from the file that defines it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from ruamel.yaml import YAML

from ws_dsl.report import reference
from ws_dsl.report.fields import fields, meanings, type_text
from ws_dsl.specs import kinds, types
from ws_dsl.specs.kind import Column, Ref
from ws_dsl.specs.schema import study_schema

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def views() -> dict[str, reference.KindView]:
    texts = reference.yaml_of(ROOT / "site" / "pages" / "guide", [".md"])
    return {view.name: view for view in reference.views(texts)}


@pytest.fixture(scope="module")
def validators() -> dict[str, Any]:
    """What a step and a check are held to; the schema itself is checked here, once."""
    definitions = study_schema()["$defs"]
    schemas = {part: {"$defs": definitions, "$ref": f"#/$defs/{part}"} for part in ("step", "check")}
    jsonschema.Draft202012Validator.check_schema(schemas["step"])
    return {part: jsonschema.Draft202012Validator(schema) for part, schema in schemas.items()}


@pytest.mark.parametrize("name", kinds.names())
def test_every_field_says_what_it_takes_and_means(name: str):
    for field in fields(kinds.find(name)):
        assert field.type, field
        assert field.meaning, f"{name}.{field.name}: name it under Inputs and output: `{field.name}`: meaning"


@pytest.mark.parametrize("name", kinds.names())
def test_every_example_is_a_step_of_its_kind(
    name: str, views: dict[str, reference.KindView], validators: dict[str, Any]
):
    view = views[name]
    if not view.example:
        assert view.always or not reference.generated(kinds.find(name))
        return
    (written,) = YAML(typ="safe", pure=True).load(view.example).values()
    assert written["kind"] == name
    part = "check" if view.verb == "check" else "step"
    validators[part].validate(written)
    if "over" not in written and part == "step":
        spec = kinds.find(name).spec
        spec.model_validate({field: value for field, value in written.items() if field in spec.model_fields})


def test_kinds_stand_in_the_order_of_a_study(views: dict[str, reference.KindView]):
    verbs = [view.verb for view in views.values()]
    assert sorted(verbs, key=list(reference.VERBS).index) == verbs
    assert views["prompts"].taken_from["rows"] == ["dataset", "split", "subset"]
    assert "summary" in views["logit_diff"].read_by
    assert views["split"].axes == ["split"]
    assert views["same_rows"].always and not views["holds"].always


def test_the_shortest_step_is_the_example():
    long, short = "a: {kind: subset, of: t, when: {abs_ge: 0.1}}", "b: {kind: subset, of: t, when: {ge: 0}}"
    texts = [
        f"steps:\n  {long}\n",
        f"steps:\n  # kind: average\n  {short}\n  c:\n    kind: split\n    of: r\n",
    ]
    found = {view.name: view.example for view in reference.views(texts)}
    assert found["subset"] == short
    assert found["split"] == "c:\n  kind: split\n  of: r"
    assert found["average"] == "average: {kind: average, of: table}"


def test_a_long_line_is_broken_between_fields():
    line = 'a: {kind: k, tokens: {plus: [" Yes, so"], minus: [" No"]}, of: "a[x=1,y]"}'
    assert reference.broken(line) == line
    assert reference.broken(line, 40).splitlines() == [
        "a:",
        "  kind: k",
        '  tokens: {plus: [" Yes, so"], minus: [" No"]}',
        '  of: "a[x=1,y]"',
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`top`: how many; `at`: position. Gives Sites.", {"top": "How many", "at": "Position"}),
        ("`plus`, `minus`: Prompts.", {"plus": "Prompts", "minus": "Prompts"}),
        ("`key` (one or several), `path` (a file). Gives Rows.", {"key": "One or several", "path": "A file"}),
        ("`when`: such as `a; b` (or. not), always.", {"when": "Such as `a; b` (or. not), always"}),
        ("`rows` restricts both.", {"rows": "Restricts both"}),
    ],
)
def test_meanings_are_read_from_the_documentation(text: str, found: dict[str, str]):
    assert meanings(text) == found


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (Ref[types.Table | types.Estimate], "Table or Estimate"),
        (Ref[types.Sites] | list[str] | None, "Sites or list of text"),
        (Literal["last", "all"], "`last` or `all`"),
        (int | Literal["a"] | list[int | Literal["a"]], "whole number, `a` or a list of these"),
        (dict[str, float], "mapping of text to number"),
        (tuple[float, float], "[number, number]"),
        (list[Column], "list of row column"),
        (Annotated[bool, "any mark"], "`true` or `false`"),
    ],
)
def test_types_are_said_in_words(annotation: Any, text: str):
    assert type_text(annotation) == text
