"""`push`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, RemoteUrl, open_remote, open_session
from ws_dsl.cli.output import counted, data, say, size_of
from ws_dsl.cli.report import find_study
from ws_dsl.errors import MissingError
from ws_dsl.registry import transfer
from ws_dsl.run.session import Session
from ws_dsl.run.sharing import latest_keys

Shared = Annotated[
    str | None, typer.Argument(help="A study's file, or its id; everything where it is not given.")
]


def push(
    study: Shared = None,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also read the objects that are there, and send anew those that are wrong."
        ),
    ] = False,
    remote: RemoteUrl = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Bring the latest run of a study, or the whole store, to a shared store.

    What is there already is not sent again. Exits 1 when an artifact is there with other bytes, which stay
    there, and 3 when there is nothing to send.
    """
    session = open_session(registry)
    there = open_remote(session, remote)
    try:
        keys = latest_keys(session.store, id_of(session, study)) if study else session.store.keys()
    except MissingError as error:
        raise NothingMatched(str(error)) from None
    if not keys:
        raise NothingMatched(f"there is no artifact in {session.store.root}")
    done = transfer.push(session.store, there, keys, say, deep)
    if json:
        data({"remote": there.url, **asdict(done)})
    else:
        sent = f"{counted(done.artifacts, 'artifact')} sent, {done.present} there before"
        mended = f"; {done.mended} of them were there and wrong" if done.mended else ""
        say(f"{there.url}: {sent}; {counted(done.objects, 'object')}, {size_of(done.bytes)}{mended}")
        for line in done.conflicts:
            say(f"  {line}")
    if done.conflicts:
        raise typer.Exit(1)


def id_of(session: Session, study: str) -> str:
    """The id of a study, given its file or the id itself."""
    if Path(study).is_file() or Path(study).suffix:
        return find_study(session, study).plan.spec.id
    return study
