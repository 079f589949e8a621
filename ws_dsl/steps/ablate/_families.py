"""What is behind a delta in a plan: the families that were trained, and what was done to it since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.specs import types
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.ablate._parts import AS_TRAINED

_MADE = ("weight_diff",)


def trained(edges: Sequence[Any]) -> list[Any]:
    """Specs of the adapters that the deltas at these edges (`ws_dsl.plan.node.Edge`) were made from."""
    specs = [node.spec for node in _line(edges) if types.Adapter in node.types]
    return [spec for spec in specs if hasattr(spec, "family")]


def families(edges: Sequence[Any]) -> list[str]:
    """Families of the adapters behind deltas, sorted."""
    return sorted({spec.family.kind for spec in trained(edges)})


def untouched(edges: Sequence[Any], modules: Sequence[Matrix]) -> str | None:
    """The family of an adapter behind deltas that was trained on none of these matrices, or None."""
    for spec in trained(edges):
        if not set(spec.modules or spec.family.usual) & set(modules):
            return spec.family.kind
    return None


def form_lost(edges: Sequence[Any]) -> str | None:
    """The kind of the ablation after which deltas no longer have the form that was trained."""
    kinds = (node.kind.name for node in _line(edges) if types.Delta in node.types)
    return next((kind for kind in kinds if kind not in (*AS_TRAINED, *_MADE)), None)


def _line(edges: Sequence[Any]) -> Iterator[Any]:
    """Deltas, and what they were made from, as far as adapters."""
    for node in (edge.node for edge in edges):
        if types.Delta in node.types:
            yield node
            yield from _line(node.edges())
        elif types.Adapter in node.types:
            yield node
