"""Checks run on inputs made by hand, where the planner would make the fault impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.steps.analyse.cells import Given, files_of, rows
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell


def finding(kind: str, inputs: Mapping[str, Sequence[Any]], context: Any = None, **fields: Any) -> Finding:
    """The finding of a check over several inputs per field."""
    module = find(kind)
    given = {
        name: [one if isinstance(one, Given) else Given(one, (0, place)) for place, one in enumerate(several)]
        for name, several in inputs.items()
    }
    references = {name: "step" for name in given if name in module.spec.model_fields}
    spec = module.spec.model_validate(references | fields)
    ((_, artifact),) = module.module.run([Cell(spec, given, name=kind)], context)  # pyright: ignore
    return Finding.from_files(files_of(artifact).__getitem__)


def keys(*ids: str) -> Rows:
    """Rows with these keys."""
    return rows(list(ids))


def prompts(tokens: Mapping[str, list[int]]) -> Prompts:
    """Prompts with these token ids by key."""
    columns: dict[str, list[Any]] = {
        "id": list(tokens),
        "text": ["" for _ in tokens],
        "ids": list(tokens.values()),
        "strings": [[str(token) for token in ids] for ids in tokens.values()],
        "spans": [{"prompt": [0, len(ids)]} for ids in tokens.values()],
    }
    return Prompts(("id",), columns, "tokenizer", {}, None)
