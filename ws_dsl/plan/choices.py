"""Choices applied: of the cells that differ along the axes of a choice, the one that it chose.

Which one is not known while planning. The planner makes one cell that reads the choice and all candidates;
its bytes are those of the candidate that was chosen, so that what reads it is stale only when these change.
"""

from __future__ import annotations

from typing import Any

from ws_dsl.plan.cells import Maker, told
from ws_dsl.plan.node import Edge, Node
from ws_dsl.plan.relation import AxisError, Entry, Labels, Relation, agree, tidy
from ws_dsl.specs import kinds, types


def chosen(relation: Relation, choices: Relation, name: str, step: str, maker: Maker) -> Relation:
    """The cells that a choice leaves; those that it is not about are left out.

    Args:
        relation: What is chosen from.
        choices: Cells of the `choose` step.
        name: Its name.
        step: The step that is chosen from, for messages.
        maker: Makes the nodes.

    Raises:
        AxisError: it is no choice, none of its cells is about a cell, or several are.
    """
    made = [(entry.labels, entry.node) for entry in choices.entries if entry.node is not None]
    if types.Choice not in choices.types:
        raise AxisError("wrong-type", f"{name!r} is no choice; only `choose` gives one")
    first: Any = made[0][1].spec
    along: list[str] = list(first.axes)
    groups: dict[tuple[tuple[str, str], ...], list[Entry]] = {}
    for entry in relation.entries:
        rest = {axis: label for axis, label in entry.labels.items() if axis not in along}
        groups.setdefault(tuple(rest.items()), []).append(entry)
    entries: list[Entry] = []
    for rest, candidates in groups.items():
        labels = dict(rest)
        about = [node for own, node in made if agree(labels, own) and set(own) <= set(labels)]
        if len(about) > 1:
            raise AxisError(
                "ambiguous-choice", f"{len(about)} cells of {name!r} choose among the same cells of {step!r}"
            )
        if about:
            entries.append(Entry(labels, _one(f"{step}/{name}", labels, candidates, about[0], along, maker)))
    if not entries:
        raise AxisError("empty-selection", f"{name!r} chooses no cell of {step!r}")
    axes = {axis: labels for axis, labels in relation.axes.items() if axis not in along}
    dropped = [{a: label for a, label in labels.items() if a not in along} for labels in relation.dropped]
    return tidy(Relation(relation.types, axes, entries, dropped))


def _one(
    step: str, labels: Labels, candidates: list[Entry], choice: Node, along: list[str], maker: Maker
) -> Node | None:
    """The chosen cell; where there is nothing to choose, the only candidate."""
    own = [tuple((a, label) for a, label in entry.labels.items() if a in along) for entry in candidates]
    if len(candidates) == 1 and not own[0]:
        return candidates[0].node
    nodes = [entry.node for entry in candidates]
    if None in nodes:
        raise AxisError("wrong-type", f"{step}: `none` cannot be chosen; leave it out of the candidates")
    kind = kinds.find("chosen")
    of = [
        Edge(node, None, (place,), labels)
        for place, (node, labels) in enumerate(zip(nodes, own, strict=True))
        if node is not None
    ]
    return maker.hidden(
        step,
        labels,
        kind,
        kind.spec.model_validate({"of": "of", "choice": "choice"}),
        told(kind, {"of": of}),
        {"of": of, "choice": [Edge(choice)]},
        {},
    )
