"""Commands by name, each imported when it is asked for.

Importing all of them and reading their options takes longer than most of them work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

PLACES = {
    "new": "new:new",
    "run": "run:run",
    "check": "plan:check",
    "plan": "plan:plan",
    "lock": "lock:lock",
    "report": "report:report",
    "show": "show:show",
    "diff": "diff:diff",
    "why": "why:why",
    "explain": "explain:explain",
    "doctor": "doctor:doctor",
    "verify": "verify:verify",
    "gc": "gc:gc",
    "tag": "tag:tag",
    "schema": "site:schema",
    "ls": "ls:list_artifacts",
    "export": "export:export",
    "import": "import_:import_file",
    "push": "push:push",
    "pull": "pull:pull",
    "site": "site:site",
    "vectors": "vectors:vectors",
    "delta": "delta:delta",
}
"""Module of `ws_dsl.cli` and name in it, in the order of the help."""


class Imported(Mapping[str, Any]):
    """The commands; to know their names imports none of them."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = PLACES[name].partition(":")
        found = getattr(import_module(f"ws_dsl.cli.{module}"), attribute)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name)
            group: Any = typer.main.get_command(alone)
            return group.commands[name]
        alone.command(name)(found)
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.commands: Any = Imported()
