"""What every kind's result depends on in source, so that no change of it goes unnoticed.

    python -m tests.steps.versions                    records kinds that are new or have a new version
    python -m tests.steps.versions --reason "..."     accepts drifted sources too, with a waiver that says why

The digest is of syntax trees without docstrings, comments, layout and what only type checkers read: of the
kind's own module and of all that it imports, functions' imports included, from `steps`, `models`, `artifacts`
and `specs`. Modules that only declare (`DECLARING`) are left out: what they make of a study is in the keys.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ws_dsl.specs import kinds

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("versions.json")
FOLLOWED = ("ws_dsl.steps", "ws_dsl.models", "ws_dsl.artifacts", "ws_dsl.specs")
DECLARING = frozenset(
    f"ws_dsl.{name}"
    for name in (
        "specs.document",
        "specs.documentation",
        "specs.inspection",
        "specs.kind",
        "specs.kinds",
        "specs.mistakes",
        "specs.reference",
        "specs.source",
        "specs.study",
        "specs.types",
    )
)


def digest(kind: str) -> str:
    """SHA-256 of everything that a kind's result depends on in source."""
    found = hashlib.sha256()
    for module in sorted(dependencies(f"ws_dsl.steps.{kinds.verb(kind)}.{kind}")):
        found.update(f"{module}\n{_normalised(module)}\n".encode())
    return found.hexdigest()


def dependencies(module: str) -> set[str]:
    """Modules that a module needs at run time, itself included."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(name)
    return found


def drifted(record: dict[str, Any]) -> dict[str, str]:
    """Digest of each kind whose source is neither recorded nor waived, though its version is the same."""
    waived = {(waiver["kind"], waiver["digest"]) for waiver in record["waivers"]}
    current = {name: digest(name) for name in kinds.names()}
    return {
        name: found
        for name, found in current.items()
        if name in record["kinds"]
        and record["kinds"][name]["version"] == kinds.find(name).version
        and record["kinds"][name]["digest"] != found
        and (name, found) not in waived
    }


def unrecorded(record: dict[str, Any]) -> list[str]:
    """Kinds that are new, gone, or have another version than is recorded."""
    versions = {name: kinds.find(name).version for name in kinds.names()}
    recorded = {name: entry["version"] for name, entry in record["kinds"].items()}
    return sorted(name for name in {*versions, *recorded} if versions.get(name) != recorded.get(name))


def read() -> dict[str, Any]:
    """The record; empty where there is none."""
    return json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {"kinds": {}, "waivers": []}


def write(reason: str | None) -> None:
    """Records kinds that are new or have a new version; drifted ones too where a reason is given."""
    record = read()
    for name in unrecorded(record):
        record["waivers"] = [waiver for waiver in record["waivers"] if waiver["kind"] != name]
        record["kinds"].pop(name, None)
        if name in kinds.names():
            record["kinds"][name] = {"version": kinds.find(name).version, "digest": digest(name)}
    if reason:
        record["waivers"] += [{"kind": n, "digest": d, "reason": reason} for n, d in drifted(record).items()]
    record["kinds"] = dict(sorted(record["kinds"].items()))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


@cache
def _imports(module: str) -> list[str]:
    found: list[str] = []
    for name in _named(_tree(module)):
        followed = name.startswith(FOLLOWED) and name not in DECLARING
        if followed and _file(name) is not None:
            found.append(name)
    return found


def _named(tree: ast.AST) -> Iterator[str]:
    """Modules that import statements may name, at the top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _normalised(module: str) -> str:
    return ast.dump(_tree(module))


@cache
def _tree(module: str) -> ast.AST:
    file = _file(module)
    assert file is not None
    return _Bare().visit(ast.parse(file.read_text("utf-8")))


def _file(module: str) -> Path | None:
    """Source of a module; None of what is no module, and of packages, which hold no code."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


class _Bare(ast.NodeTransformer):
    """Leaves out docstrings, and what only type checkers read."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            node.body = body[1:]  # pyright: ignore[reportAttributeAccessIssue]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        checking = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if checking else self.generic_visit(node)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reason", help="why drifted sources leave every result as it was")
    write(parser.parse_args().reason)
