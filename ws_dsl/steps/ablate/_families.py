"""What is behind a delta in a plan: the families that were trained, and what was done to it since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.specs import types
from ws_dsl.steps.ablate._parts import AS_TRAINED

_MADE = ("weight_diff",)


def adapters(nodes: Sequence[Any]) -> list[Any]:
    """The nodes of the adapters that deltas (`ws_dsl.plan.node.Node`) were made from."""
    return [node for node in _line(nodes) if types.Adapter in node.types]


def families(nodes: Sequence[Any]) -> list[str]:
    """Families of the adapters behind deltas, sorted."""
    return sorted({node.spec.family.kind for node in adapters(nodes) if hasattr(node.spec, "family")})


def form_lost(nodes: Sequence[Any]) -> str | None:
    """The kind of the ablation after which deltas no longer have the form that was trained."""
    kinds = (node.kind.name for node in _line(nodes) if types.Delta in node.types)
    return next((kind for kind in kinds if kind not in (*AS_TRAINED, *_MADE)), None)


def _line(nodes: Sequence[Any]) -> Iterator[Any]:
    """Deltas, and what they were made from, as far as adapters."""
    for node in nodes:
        yield node
        if types.Delta in node.types:
            yield from _line(
                [edge.node for edge in node.edges() if {types.Delta, types.Adapter} & set(edge.node.types)]
            )
