"""Steps side by side: what the kind `stack` stands for."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ws_dsl.plan.mistakes import Mistakes, names
from ws_dsl.plan.relation import Entry, Relation
from ws_dsl.plan.variants import stands_for
from ws_dsl.specs.document import Path_


def stack(
    written: Mapping[str, Any],
    path: Path_,
    resolve: Callable[[str, Path_], Relation],
    mistakes: Mistakes,
) -> Relation:
    """Cells of several steps side by side along a new axis.

    Args:
        written: The step.
        path: Where it is written.
        resolve: The cells behind a reference that is written at a path.
        mistakes: What is wrong with the study.

    Raises:
        Broken: it has a mistake, which is told.
    """
    axis, members = written.get("axis"), written.get("of")
    if isinstance(members, list):
        members = {str(member): member for member in members}
    if (
        not isinstance(axis, str)
        or not isinstance(members, Mapping)
        or not members
        or set(written) - {"kind", "axis", "of"}
    ):
        raise mistakes.add(
            path, "wrong-value", "stack takes axis: NAME and of: {label: reference, …}, nothing else"
        )
    result = Relation(())
    for label, text in members.items():
        here: Path_ = (*path, "of", str(label))
        relation = resolve(str(text), here)
        if axis in relation.axes:
            raise mistakes.add(
                here, "axis-taken", f"{text} has an axis {axis!r} already; rename it: [{axis} as other]"
            )
        if result.types and not set(result.types) & set(relation.types):
            message = f"members are of one type; {text} is {names(relation.types)}, not {names(result.types)}"
            raise mistakes.add(here, "wrong-type", message)
        result.types = relation.types
        result.axes.setdefault(axis, {})[str(label)] = stands_for(text)
        for name, labels in relation.axes.items():
            result.axes.setdefault(name, {}).update(labels)
        result.entries += [
            Entry({axis: str(label), **entry.labels}, entry.node) for entry in relation.entries
        ]
        result.dropped += [{axis: str(label), **labels} for labels in relation.dropped]
    return result
