"""A plan: everything that a study declares, before keys."""

from __future__ import annotations

from dataclasses import dataclass

from ws_dsl.plan.node import Node, Unavailable
from ws_dsl.plan.relation import AxisError, Relation, view
from ws_dsl.specs.document import Document
from ws_dsl.specs.reference import Chosen, Reference, parse
from ws_dsl.specs.study import StudySpec


@dataclass(frozen=True)
class CheckStep:
    """A check with all the cells that it looks at.

    Attributes:
        name: Its name in the study, or its kind's where it is always made.
        node: The cell that it is.
        cells: Addresses of what it reads, by field, in the order of the node's inputs.
        severity: `fail` or `warn`.
    """

    name: str
    node: Node
    cells: dict[str, list[str]]
    severity: str


@dataclass(frozen=True)
class Plan:
    """What a study declares.

    Attributes:
        spec: The study.
        document: Where it was written.
        nodes: All cells, checks included; inputs come before what reads them.
        relations: Cells of every step by its name.
        checks: The checks that the study names, then those that are always made.
        unavailable: Declared cells that their kinds cannot make; what would read them is not made either.
        views: Cells behind every reference that the study writes.
    """

    spec: StudySpec
    document: Document
    nodes: list[Node]
    relations: dict[str, Relation]
    checks: list[CheckStep]
    unavailable: list[Unavailable]
    views: dict[Reference, Relation]

    def view(self, text: str) -> tuple[Relation, str | None]:
        """The cells behind a reference, and the column it picks.

        Raises:
            AxisError: a view that the study does not write asks for what is not there, or for a choice.
        """
        reference = parse(text)
        found = self.views.get(reference)
        if found is None:
            found = view(self.relations[reference.name], reference, _unmade)
        return found, reference.column

    def steps(self) -> dict[str, list[Node]]:
        """Nodes by step, in an order in which inputs come first."""
        found: dict[str, list[Node]] = {}
        needs: dict[str, set[str]] = {}
        for node in self.nodes:
            found.setdefault(node.step, []).append(node)
            needs.setdefault(node.step, set()).update(edge.node.step for edge in node.edges())
        ordered: dict[str, list[Node]] = {}

        def visit(step: str) -> None:
            if step not in ordered:
                for need in found:
                    if need in needs[step] and need != step:
                        visit(need)
                ordered[step] = found[step]

        for step in found:
            visit(step)
        return ordered


def _unmade(relation: Relation, item: Chosen) -> Relation:
    message = f"what {item.choice!r} chose is there only where the study writes it; name that step"
    raise AxisError("unknown-choice", message)
