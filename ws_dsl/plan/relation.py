"""Relations: the cells of a step by their labels, selected, renamed, pooled and joined.

Axes behave as dimensions do in xarray: shared ones are matched by label, others crossed, absent ones
broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.reference import Chosen, Pick, Reference, Rename

Labels = dict[str, str]

SEED = "seed:"
"""What the labels of an axis of seeds stand for begins with this; a bootstrap resamples them."""

MOST_CELLS = 20_000
"""Cells of a step; five times as many in a study."""


class AxisError(ValueError):
    """A selection or join that means nothing; `code` is the slug of the problem."""

    def __init__(self, code: str, message: str):
        self.code = code
        super().__init__(message)


class Entry(NamedTuple):
    """One cell: its labels, and its node (None for an arm that changes nothing)."""

    labels: Labels
    node: Node | None


@dataclass
class Relation:
    """Cells of one step or of a view of it.

    Attributes:
        types: What the cells are.
        axes: Labels of every axis in declared order, each with what it stands for.
        entries: The cells.
        dropped: Partial cells that `except` took away; their partners may be missing.
    """

    types: tuple[type[types.Type], ...]
    axes: dict[str, Labels] = field(default_factory=dict[str, Labels])
    entries: list[Entry] = field(default_factory=list[Entry])
    dropped: list[Labels] = field(default_factory=list[Labels])


def view(
    relation: Relation, reference: Reference, choose: Callable[[Relation, Chosen], Relation]
) -> Relation:
    """Applies the selections, renames and choices of a reference.

    Args:
        relation: The cells of the step.
        reference: The view of them.
        choose: Cells that a choice leaves.

    Raises:
        AxisError: an axis or label that does not exist, a rename onto an axis in use, or nothing left.
    """
    for item in reference.items:
        if isinstance(item, Chosen):
            relation = choose(relation, item)
            continue
        if item.axis not in relation.axes:
            has = ", ".join(relation.axes) or "none"
            raise AxisError("unknown-axis", f"{reference.name} has no axis {item.axis!r} (axes: {has})")
        relation = _pick(relation, item, reference) if isinstance(item, Pick) else _rename(relation, item)
    return relation


def _pick(relation: Relation, pick: Pick, reference: Reference) -> Relation:
    known = relation.axes[pick.axis]
    for label in pick.labels:
        if label not in known:
            raise AxisError(
                "unknown-label", f"axis {pick.axis!r} has no label {label!r} (labels: {', '.join(known)})"
            )

    def keeps(labels: Labels) -> bool:
        return pick.axis in labels and (labels[pick.axis] in pick.labels) != pick.negated

    drops = pick.drops

    def without(labels: Labels) -> Labels:
        return {axis: label for axis, label in labels.items() if axis != pick.axis} if drops else labels

    entries = [Entry(without(entry.labels), entry.node) for entry in relation.entries if keeps(entry.labels)]
    if not entries:
        raise AxisError("empty-selection", f"{reference} selects no cell")
    axes = {axis: labels for axis, labels in relation.axes.items() if not (drops and axis == pick.axis)}
    if not drops:
        axes[pick.axis] = {
            label: what for label, what in known.items() if (label in pick.labels) != pick.negated
        }
    dropped = [without(labels) for labels in relation.dropped if pick.axis not in labels or keeps(labels)]
    return tidy(Relation(relation.types, axes, entries, dropped))


def _rename(relation: Relation, rename: Rename) -> Relation:
    if rename.new in relation.axes:
        raise AxisError("axis-taken", f"there is an axis {rename.new!r} already")

    def renamed(labels: Labels) -> Labels:
        return {rename.new if axis == rename.axis else axis: label for axis, label in labels.items()}

    axes = {rename.new if axis == rename.axis else axis: labels for axis, labels in relation.axes.items()}
    entries = [Entry(renamed(entry.labels), entry.node) for entry in relation.entries]
    return Relation(relation.types, axes, entries, [renamed(labels) for labels in relation.dropped])


def tidy(relation: Relation) -> Relation:
    """Forgets axes and labels that no cell has any more."""
    used: dict[str, set[str]] = {}
    for labels in [entry.labels for entry in relation.entries] + relation.dropped:
        for axis, label in labels.items():
            used.setdefault(axis, set()).add(label)
    axes = {
        axis: {label: what for label, what in labels.items() if label in used[axis]}
        for axis, labels in relation.axes.items()
        if axis in used
    }
    return Relation(relation.types, axes, relation.entries, relation.dropped)


class Group(NamedTuple):
    """Cells that a step takes together: one, or all along the pooled axes."""

    labels: Labels
    edges: list[Edge]


def pool(
    relation: Relation, axes: Iterable[str], column: str | None, labelled: bool
) -> tuple[list[Group], dict[str, Labels]]:
    """Gathers the cells that differ only along the pooled axes.

    Args:
        relation: The cells.
        axes: The pooled axes.
        column: The column that is read of each.
        labelled: Whether what takes them together is told their labels on these axes.
    """
    pooled = [axis for axis in relation.axes if axis in set(axes)]
    order = {axis: {label: i for i, label in enumerate(relation.axes[axis])} for axis in pooled}
    groups: dict[tuple[tuple[str, str], ...], Group] = {}
    for entry in relation.entries:
        rest = {axis: label for axis, label in entry.labels.items() if axis not in pooled}
        places = tuple(order[axis][entry.labels[axis]] if axis in entry.labels else -1 for axis in pooled)
        group = groups.setdefault(tuple(rest.items()), Group(rest, []))
        if entry.node is not None:
            told = tuple((a, label) for a, label in entry.labels.items() if labelled and a in order)
            group.edges.append(Edge(entry.node, column, places, told))
    kept = {axis: labels for axis, labels in relation.axes.items() if axis not in pooled}
    return list(groups.values()), kept


def seeds(relation: Relation, axes: Iterable[str]) -> tuple[int, ...]:
    """Places, among the pooled axes of a relation, of those that vary a seed."""
    wanted = set(axes)
    pooled = [labels.values() for axis, labels in relation.axes.items() if axis in wanted]
    return tuple(i for i, meanings in enumerate(pooled) if all(what.startswith(SEED) for what in meanings))


class Joined(NamedTuple):
    """A cell to be: its labels, what it reads by field, and the axes that each field brought."""

    labels: Labels
    inputs: dict[str, list[Edge]]
    brought: dict[str, tuple[str, ...]]


@dataclass
class Join:
    """Builds the cells of a step, one input after the other.

    Attributes:
        cells: The cells so far.
        axes: Their axes.
        own: Of the axes that the step declares itself, all labels and the present one.
        dropped: Partial cells that are missing on purpose.
    """

    cells: list[Joined]
    axes: dict[str, Labels]
    own: dict[str, tuple[Labels, str]] = field(default_factory=dict[str, tuple[Labels, str]])
    dropped: list[Labels] = field(default_factory=list[Labels])

    def meet(
        self, name: str, groups: list[Group], axes: dict[str, Labels]
    ) -> tuple[list[Group], dict[str, Labels]]:
        """An input as far as it meets the labels that the step varies itself.

        Raises:
            AxisError: the input has a label that the step does not declare.
        """
        met = dict(axes)
        for axis in [axis for axis in axes if axis in self.own]:
            declared, mine = self.own[axis]
            missing = [label for label in axes[axis] if label not in declared]
            if missing:
                message = (
                    f"{name!r} has {axis}={missing[0]}, which over: {axis} lacks; rename: [{axis} as other]"
                )
                raise AxisError("no-partner", message)
            groups = [group for group in groups if group.labels.get(axis, mine) == mine]
            met[axis] = {mine: axes[axis][mine]} if mine in axes[axis] else {}
        return groups, met

    def add(self, name: str, groups: list[Group], axes: dict[str, Labels], dropped: list[Labels]) -> None:
        """Joins the cells of another input.

        Raises:
            AxisError: a label that stands for two things, a cell without a partner, two pairs for one cell.
        """
        groups, axes = self.meet(name, groups, axes)
        for axis in axes:
            for label, what in axes[axis].items():
                mine = self.axes.get(axis, {}).get(label, what)
                if mine != what:
                    message = f"label {label!r} of {axis!r} stands for two things; rename: [{axis} as other]"
                    raise AxisError("ambiguous-axis", message)
        always = [axis for axis in axes if all(axis in g.labels for g in groups)]
        always = [axis for axis in always if all(axis in cell.labels for cell in self.cells)]
        index: dict[tuple[str, ...], list[int]] = {}
        for i, group in enumerate(groups):
            index.setdefault(tuple(group.labels[axis] for axis in always), []).append(i)
        used: set[int] = set()
        cells: list[Joined] = []
        for cell in self.cells:
            partners = [
                i
                for i in index.get(tuple(cell.labels[axis] for axis in always), [])
                if agree(cell.labels, groups[i].labels)
            ]
            if not partners:
                if not _covered(cell.labels, dropped):
                    raise AxisError("no-partner", f"{_text(cell.labels)} has no partner in {name!r}")
                self.dropped.append(cell.labels)
            for i in partners:
                used.add(i)
                labels = {**cell.labels, **groups[i].labels}
                brought = {**cell.brought, name: tuple(groups[i].labels)}
                cells.append(Joined(labels, {**cell.inputs, name: groups[i].edges}, brought))
            if len(cells) > MOST_CELLS:
                raise AxisError("too-large", f"more than {MOST_CELLS} cells; join on an axis, or vary less")
        for i, group in enumerate(groups):
            if i not in used and not _covered(group.labels, self.dropped):
                raise AxisError(
                    "no-partner",
                    f"{_text(group.labels)} of {name!r} has no partner; select the cells that are meant",
                )
        self.cells = cells
        self.dropped += dropped
        for axis, labels in axes.items():
            self.axes.setdefault(axis, {}).update(labels)
        _unique(cells)


def agree(left: Labels, right: Labels) -> bool:
    return all(left[axis] == label for axis, label in right.items() if axis in left)


def _covered(labels: Labels, dropped: list[Labels]) -> bool:
    return any(agree(labels, missing) and set(missing) & set(labels) for missing in dropped)


def _unique(cells: list[Joined]) -> None:
    seen: set[tuple[tuple[str, str], ...]] = set()
    for cell in cells:
        identity = tuple(sorted(cell.labels.items()))
        if identity in seen:
            raise AxisError(
                "duplicate-cell", f"two pairs make the cell {_text(cell.labels)}; rename an axis of one side"
            )
        seen.add(identity)


def _text(labels: Labels) -> str:
    return (
        f"[{', '.join(f'{axis}={label}' for axis, label in labels.items())}]" if labels else "the only cell"
    )
