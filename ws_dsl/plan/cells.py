"""Nodes for the joined cells of a step, and for the inputs that are derived from its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl.plan.node import Edge, Node
from ws_dsl.plan.params import params_of
from ws_dsl.plan.relation import Entry, Join, Joined, Labels, Relation
from ws_dsl.plan.variants import Variant
from ws_dsl.specs import kinds, types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.document import Document, Path_
from ws_dsl.specs.kind import Derived, Kind, gives


class Step(NamedTuple):
    """A step under one variant, validated.

    Attributes:
        name: The step.
        kind: Its kind.
        spec: Its fields.
        references: Names of the fields that are references.
        variant: The variant.
        path: Where the step is written.
        resampled: Places, among the pooled axes of its first input, of those that vary a seed.
    """

    name: str
    kind: kinds.KindModule
    spec: Kind[Any]
    references: Iterable[str]
    variant: Variant
    path: Path_
    resampled: tuple[int, ...] = ()


class Maker:
    """Makes nodes.

    Attributes:
        nodes: All nodes made; inputs come before what reads them.
    """

    def __init__(self, document: Document):
        self.document = document
        self.nodes: list[Node] = []
        self._hidden: dict[str, Node] = {}

    def make(
        self,
        written: Step,
        join: Join,
        targets: Mapping[str, set[str]],
        excepted: Callable[[Labels], bool],
        result: Relation,
    ) -> None:
        """Adds the cells of one variant to the relation of its step.

        Args:
            written: The step under the variant.
            join: Its cells with what they read.
            targets: The fields that each of the step's own axes varies.
            excepted: Whether a cell is left out.
            result: The relation that the cells are added to.
        """
        made = written.kind.spec.made(written.spec)
        for axis, labels in {
            **join.axes,
            **{a: {label: label for label in ls} for a, ls in made.items()},
        }.items():
            result.axes.setdefault(axis, {}).update(labels)
        result.dropped += join.dropped
        params, named = params_of(written.kind.spec, written.spec, written.references)
        origin = written.variant.origin
        files = {f: self.document.resolve(value, origin.get(f, written.path)) for f, value in named.items()}
        made_cells = [dict(zip(made, labels, strict=True)) for labels in product(*made.values())]
        for cell in join.cells:
            for own in made_cells:
                labels = {**cell.labels, **own}
                if excepted(labels):
                    result.dropped.append(labels)
                elif written.kind.spec.changes_nothing(written.spec):
                    result.entries.append(Entry(labels, None))
                else:
                    node = self._node(written, cell, own, params, files, targets)
                    result.entries.append(Entry(node.labels, node))

    def _node(
        self,
        written: Step,
        cell: Joined,
        own: Labels,
        params: dict[str, Any],
        files: dict[str, Path],
        targets: Mapping[str, set[str]],
    ) -> Node:
        kind = written.kind
        inputs = {field: edges for field, edges in cell.inputs.items() if edges}
        for field, derived in kind.spec.derived.items():
            inputs[field] = [Edge(self._derive(f"{written.name}/{field}", derived, written, cell, targets))]
        source = _rows_from(inputs)
        if kind.spec.row_columns and source is not None:
            inputs["row_columns"] = [Edge(source)]
        inputs = {field: edges for field, edges in inputs.items() if field not in kind.spec.consumed}
        node = Node(
            written.name,
            {**cell.labels, **own},
            kind,
            written.spec,
            {**params, "resampled": list(written.resampled)} if written.resampled else params,
            inputs,
            own,
            source,
            files,
            written.path,
            written.variant.origin,
            written.resampled,
        )
        if types.Rows in gives(kind.spec):
            node.rows_from = node
        self.nodes.append(node)
        return node

    def _derive(
        self, name: str, derived: Derived, written: Step, cell: Joined, targets: Mapping[str, set[str]]
    ) -> Node:
        """An input that the planner makes; the same one wherever it is needed again."""
        kind = kinds.find(derived.kind)
        inputs = {field: cell.inputs[field] for field in derived.fields if cell.inputs.get(field)}
        fields = {**derived.settings, **{field: getattr(written.spec, field) for field in derived.fields}}
        inner = kind.spec.model_validate(fields)
        params, _ = params_of(kind.spec, inner, derived.fields)
        read = {f: [[id(e.node), e.column, list(e.pooled)] for e in edges] for f, edges in inputs.items()}
        identity = digest([derived.kind, params, read])
        if identity not in self._hidden:
            axes = {axis for field in derived.fields for axis in cell.brought.get(field, ())}
            axes |= {axis for axis in written.variant.labels if targets[axis] & set(derived.fields)}
            labels = {axis: label for axis, label in cell.labels.items() if axis in axes}
            node = Node(name, labels, kind, inner, params, inputs, {}, _rows_from(inputs))
            self._hidden[identity] = node
            self.nodes.append(node)
        return self._hidden[identity]


def _rows_from(inputs: Mapping[str, list[Edge]]) -> Node | None:
    """Where the rows of a cell come from: its `rows`, else its first input that has any."""
    for edges in (inputs.get("rows", []), *inputs.values()):
        for edge in edges:
            if edge.node.rows_from is not None:
                return edge.node.rows_from
    return None
