"""Cells made by hand, for the analysing kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.table import Table
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell


@dataclass(frozen=True)
class Given:
    """An input that is already in memory."""

    value: Any
    pooled: tuple[int, ...] = ()
    column: str | None = None
    digest: str = ""
    spec: Any = field(default=None)
    labels: dict[str, str] = field(default_factory=dict[str, str])

    def open(self) -> Any:
        return self.value


def table(
    values: Mapping[Any, float | None], status: Mapping[Any, str] | None = None, **columns: Any
) -> Table:
    """A Table over the rows of the mapping; those without a value are `unclear` unless a status is given."""
    statuses = {key: "ok" if value is not None else "unclear" for key, value in values.items()} | dict(
        status or {}
    )
    found: dict[str, list[Any]] = {"id": list(values), "value": list(values.values())}
    found["status"] = [statuses[key] for key in values]
    return Table(("id",), found | {name: list(column) for name, column in columns.items()}, {"unit": "nats"})


def rows(ids: list[Any], unit: tuple[str, ...] = ("id",), **columns: list[Any]) -> Rows:
    """Rows by `id` with the given columns."""
    kinds = {
        name: "bool" if all(isinstance(v, bool) for v in c) else "category" for name, c in columns.items()
    }
    return Rows(("id",), {"id": ids, **columns}, {"id": "key", **kinds}, unit, "organism")


def files_of(artifact: Artifact) -> dict[str, bytes]:
    """The artifact's bytes."""
    return {
        name: content if isinstance(content, bytes) else content.read_bytes()
        for name, content in artifact.files.items()
    }


def run(kind: str, inputs: Mapping[str, Any], resampled: tuple[int, ...] = (), **fields: Any) -> Artifact:
    """Runs one cell of a kind; a list among the inputs is pooled along one axis."""
    module = find(kind)
    given: dict[str, list[Given]] = {}
    for name, value in inputs.items():
        several = value if isinstance(value, list) else [value]
        pooled = isinstance(value, list)
        given[name] = [
            one if isinstance(one, Given) else Given(one, (place,) if pooled else ())
            for place, one in enumerate(several)
        ]
    references = {name: "step" for name in given if name in module.spec.model_fields}
    spec = module.spec.model_validate(references | fields)
    cell = Cell(spec, given, name=kind, resampled=resampled)  # pyright: ignore
    ((_, artifact),) = module.module.run([cell], None)
    return artifact


def estimate(kind: str, inputs: Mapping[str, Any], **fields: Any) -> Estimate:
    """Like `run`, read back as an Estimate."""
    return Estimate.from_files(files_of(run(kind, inputs, **fields)).__getitem__)


def difference(plus: Any, minus: Any, **inputs: Any) -> Table:
    """The Table of a `difference` of two Tables."""
    artifact = run("difference", {"plus": plus, "minus": minus, **inputs})
    return Table.from_files(files_of(artifact).__getitem__)
