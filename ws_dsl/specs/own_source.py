"""What a user's kind is made from: its file, and the modules of the project that it imports.

A function that a kind calls changes its results wherever it is written. Modules outside of the project are
libraries: like ours they change with their version, which no key of an own kind names.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ws_dsl.specs.canonical import digest, sha256
from ws_dsl.specs.root import root_of


def source_digest(path: Path, source: bytes) -> str:
    """SHA-256 of a kind's file, or of it with those that it imports, however far back."""
    root = root_of(path)
    found: dict[str, str] = {}
    waiting = [source]
    while waiting:
        for name in _imports(waiting.pop()):
            for file in _files(name, root):
                shown = file.relative_to(root).as_posix()
                if shown not in found:
                    content = file.read_bytes()
                    found[shown] = sha256(content)
                    waiting.append(content)
    return digest([sha256(source), found]) if found else sha256(source)


@cache
def _imports(source: bytes) -> tuple[str, ...]:
    """Dotted names of what a source imports, at its top or within functions; none where it is no Python."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return ()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(name for name in names if name.split(".")[0] != "ws_dsl"))


def _files(name: str, root: Path) -> Iterator[Path]:
    """Files of a module and of the packages that hold it, where Python finds them within a project."""
    parts = name.split(".")
    folders = [Path(entry).resolve() for entry in sys.path]
    for folder in folders:
        if folder.is_relative_to(root) and "site-packages" not in folder.parts:
            for length in range(1, len(parts) + 1):
                stem = folder.joinpath(*parts[:length])
                yield from (
                    file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()
                )
