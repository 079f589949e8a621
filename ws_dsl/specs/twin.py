"""Studies in Python: classes whose attributes are steps.

A class becomes the same document that its YAML twin is read into, and takes the same way from there; so the
same content has the same keys.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from ws_dsl.errors import Place, Problem, SpecError
from ws_dsl.specs.document import Document, Path_
from ws_dsl.specs.kind import ChosenBy, Kind, Named, Ref, View, varied
from ws_dsl.specs.reference import Chosen, Item, Reference


class Study:
    """Base of studies written in Python.

    Attributes that are steps (kinds, or views of them) make up the study; `model` is the step of that
    reserved name. `id`, `question`, `registered`, `checks`, `rules` and `report` are as in YAML.
    """

    id: ClassVar[str]
    question: ClassVar[str]
    registered: ClassVar[str | None] = None
    checks: ClassVar[Mapping[str, Any]] = {}
    rules: ClassVar[Mapping[str, Any]] = {}
    report: ClassVar[Mapping[str, Any]] = {}


class Patch:
    """Fields that are set together under one label: `Patch(system=..., over={...})`."""

    def __init__(self, **fields: Any):
        self.fields = fields


def read_python(file: Path) -> Document:
    """The document of the only study in a Python file.

    Raises:
        SpecError: the file fails to import, or holds no study or several.
    """
    spec = importlib.util.spec_from_file_location(f"ws_dsl_study_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's file may fail in any way, and is reported with its line
        raise SpecError(
            [Problem(_failed(file, error), "python", file.stem, f"{type(error).__name__}: {error}")]
        ) from error
    mine = [
        v
        for v in vars(module).values()
        if isinstance(v, type) and issubclass(v, Study) and v.__module__ == spec.name
    ]
    leaves = [study for study in mine if not any(study in other.__mro__[1:] for other in mine)]
    if len(leaves) != 1:
        found = ", ".join(study.__name__ for study in leaves) or "none"
        raise SpecError(
            [
                Problem(
                    Place(file, 1, 1), "no-study", file.stem, f"a file holds one study class (found: {found})"
                )
            ]
        )
    return document_of(leaves[0], file)


def document_of(study: type[Study], file: Path) -> Document:
    """A study class as a document, each step placed at its assignment."""
    attributes: dict[str, Any] = {}
    for base in reversed(study.__mro__):
        attributes.update({name: value for name, value in vars(base).items() if not name.startswith("_")})
    steps: dict[str, Ref[Any]] = {n: value for n, value in attributes.items() if isinstance(value, Ref)}
    writer = _Writer({id(value): name for name, value in steps.items()})
    data: dict[str, Any] = {"ws": 1}
    for name in ("id", "question", "registered", "checks", "rules", "report"):
        value = attributes.get(name)
        if value:
            data[name] = writer.plain(value)
    if "model" in steps:
        data["model"] = writer.step(steps.pop("model"))
    data["steps"] = {name: writer.step(value) for name, value in steps.items()}
    lines = _lines(file, study.__name__)
    places: dict[Path_, Place] = {}
    for name, line in lines.items():
        path: Path_ = ("steps", name) if name in data["steps"] else (name,)
        places[path] = Place(file, line, 5)
    return Document(file, data, places)


class _Writer:
    """Writes references by the names of the steps they point to."""

    def __init__(self, names: dict[int, str]):
        self.names = names

    def step(self, value: Ref[Any]) -> Any:
        return self._kind(value) if isinstance(value, Kind) else self.reference(value)

    def reference(self, value: Ref[Any]) -> Any:
        if isinstance(value, Named):
            return str(value.reference)
        return self._view(value) if isinstance(value, View) else self._kind(value)

    def _view(self, value: View[Any]) -> str:
        items = list(value.items)
        column, base = value.picked, value.base
        while isinstance(base, View) and id(base) not in self.names:
            items = [*base.items, *items]
            column = column or base.picked
            base = base.base
        name = self.names.get(id(base))
        if name is None:
            raise ValueError("a view is of a step that is no attribute of the study; give it a name")
        return str(Reference(name, tuple(self._item(item) for item in items), column))

    def _item(self, item: Item | ChosenBy) -> Item:
        if not isinstance(item, ChosenBy):
            return item
        name = self.names.get(id(item.choice))
        if name is None:
            raise ValueError("a choice is of a step that is no attribute of the study; give it a name")
        return Chosen(name)

    def _kind(self, value: Any) -> dict[str, Any]:
        written: dict[str, Any] = value.__dict__["written"]
        fields = {name.rstrip("_"): self.plain(item) for name, item in written.items() if item is not varied}
        return {"kind": _snake(type(value).__name__), **fields}

    def plain(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.names.get(id(value)) or self.reference(value)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, Patch):
            return {name.rstrip("_"): self.plain(item) for name, item in value.fields.items()}
        if isinstance(value, BaseModel):
            return {name: self.plain(getattr(value, name)) for name in value.model_fields_set}
        if isinstance(value, Mapping):
            return {str(name): self.plain(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(value, (list, tuple)):
            return [self.plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return value


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _lines(file: Path, name: str) -> dict[str, int]:
    """Line of every assignment in a class."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for statement in node.body:
                targets: list[ast.expr] = []
                if isinstance(statement, ast.Assign):
                    targets = [
                        t
                        for target in statement.targets
                        for t in (target.elts if isinstance(target, ast.Tuple) else [target])
                    ]
                elif isinstance(statement, ast.AnnAssign):
                    targets = [statement.target]
                found.update(
                    {target.id: statement.lineno for target in targets if isinstance(target, ast.Name)}
                )
    return found


def _failed(file: Path, error: Exception) -> Place:
    line = error.lineno or 1 if isinstance(error, SyntaxError) else 1
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return Place(file, line, 1)
