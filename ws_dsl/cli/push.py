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
    study: Shared = None, remote: RemoteUrl = None, registry: RegistryDir = None, json: AsJson = False
) -> None:
    """Bring the latest run of a study, or the whole store, to a shared store.

    What is there already is not sent again. Exits 3 when there is nothing to send.
    """
    session = open_session(registry)
    there = open_remote(session, remote)
    try:
        keys = latest_keys(session.store, id_of(session, study)) if study else session.store.keys()
    except MissingError as error:
        raise NothingMatched(str(error)) from None
    if not keys:
        raise NothingMatched(f"there is no artifact in {session.store.root}")
    done = transfer.push(session.store, there, keys, say)
    if json:
        data({"remote": there.url, **asdict(done)})
        return
    sent = f"{counted(done.artifacts, 'artifact')} sent, {done.present} there before"
    say(f"{there.url}: {sent}; {counted(done.objects, 'object')}, {size_of(done.bytes)}")


def id_of(session: Session, study: str) -> str:
    """The id of a study, given its file or the id itself."""
    if Path(study).is_file() or Path(study).suffix:
        return find_study(session, study).plan.spec.id
    return study
