"""A plan: everything that a study declares, before keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ws_dsl.plan.node import Edge, Node
from ws_dsl.plan.relation import Labels, Relation, view
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.document import Document
from ws_dsl.specs.kind import Kind
from ws_dsl.specs.kinds import KindModule
from ws_dsl.specs.reference import parse
from ws_dsl.specs.study import StudySpec


@dataclass(frozen=True)
class CheckStep:
    """A check with all the cells that it looks at.

    Attributes:
        name: Its name in the study.
        kind: Its kind.
        spec: Its fields.
        params: Its fields as they enter the key.
        entries: What it reads by field: labels and edge of each cell.
        severity: `fail` or `warn`.
    """

    name: str
    kind: KindModule
    spec: Kind[Any]
    params: dict[str, Json]
    entries: dict[str, list[tuple[Labels, Edge]]]
    severity: str


@dataclass(frozen=True)
class Plan:
    """What a study declares.

    Attributes:
        spec: The study.
        document: Where it was written.
        nodes: All cells; inputs come before what reads them.
        relations: Cells of every step by its name.
        checks: The checks that the study names.
    """

    spec: StudySpec
    document: Document
    nodes: list[Node]
    relations: dict[str, Relation]
    checks: list[CheckStep]

    def view(self, text: str) -> tuple[Relation, str | None]:
        """The cells behind a reference, and the column it picks."""
        reference = parse(text)
        return view(self.relations[reference.name], reference), reference.column

    def steps(self) -> dict[str, list[Node]]:
        """Nodes by step, in an order in which inputs come first."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.step, []).append(node)
        return found
