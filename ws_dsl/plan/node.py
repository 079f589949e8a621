"""Nodes: cells of a plan with what they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl.plan.address import address
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.document import Path_
from ws_dsl.specs.kind import Kind, gives
from ws_dsl.specs.kinds import KindModule


@dataclass(frozen=True)
class Edge:
    """One input of a node.

    Attributes:
        node: What is read.
        column: The column picked by the reference, or None.
        pooled: Place along each pooled axis, from 0 in declared order.
        labels: Labels of the cell as pairs of axis and label, where what reads it is told.
    """

    node: Node
    column: str | None = None
    pooled: tuple[int, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False)
class Node:
    """A cell.

    Attributes:
        step: Name of its step; `score/states` for an input that the planner made for `score`.
        labels: Its label on every axis that it has.
        kind: Its kind.
        spec: Validated fields.
        params: The fields as they enter the key.
        inputs: What it reads, by field.
        made: Labels of the axes that the kind itself makes.
        rows_from: The node whose Rows its rows are, or None.
        files: External files and checkpoint folders by the field that names them.
        path: Where its step is written; empty where the planner made it.
        origin: Where each of its fields is written.
        resampled: Places, among its pooled axes, of those whose labels a bootstrap resamples.
        judged: Statistics of it that rules compare with numbers.
        shown: Figures and tables that show it.
    """

    step: str
    labels: dict[str, str]
    kind: KindModule
    spec: Kind[Any]
    params: dict[str, Json]
    inputs: dict[str, list[Edge]]
    made: dict[str, str] = field(default_factory=dict[str, str])
    rows_from: Node | None = None
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    path: Path_ = ()
    origin: dict[str, Path_] = field(default_factory=dict[str, Path_])
    resampled: tuple[int, ...] = ()
    judged: set[str] = field(default_factory=set[str])
    shown: set[str] = field(default_factory=set[str])

    def __str__(self) -> str:
        return address(self.step, self.labels)

    @cached_property
    def types(self) -> tuple[type[types.Type], ...]:
        """What it is; of a kind that follows its input, what its first input of a fitting type is."""
        given = gives(self.kind.spec)
        if len(given) > 1 or given == (types.Type,):
            for edge in self.edges():
                if found := tuple(t for t in edge.node.types if issubclass(t, given)):
                    return found
        return given

    def edges(self) -> list[Edge]:
        """All inputs in order of their fields."""
        return [edge for edges in self.inputs.values() for edge in edges]


class Unavailable(NamedTuple):
    """A declared cell that its kind cannot make.

    Attributes:
        step: Its step.
        labels: Its labels.
        reason: Why.
    """

    step: str
    labels: dict[str, str]
    reason: str
