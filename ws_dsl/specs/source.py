"""YAML in, with line numbers.

YAML 1.2, so that `Yes` and `No` are text. Size, depth and number of nodes are bounded, duplicate keys and
non-finite numbers refused, before anything is interpreted.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ws_dsl.errors import Place, Problem, SpecError
from ws_dsl.specs.document import Document, Path_, subject

LARGEST = 1 << 20
DEEPEST = 64
MOST_NODES = 200_000
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
        path = (Path(place.file).parent / parent).resolve()
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
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _refused(Place(file), "unreadable", error.strerror or str(error)) from None
    if len(content) > LARGEST:
        raise _refused(Place(file, 1, 1), "too-large", f"{len(content)} bytes; at most {LARGEST} are read")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        raise _refused(_after(file, before), "encoding", f"not UTF-8 at byte {error.start}") from None
    if directive := re.search(r"^%YAML\s+(?!1\.2\b)", text, re.MULTILINE):
        message = "studies are YAML 1.2; in earlier versions Yes and No are no text"
        raise _refused(_after(file, text[: directive.start()]), "yaml", message)
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    yaml.composer.warn_double_anchors = False
    try:
        root: Any = yaml.compose(text)
    except MarkedYAMLError as error:
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        message = f"nested deeper than {DEEPEST}" if "maximum depth" in message else message
        raise _refused(_mark(file, error), "yaml", message) from None
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


def _after(file: Path, text: str) -> Place:
    """The place that follows a text from the beginning of a file."""
    lines = text.split("\n")
    return Place(file, len(lines), len(lines[-1]) + 1)


def _mark(file: Path, error: MarkedYAMLError) -> Place:
    open_ended = "end of stream" in str(error.problem)
    mark = (error.context_mark if open_ended else None) or error.problem_mark or error.context_mark
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


class _Reader:
    """Plain data out of YAML nodes."""

    def __init__(self, file: Path, constructor: Any):
        self.file = file
        self.constructor = constructor
        self.places: dict[Path_, Place] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def plain(self, node: Any, path: Path_, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES or depth > DEEPEST:
            message = f"more than {MOST_NODES} values or {DEEPEST} levels (aliases count)"
            self._complain(node, path, "too-large", message)
            raise SpecError(self.problems)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            items: list[Any] = []
            for index, item in enumerate(node.value):
                self.places[*path, index] = self._place(item)
                items.append(self.plain(item, (*path, index), depth + 1))
            return items
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: Path_, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[tuple[Any, Any]] = []
        for key, value in node.value:
            if str(key.tag) == _MERGE:
                merged += self._merged(value, path)
                continue
            if not isinstance(key, ScalarNode):
                message = 'a key is text; quote what begins with a bracket, such as "{{claim}}"'
                self._complain(key, path, "bad-key", message)
                continue
            name = str(key.value)
            if name in result:
                message = (
                    f"{name!r} is written in line {self.places[*path, name].line} already; once is enough"
                )
                self._complain(key, (*path, name), "duplicate-key", message)
                continue
            self.places[*path, name] = self._place(key)
            result[name] = self.plain(value, (*path, name), depth + 1)
        for key, value in merged:
            name = str(key.value)
            if name not in result:
                self.places[*path, name] = self._place(key)
                result[name] = self.plain(value, (*path, name), depth + 1)
        return result

    def _merged(self, value: Any, path: Path_) -> list[tuple[Any, Any]]:
        """Entries that `<<` brings from one mapping or several."""
        sources: list[Any] = value.value if isinstance(value, SequenceNode) else [value]
        if not all(isinstance(source, MappingNode) for source in sources):
            self._complain(value, path, "bad-key", "<< takes a mapping, or a list of mappings")
            return []
        return [entry for source in sources for entry in source.value if isinstance(entry[0], ScalarNode)]

    def _scalar(self, node: Any, path: Path_) -> Any:
        text = str(node.value)
        match str(node.tag).removeprefix(_CORE):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                try:
                    return int(self.constructor.construct_yaml_int(node))
                except ValueError:
                    return self._complain(
                        node, path, "yaml-type", f"{text[:20]}… is too long a number; quote it"
                    )
            case "float":
                number = float(self.constructor.construct_yaml_float(node))
                if not math.isfinite(number):
                    return self._complain(node, path, "not-finite", "numbers must be finite")
                return number
            case "str" | "timestamp" | "value":
                try:
                    text.encode()
                except UnicodeEncodeError:
                    return self._complain(node, path, "encoding", "text holds a lone surrogate")
                return text
            case tag:
                return self._complain(node, path, "yaml-type", f"{tag} is no tag of a study; quote the text")

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

    return Document(child.file, merge(parent.data, child.data, ()), places)
