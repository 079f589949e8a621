"""Mistakes that show before any model loads: columns, tokens, sites, worlds, rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ws_dsl.errors import DataError, ModelError, Problem
from ws_dsl.plan.mistakes import names
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.readers import row_columns
from ws_dsl.plan.state import State
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.checkpoint import Shape, defining_files, pieces, shape
from ws_dsl.specs.document import Document, Path_, subject
from ws_dsl.specs.inspection import Complaint
from ws_dsl.specs.kind import gives, marks

Facts = Callable[[str], "dict[str, Json]"]
"""Facts of an artifact that exists, by its key."""


def inspect_plan(plan: Plan, state: State, facts: Facts) -> list[Problem]:
    """Every mistake that kinds find in cells that do not exist yet."""
    found: list[Problem] = []
    seen: set[tuple[int, int]] = set()
    clashes: set[tuple[Node, Node]] = set()
    for node, behind in _too_late(plan):
        message = f"this is made before {names(node.kind.spec.made_before)} may be read, and reads {behind}"
        found.append(_problem(plan.document, node, Complaint("", "made-too-late", message)))
    for node in plan.nodes:
        identity = (id(node.spec), id(node.rows_from))
        if node in state.digests or identity in seen or not node.path:
            continue
        seen.add(identity)
        view = _View(node, state, facts)
        complaints = list(_files(node)) or [*node.kind.spec.inspect(node.spec, view), *_columns(node)]
        found += [_problem(plan.document, node, complaint) for complaint in complaints]
        pair = _pair(node)
        if pair is not None and pair not in clashes and (clash := _clash(*pair, state, facts)) is not None:
            clashes.add(pair)
            field = "rows" if "rows" in node.origin else "model"
            found.append(_problem(plan.document, node, Complaint(field, "wrong-world", clash)))
    return found


def _too_late(plan: Plan) -> Iterator[tuple[Node, Node]]:
    """Cells, one of a step, with something that they may not be made from."""
    told: set[str] = set()
    for node in plan.nodes:
        if not node.kind.spec.made_before or node.step in told:
            continue
        behind, waiting = set[Node](), [edge.node for edge in node.edges()]
        while waiting:
            if (one := waiting.pop()) in behind:
                continue
            behind.add(one)
            waiting += [edge.node for edge in one.edges()]
            if set(one.types) & set(node.kind.spec.made_before):
                told.add(node.step)
                yield node, one
                break


def _problem(document: Document, node: Node, complaint: Complaint) -> Problem:
    """A complaint with the place where its field is written: in the step, or under a label of its `over`."""
    field, *rest = complaint.field.split(".")
    path: Path_ = (*node.origin.get(field, (*node.path, field) if field else node.path), *rest)
    return Problem(document.place(path), complaint.code, subject(path), complaint.message)


def _files(node: Node) -> Iterator[Complaint]:
    """External files that are not there, or not what they should be."""
    for field, file in node.files.items():
        folder = "file" not in (
            marks(type(node.spec), field) if field in type(node.spec).model_fields else ()
        )
        if not file.exists() and node.kind.spec.remote(node.spec) is not None:
            continue
        if not file.exists():
            yield Complaint(field, "missing-file", f"there is no {file}")
        elif folder:
            try:
                defining_files(file)
            except ModelError as error:
                yield Complaint(field, "bad-checkpoint", str(error))
            except NotADirectoryError:
                yield Complaint(field, "bad-checkpoint", f"{file} is no folder")
        elif not file.is_file():
            yield Complaint(field, "missing-file", f"{file} is a folder, and a file is wanted")


def _columns(node: Node) -> Iterator[Complaint]:
    """Row columns that a marked field names and the rows lack."""
    for field in type(node.spec).model_fields:
        name = getattr(node.spec, field)
        if "column" in marks(type(node.spec), field) and isinstance(name, str):
            known = row_columns(node)
            if known is not None and name not in known:
                message = f"the rows have no column {name!r} (columns: {', '.join(known)})"
                yield Complaint(field, "unknown-column", message)


def _pair(node: Node) -> tuple[Node, Node] | None:
    """The rows and the model that meet in a cell."""
    models = node.inputs.get("model", [])
    source = node.rows_from
    if not models or source is None:
        return None
    while "of" in source.inputs and types.Rows in gives(source.kind.spec):
        behind = source.inputs["of"][0].node.rows_from
        if behind is None:
            break
        source = behind
    return source, models[0].node


def _clash(rows: Node, model: Node, state: State, facts: Facts) -> str | None:
    """What is wrong where rows of one world meet a model of another."""
    try:
        data, known = (_facts(node, state, facts).get("world") for node in (rows, model))
    except (DataError, OSError):
        return None
    if data is None or known is None or data == known:
        return None
    return (
        f"the rows of {rows.step!r} speak of the {data} world, and the model knows the {known} one; "
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
        return row_columns(edges[0].node) if edges else None

    def split(self, text: str, field: str = "model") -> list[str] | None:
        folder = self._folder(field)
        if folder is None or not (folder / "tokenizer.json").is_file():
            return None
        return pieces(folder, text)

    def file(self, field: str) -> bytes:
        return self.node.files[field].read_bytes()

    def shape(self) -> Shape | None:
        folder = self._folder("model")
        if folder is None or not (folder / "config.json").is_file():
            return None
        return shape(folder)

    def _folder(self, field: str) -> Path | None:
        edges = self.node.inputs.get(field, [])
        return next(iter(edges[0].node.files.values()), None) if edges else None
