"""Checks: those that a study names, and those that are always made."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ws_dsl.plan.cells import told
from ws_dsl.plan.evaluator import Evaluator
from ws_dsl.plan.fields import named as axes_named
from ws_dsl.plan.fields import read_spec
from ws_dsl.plan.mistakes import Broken, accepted, axes_of, names
from ws_dsl.plan.node import Edge, Node, address
from ws_dsl.plan.params import params_of
from ws_dsl.plan.plan import CheckStep
from ws_dsl.plan.variants import Variant
from ws_dsl.specs import kinds
from ws_dsl.specs.document import Path_
from ws_dsl.specs.kind import Check, InputField, Named, input_fields
from ws_dsl.specs.kinds import KindModule
from ws_dsl.specs.reference import parse

_SEVERITIES = ("fail", "warn")


def named(evaluator: Evaluator) -> list[CheckStep]:
    """The checks of the study; each reads all cells of what it names, at once."""
    found: list[CheckStep] = []
    for name, written in evaluator.spec.checks.items():
        try:
            found.append(_check(evaluator, name, written, ("checks", name)))
        except Broken:
            continue
    return found


def always(evaluator: Evaluator) -> list[CheckStep]:
    """The checks that every study gets where it has something for them to look at."""
    found: list[CheckStep] = []
    nodes = list(evaluator.nodes)
    for name in kinds.names():
        if name in evaluator.spec.checks or kinds.verb(name) != "check":
            continue
        kind = kinds.find(name)
        assert issubclass(kind.spec, Check)
        gathered = kind.spec.gather(nodes)
        if gathered is None:
            continue
        spec = kind.spec.model_validate({**gathered.settings, **dict.fromkeys(gathered.inputs, "cells")})
        params, _ = params_of(kind.spec, spec, gathered.inputs)
        params |= told(kind, gathered.inputs)
        node = Node(f"check/{name}", {}, kind, spec, params, gathered.inputs)
        evaluator.nodes.append(node)
        cells = {field: [str(edge.node) for edge in edges] for field, edges in gathered.inputs.items()}
        found.append(CheckStep(name, node, cells, kind.spec.severity))
    return found


def _check(evaluator: Evaluator, name: str, written: Mapping[str, Any], path: Path_) -> CheckStep:
    mistakes = evaluator.mistakes
    kind = evaluator.kind(written, path)
    if kind.verb != "check":
        checks = ", ".join(known for known in kinds.names() if kinds.verb(known) == "check")
        raise mistakes.add((*path, "kind"), "wrong-type", f"{kind.name!r} is no check\nchecks: {checks}")
    severity = written.get("severity", "fail")
    if severity not in _SEVERITIES:
        mistakes.add((*path, "severity"), "not-allowed", "severity is fail or warn")
    fields = {field: value for field, value in written.items() if field not in ("kind", "severity")}
    accepts = input_fields(kind.spec)
    texts: dict[str, list[Any]] = {
        field: value if isinstance(value, list) else [value]
        for field, value in {**_usual(kind), **fields}.items()
        if field in accepts
    }
    firsts = {f: next(iter(found), None) for f, found in texts.items()}
    variant = Variant({}, {**fields, **firsts}, {field: (*path, field) for field in fields})
    spec = read_spec(kind, variant, path, mistakes, ("severity",))
    inputs: dict[str, list[Edge]] = {}
    cells: dict[str, list[str]] = {}
    for field, found in texts.items():
        inputs[field], cells[field] = [], []
        for place, text in enumerate(found):
            at: Path_ = (*path, field, place) if isinstance(fields.get(field), list) else (*path, field)
            edges, addresses = _cells(evaluator, text, accepts[field], field, place, at)
            inputs[field] += edges
            cells[field] += addresses
    for axis, field in axes_named(spec, "axis").items():
        has = {name: None for edges in inputs.values() for edge in edges for name, _ in edge.labels}
        if axis not in has:
            message = f"what the check looks at has no axis {axis!r} ({axes_of(has)})"
            raise mistakes.add((*path, field), "unknown-axis", message)
    if kind.spec.row_columns:
        behind = [edge.node.rows_from for edge in next(iter(inputs.values()))]
        inputs["row_columns"] = [Edge(node) for node in behind if node is not None]
    params, _ = params_of(kind.spec, spec, texts)
    params |= told(kind, inputs)
    node = Node(f"check/{name}", {}, kind, spec, params, inputs, path=path, origin=variant.origin)
    evaluator.nodes.append(node)
    return CheckStep(name, node, cells, severity)


def _usual(kind: KindModule) -> dict[str, str]:
    """What reference fields refer to where nothing is written, such as the model."""
    defaults = {field: kind.spec.model_fields[field].default for field in input_fields(kind.spec)}
    return {field: str(value.reference) for field, value in defaults.items() if isinstance(value, Named)}


def _cells(
    evaluator: Evaluator, text: Any, accepts: InputField, field: str, place: int, path: Path_
) -> tuple[list[Edge], list[str]]:
    """All cells behind one reference, with their addresses."""
    if not isinstance(text, str):
        raise evaluator.mistakes.add(path, "bad-reference", "checks read steps by name")
    relation = evaluator.resolve(text, path)
    if not accepted(relation.types, accepts.accepts):
        message = f"{field!r} takes {names(accepts.accepts)}, and {text!r} is {names(relation.types)}"
        raise evaluator.mistakes.add(path, "wrong-type", message)
    found = [(entry.labels, entry.node) for entry in relation.entries if entry.node is not None]
    column = parse(text).column
    edges = [
        Edge(node, column, (place, index), tuple(labels.items()))
        for index, (labels, node) in enumerate(found)
    ]
    return edges, [address(text, labels) for labels, _ in found]
