"""The JSON Schema that editors read: what the planner takes, it takes; what is misspelt, it marks."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ws_dsl.specs import kinds
from ws_dsl.specs.schema import study_schema
from ws_dsl.specs.source import read

ROOT = Path(__file__).parent.parent.parent
jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the tools of the tests")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return study_schema()


@pytest.fixture(scope="module")
def study() -> dict[str, Any]:
    return read(ROOT / "experiments" / "pressure_agreeing.yaml").data


def errors(schema: dict[str, Any], study: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(study)]


def test_the_committed_schema_is_that_of_the_code(schema: dict[str, Any]) -> None:
    committed = json.loads((ROOT / "site" / "schema" / "study-1.json").read_text(encoding="utf-8"))
    assert committed == schema, "write it anew: ws-dsl schema --write"


def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


def test_a_study_fits(schema: dict[str, Any], study: dict[str, Any]) -> None:
    assert errors(schema, study) == []


def test_every_kind_is_offered_with_its_fields(schema: dict[str, Any]) -> None:
    offered = {*schema["$defs"]["step"]["properties"]["kind"]["enum"]}
    assert offered == {name for name in kinds.names() if kinds.verb(name) != "check"}
    assert {*schema["$defs"]["clamp"]["properties"]} >= {
        "source",
        "sites",
        "at",
        "model",
        "over",
        "rows",
        "pool",
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", "claims", "cuont"), 200),
        (("steps", "ranked", "top"), "many"),
        (("steps", "neuron", "kind"), "clmap"),
        (("checks", "searched_elsewhere", "kind"), "clamp"),
        (("questoin",), "Which?"),
        (("report", "figures", "removed", "kind"), "pie"),
    ],
)
def test_mistakes_are_marked(
    schema: dict[str, Any], study: dict[str, Any], path: tuple[str, ...], value: Any
) -> None:
    wrong = copy.deepcopy(study)
    place = wrong
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert errors(schema, wrong)
