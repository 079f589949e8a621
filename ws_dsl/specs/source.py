"""YAML in, with line numbers.

YAML 1.2, so that `Yes` and `No` are text. Size, depth and number of nodes are bounded while they are read, so
that a hostile file costs a second or two; duplicate keys and non-finite numbers are refused before anything
is interpreted. Anchors and aliases are written out within the same bounds.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ws_dsl.errors import Place, Problem, SpecError
from ws_dsl.specs.document import Document, Path_, short, subject
from ws_dsl.specs.root import OWN

LARGEST = 1 << 20
DEEPEST = 64
MOST_NODES = 50_000
_WIDEST = 1 << 63
_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"


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
            raise _refused(place, "bad-parent", "expected the path of one study file", "extends")
        try:
            path = document.resolve(parent, ("extends",))
        except ValueError as error:
            raise _refused(place, "bad-parent", str(error), "extends") from None
        if not path.is_relative_to(document.root):
            message = f"{parent} is outside the project {document.root}; "
            message += f"mark a folder that holds both with an empty {OWN}"
            raise _refused(place, "bad-path", message, "extends")
        if path in seen:
            raise _refused(place, "cycle", f"{parent} extends this file in turn", "extends")
        if not path.is_file():
            raise _refused(place, "missing-file", f"there is no file {parent}", "extends")
        seen.append(path)
        document = _merge(_read_one(path), document)
    return document


def _refused(place: Place, code: str, message: str, what: str = "file") -> SpecError:
    return SpecError([Problem(place, code, what, message)])


def _read_one(file: Path) -> Document:
    text = _text(file)
    if directive := re.search(r"^%YAML\s+(?!1\.2\b)", text, re.MULTILINE):
        message = "studies are YAML 1.2; in earlier versions Yes and No are no text"
        raise _refused(_after(file, text[: directive.start()]), "yaml", message)
    # The scanner hands these to `chr` unseen.
    if escape := re.search(r"\\U(?!0010|000[0-9A-Fa-f])[0-9A-Fa-f]{8}", text):
        raise _refused(_after(file, text[: escape.start()]), "yaml", f"{escape[0]} is no character")
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    yaml.Composer = _Composer
    yaml.composer.warn_double_anchors = False
    try:
        root: Any = yaml.compose(text)
    except MarkedYAMLError as error:
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        message = f"nested deeper than {DEEPEST}" if "maximum depth" in message else message
        raise _refused(_mark(file, error), "yaml", short(message)) from None
    except ReaderError as error:
        character = chr(error.character)
        message = f"character {character!r} is not allowed in YAML; write an escape in double quotes"
        raise _refused(_after(file, text[: error.position]), "yaml", message) from None
    except RecursionError:
        raise _refused(Place(file, 1, 1), "yaml", f"nested deeper than {DEEPEST}") from None
    if not isinstance(root, MappingNode):
        raise _refused(Place(file, 1, 1), "no-study", "a study is a mapping: ws, id, question, model, steps")
    reader = _Reader(file, yaml.constructor)
    data = reader.plain(root, (), 0)
    if reader.problems:
        raise SpecError(reader.problems)
    return Document(file, data, reader.places)


def _text(file: Path) -> str:
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise _refused(Place(file), "unreadable", "the name of the file is no UTF-8; rename it") from None
    try:
        if file.exists() and not file.is_file():
            raise _refused(Place(file), "unreadable", "a study is an ordinary file")
        size = file.stat().st_size
        if size > LARGEST:
            raise _refused(Place(file, 1, 1), "too-large", f"{size} bytes; at most {LARGEST} are read")
        content = file.read_bytes()
    except OSError as error:
        raise _refused(Place(file), "unreadable", error.strerror or str(error)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        raise _refused(_after(file, before), "encoding", f"not UTF-8 at byte {error.start}") from None


def _after(file: Path, text: str) -> Place:
    """The place that follows a text from the beginning of a file."""
    lines = text.split("\n")
    return Place(file, len(lines), len(lines[-1]) + 1)


def _mark(file: Path, error: MarkedYAMLError) -> Place:
    open_ended = "end of stream" in str(error.problem)
    mark = (error.context_mark if open_ended else None) or error.problem_mark or error.context_mark
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


class _Composer(Composer):
    """Composes nodes, up to a number of them."""

    def __init__(self, loader: Any = None):
        super().__init__(loader=loader)
        self.nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            mark = self.parser.peek_event().start_mark
            raise ComposerError(None, None, f"more than {MOST_NODES} values", mark)
        return super().compose_node(parent, index)


class _Reader:
    """Plain data out of YAML nodes."""

    def __init__(self, file: Path, constructor: Any):
        self.file = file
        self.constructor = constructor
        self.places: dict[Path_, Place] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def plain(self, node: Any, path: Path_, depth: int) -> Any:
        self._count(node, path, depth)
        tag = str(node.tag).removeprefix(_CORE)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth) if tag == "map" else self._strange(node, path, tag)
        if isinstance(node, SequenceNode):
            return self._sequence(node, path, depth) if tag == "seq" else self._strange(node, path, tag)
        return self._scalar(node, path, tag)

    def _count(self, node: Any, path: Path_, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES or depth > DEEPEST:
            message = f"more than {MOST_NODES} values or {DEEPEST} levels (aliases count)"
            self._complain(node, path, "too-large", message)
            raise SpecError(self.problems)

    def _sequence(self, node: Any, path: Path_, depth: int) -> list[Any]:
        items: list[Any] = []
        for index, item in enumerate(node.value):
            self.places[*path, index] = self._place(item)
            items.append(self.plain(item, (*path, index), depth + 1))
        return items

    def _mapping(self, node: Any, path: Path_, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[tuple[Any, Any]] = []
        for key, value in node.value:
            if str(key.tag) == _MERGE:
                merged += self._merged(value, path, depth + 1)
                continue
            name = self._key(key, path)
            if name in result:
                message = (
                    f"{name!r} is written in line {self.places[*path, name].line} already; once is enough"
                )
                self._complain(key, (*path, name), "duplicate-key", message)
            elif name is not None:
                self.places[*path, name] = self._place(key)
                result[name] = self.plain(value, (*path, name), depth + 1)
        for key, value in merged:
            name = self._key(key, path)
            if name is not None and name not in result:
                self.places[*path, name] = self._place(key)
                result[name] = self.plain(value, (*path, name), depth + 1)
        return result

    def _key(self, key: Any, path: Path_) -> str | None:
        """The text of a key; None where it is none, which is told."""
        if not isinstance(key, ScalarNode):
            message = 'a key is text; quote what begins with a bracket, such as "{{claim}}"'
            return self._complain(key, path, "bad-key", message)
        return self._characters(key, path)

    def _merged(self, value: Any, path: Path_, depth: int) -> list[tuple[Any, Any]]:
        """Entries that `<<` brings from one mapping or several, and what those bring; the nearest first."""
        self._count(value, path, depth)
        sources: list[Any] = value.value if isinstance(value, SequenceNode) else [value]
        entries: list[tuple[Any, Any]] = []
        for source in sources:
            if not isinstance(source, MappingNode):
                self._complain(source, path, "bad-key", "<< takes a mapping, or a list of mappings")
                return []
            inner = [entry for entry in source.value if str(entry[0].tag) == _MERGE]
            entries += [entry for entry in source.value if str(entry[0].tag) != _MERGE]
            for _, behind in inner:
                entries += self._merged(behind, path, depth + 1)
        return entries

    def _scalar(self, node: Any, path: Path_, tag: str) -> Any:
        text = str(node.value)
        match tag:
            case "null" if text in ("", "~", "null", "Null", "NULL"):
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" | "float":
                return self._number(node, path, tag)
            case "str" | "timestamp" | "value" | "merge":
                return self._characters(node, path)
            case _:
                return self._strange(node, path, tag)

    def _number(self, node: Any, path: Path_, tag: str) -> int | float | None:
        try:
            if tag == "int":
                whole = int(self.constructor.construct_yaml_int(node))
                if -_WIDEST <= whole < _WIDEST:
                    return whole
                message = f"{short(str(node.value), 20)} is beyond 64 bits; quote it"
                return self._complain(node, path, "yaml-type", message)
            number = float(self.constructor.construct_yaml_float(node))
        except ValueError:
            message = f"{short(str(node.value), 20)} is no number that can be read; quote it"
            return self._complain(node, path, "yaml-type", message)
        return (
            number
            if math.isfinite(number)
            else self._complain(node, path, "not-finite", "numbers must be finite")
        )

    def _characters(self, node: Any, path: Path_) -> str | None:
        """Text, with the pairs of surrogates that JSON writes put together."""
        text = str(node.value)
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            return self._complain(node, path, "encoding", "text holds a lone surrogate")

    def _strange(self, node: Any, path: Path_, tag: str) -> None:
        self._complain(node, path, "yaml-type", f"{short(tag)} is no tag of a study; quote the text")

    def _place(self, node: Any) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _complain(self, node: Any, path: Path_, code: str, message: str) -> None:
        self.problems.append(Problem(self._place(node), code, subject(path) or "file", message))


def _merge(parent: Document, child: Document) -> Document:
    """Mappings merge by key, scalars and lists replace, null removes."""
    places = dict(parent.places)

    def replace(path: Path_) -> None:
        for known in [p for p in places if p[: len(path)] == path]:
            del places[known]
        places.update({p: place for p, place in child.places.items() if p[: len(path)] == path})

    def merge(old: dict[str, Any], new: dict[str, Any], path: Path_) -> dict[str, Any]:
        merged = dict(old)
        for key, value in new.items():
            here = (*path, key)
            if value is None and key in old:
                del merged[key]
            elif isinstance(value, dict) and isinstance(old.get(key), dict):
                places[here] = child.places[here]
                merged[key] = merge(old[key], value, here)
            else:
                replace(here)
                merged[key] = value
        return merged

    read = {parent.file} | parent.read | child.read
    return Document(child.file, merge(parent.data, child.data, ()), places, read)
