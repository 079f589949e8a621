"""`tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from ws_dsl.cli.address import find_key
from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data, say, table
from ws_dsl.errors import MissingError, WsDslError
from ws_dsl.registry.store import Store


def tag(
    name: Annotated[str | None, typer.Argument(help="The tag; all tags are listed without one.")] = None,
    what: Annotated[
        str | None, typer.Argument(help="A study's id, for its latest run, or the beginning of a key.")
    ] = None,
    delete: Annotated[str | None, typer.Option("--delete", help="Forget this tag.", metavar="NAME")] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Keep an artifact, or the latest run of a study with all its cells, through every `gc`."""
    store = open_session(registry).store
    if delete is not None:
        _delete(store, delete)
    elif name is not None:
        if what is None:
            raise WsDslError(f"what is {name} to name? ws-dsl tag {name} STUDY, or ws-dsl tag {name} KEY")
        store.tag(name, _key(store, what))
    _show(store, json)


def _delete(store: Store, name: str) -> None:
    try:
        store.untag(name)
    except MissingError as error:
        raise NothingMatched(str(error)) from None


def _key(store: Store, what: str) -> str:
    runs = store.catalogue.runs(what)
    return runs[0].key if runs else find_key(store, what)


def _show(store: Store, json: bool) -> None:
    runs = {run.key: run for run in store.catalogue.runs()}
    kinds = {entry.key: entry.kind for entry in store.catalogue.artifacts()}
    found = [
        {
            "tag": name,
            "key": key,
            "kind": kinds.get(key),
            "study": runs[key].study if key in runs else None,
            "time": runs[key].created if key in runs else None,
        }
        for name, key in store.tags().items()
    ]
    if json:
        data({"tags": found})
        return
    if not found:
        say("no tags")
        return
    rows = [
        [
            str(one["tag"]),
            str(one["key"])[:12],
            f"run of {one['study']} at {str(one['time'])[:19]}"
            if one["study"]
            else str(one["kind"] or "gone"),
        ]
        for one in found
    ]
    table(["tag", "key", "what"], rows)
