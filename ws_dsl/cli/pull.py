"""`pull`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, RemoteUrl, open_remote, open_session
from ws_dsl.cli.output import counted, data, say, size_of
from ws_dsl.cli.push import Shared, id_of
from ws_dsl.errors import MissingError
from ws_dsl.registry import transfer


def pull(
    study: Shared = None, remote: RemoteUrl = None, registry: RegistryDir = None, json: AsJson = False
) -> None:
    """Bring the latest run of a study, or everything, from a shared store.

    What is not what it should be when it arrives is refused and named, and the exit code is 1.
    Exits 3 when there is nothing, or not this study.
    """
    session = open_session(registry)
    there = open_remote(session, remote)
    try:
        if study:
            done = transfer.pull_study(session.store, there, id_of(session, study), say)
        else:
            keys = there.keys()
            if not keys:
                raise NothingMatched(f"there is no artifact at {there.url}")
            done = transfer.pull(session.store, there, keys, say)
    except MissingError as error:
        raise NothingMatched(str(error)) from None
    if json:
        data({"remote": there.url, **asdict(done)})
    else:
        came = f"{counted(done.artifacts, 'artifact')} came, {done.present} here before"
        say(f"{there.url}: {came}; {counted(done.objects, 'object')}, {size_of(done.bytes)}")
        for line in done.refused:
            say(f"  {line}")
    if done.refused:
        raise typer.Exit(1)
