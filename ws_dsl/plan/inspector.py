"""Mistakes that show before any model loads: columns, tokens, sites, worlds, rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ws_dsl.errors import DataError, ModelError, Problem
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.checkpoint import Shape
from ws_dsl.specs.document import Path_, subject
from ws_dsl.specs.kind import gives

Facts = Callable[[str], "dict[str, Json]"]
"""Facts of an artifact that exists, by its key."""


def inspect_plan(plan: Plan, state: State, facts: Facts) -> list[Problem]:
    """Every mistake that kinds find in cells that do not exist yet."""
    found: list[Problem] = []
    seen: set[tuple[int, int]] = set()
    for node in plan.nodes:
        identity = (id(node.spec), id(node.rows_from))
        if node in state.digests or identity in seen or "/" in node.step:
            continue
        seen.add(identity)
        view = _View(node, state, facts)
        for field, file in node.files.items():
            if not file.exists():
                found.append(_problem(plan, node, field, "missing-file", f"there is no {file}"))
        if any(not file.exists() for file in node.files.values()):
            continue
        for complaint in node.kind.spec.inspect(node.spec, view):
            found.append(_problem(plan, node, complaint.field, complaint.code, complaint.message))
        if (clash := _worlds(node, state, facts)) is not None:
            found.append(_problem(plan, node, "", "wrong-world", clash))
    return found


def _problem(plan: Plan, node: Node, field: str, code: str, message: str) -> Problem:
    path = _written(plan, node, field)
    return Problem(plan.document.place(path), code, subject(path), message)


def _written(plan: Plan, node: Node, field: str) -> Path_:
    """Where a field of a cell is written: in the step, or under the labels of its `over`."""
    base: Path_ = ("model",) if node.step == "model" else ("steps", node.step)
    parts = tuple(field.split(".")) if field else ()
    if not parts or (*base, parts[0]) in plan.document.places:
        return (*base, *parts)
    for path in plan.document.places:
        inside = path[: len(base)] == base and len(path) > len(base) and path[len(base)] == "over"
        names_field = path[-1] == parts[0] or str(path[-1]).split(" as ")[0] == parts[0]
        if inside and names_field:
            label = next((label for label in node.labels.values() if (*path, label) in plan.document.places), None)
            return (*path, label) if label is not None else path
    return base


def _worlds(node: Node, state: State, facts: Facts) -> str | None:
    """What is wrong where rows of one world meet a model of another."""
    models = node.inputs.get("model", [])
    if not models or node.rows_from is None:
        return None
    source = node.rows_from
    while "of" in source.inputs and types.Rows in gives(source.kind.spec) and source.inputs["of"][0].node.rows_from:
        source = source.inputs["of"][0].node.rows_from
    try:
        data, model = (_facts(n, state, facts).get("world") for n in (source, models[0].node))
    except (DataError, OSError):
        return None
    if data is None or model is None or data == model:
        return None
    return (
        f"the rows of {source.step!r} speak of the {data} world, and the model knows the {model} one; "
        f"give the step rows of its world, or another model with --model"
    )


def _facts(node: Node, state: State, facts: Facts) -> dict[str, Json]:
    if node in state.digests:
        return facts(state.keys[node])
    return node.kind.spec.foresee(node.spec, _View(node, state, facts))


class _View:
    """What a kind may look at (`ws_dsl.specs.inspection.Inspection`)."""

    def __init__(self, node: Node, state: State, facts: Facts):
        self.node = node
        self.state = state
        self.facts = facts

    def columns(self, field: str) -> dict[str, str] | None:
        edges = self.node.inputs.get(field, [])
        source = edges[0].node.rows_from if edges else None
        while source is not None and source.kind.name != "dataset":
            of = source.inputs.get("of", [])
            source = of[0].node.rows_from if of else None
        if source is None:
            return None
        spec = source.spec
        keys: list[str] = [spec.key] if isinstance(spec.key, str) else spec.key  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        return {**dict.fromkeys(keys, "key"), **spec.columns}  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    def split(self, text: str, field: str = "model") -> list[str] | None:
        folder = self._folder(field)
        if folder is None or not (folder / "tokenizer.json").is_file():
            return None
        from ws_dsl.specs.checkpoint import pieces

        return pieces(folder, text)

    def file(self, field: str) -> bytes:
        return self.node.files[field].read_bytes()

    def shape(self) -> Shape | None:
        folder = self._folder("model")
        if folder is None:
            return None
        from ws_dsl.specs.checkpoint import shape

        try:
            return shape(folder)
        except (OSError, ModelError):
            return None

    def _folder(self, field: str) -> Path | None:
        edges = self.node.inputs.get(field, [])
        return next(iter(edges[0].node.files.values()), None) if edges else None
