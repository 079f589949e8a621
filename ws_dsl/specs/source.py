"""YAML in, with line numbers.

YAML 1.2, so that `Yes` and `No` are text. Size, depth and number of nodes are bounded, duplicate keys and
non-finite numbers refused, before anything is interpreted.
"""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ws_dsl.errors import Place, Problem, SpecError
from ws_dsl.specs.document import Document, Path_, subject

LARGEST = 1 << 20
DEEPEST = 64
MOST_NODES = 200_000


def read(file: Path) -> Document:
    """Reads a study file and what it extends.

    Raises:
        SpecError: the file cannot be read, is not YAML, or breaks a bound; each with its place.
    """
    document = _read_one(file)
    seen = [file.resolve()]
    while (parent := document.data.pop("extends", None)) is not None:
        place = document.place(("extends",))
        if not isinstance(parent, str):
            raise SpecError([Problem(place, "bad-parent", "extends", "expected the path of one study file")])
        path = (Path(str(place.file)).parent / parent).resolve()
        if path in seen:
            raise SpecError([Problem(place, "cycle", "extends", f"{parent} extends this file in turn")])
        if not path.is_file():
            raise SpecError([Problem(place, "missing-file", "extends", f"there is no file {parent}")])
        seen.append(path)
        document = _merge(_read_one(path), document)
    return document


def _read_one(file: Path) -> Document:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SpecError([Problem(Place(file), "unreadable", "file", error.strerror or str(error))]) from None
    if len(content) > LARGEST:
        raise SpecError([Problem(Place(file), "too-large", "file", f"{len(content)} bytes; at most {LARGEST} are read")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError([Problem(Place(file), "encoding", "file", f"not UTF-8 at byte {error.start}")]) from None
    if deep := _too_deep(text):
        raise SpecError([Problem(Place(file, deep, 1), "too-deep", "file", f"nested deeper than {DEEPEST}")])
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except DuplicateKeyError as error:
        place = _mark(file, error)
        message = f"{str(error.problem).splitlines()[0]}: each key may be written once"
        raise SpecError([Problem(place, "duplicate-key", "file", message)]) from None
    except MarkedYAMLError as error:
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise SpecError([Problem(_mark(file, error), "yaml", "file", message)]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise SpecError([Problem(Place(file), "yaml", "file", str(error).splitlines()[0])]) from None
    if not isinstance(tree, CommentedMap):
        raise SpecError([Problem(Place(file, 1, 1), "no-study", "file", "a study is a mapping: ws, id, question, …")])
    reader = _Reader(file)
    data = reader.plain(tree, (), 0)
    if reader.problems:
        raise SpecError(reader.problems)
    return Document(file, data, reader.places)


def _too_deep(text: str) -> int:
    """Line at which brackets or indentation nest too deep for the parser, or 0."""
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        indent = len(line) - len(line.lstrip(" -"))
        for character in line:
            depth += (character in "[{") - (character in "]}" and depth > 0)
            if depth > DEEPEST:
                return number
        if indent > 4 * DEEPEST:
            return number
    return 0


def _mark(file: Path, error: MarkedYAMLError) -> Place:
    mark: Any = error.problem_mark or error.context_mark
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)


class _Reader:
    def __init__(self, file: Path):
        self.file = file
        self.places: dict[Path_, Place] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def plain(self, value: Any, path: Path_, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES or depth > DEEPEST:
            self._complain(path, "too-large", f"more than {MOST_NODES} values or {DEEPEST} levels (aliases count)")
            raise SpecError(self.problems)
        if isinstance(value, CommentedMap):
            result: dict[str, Any] = {}
            for key, item in value.items():
                name = _key(key)
                line, column = value.lc.key(key) if value.lc.data and key in value.lc.data else (value.lc.line, value.lc.col)
                self.places[(*path, name)] = Place(self.file, line + 1, column + 1)
                result[name] = self.plain(item, (*path, name), depth + 1)
            return result
        if isinstance(value, CommentedSeq):
            items: list[Any] = []
            for index, item in enumerate(value):
                line, column = value.lc.item(index) if value.lc.data else (value.lc.line, value.lc.col)
                self.places[(*path, index)] = Place(self.file, line + 1, column + 1)
                items.append(self.plain(item, (*path, index), depth + 1))
            return items
        return self._scalar(value, path)

    def _scalar(self, value: Any, path: Path_) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                self._complain(path, "not-finite", "numbers must be finite")
            return float(value)
        if isinstance(value, str):
            if not _encodable(value):
                self._complain(path, "encoding", "text holds a lone surrogate")
            return str(value)
        if isinstance(value, date):
            return value.isoformat()[:10]
        self._complain(path, "yaml-type", f"{type(value).__name__} is no JSON value; quote it")
        return None

    def _complain(self, path: Path_, code: str, message: str) -> None:
        place = self.places.get(path, Place(self.file, 1, 1))
        self.problems.append(Problem(place, code, subject(path), message))


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _merge(parent: Document, child: Document) -> Document:
    """Mappings merge by key, scalars and lists replace, null removes."""
    places = dict(parent.places)

    def merge(old: Any, new: Any, path: Path_) -> Any:
        if not (isinstance(old, dict) and isinstance(new, dict)):
            for known in [p for p in places if p[: len(path)] == path]:
                del places[known]
            places.update({p: place for p, place in child.places.items() if p[: len(path)] == path})
            return new
        merged: dict[str, Any] = dict(old)  # pyright: ignore[reportUnknownArgumentType]
        for key, value in new.items():  # pyright: ignore[reportUnknownVariableType]
            here = (*path, key)
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = merge(merged.get(key), value, here)
                places[here] = child.places.get(here, places.get(here, Place(child.file)))
        return merged

    return Document(child.file, merge(parent.data, child.data, ()), places)
