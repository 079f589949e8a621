"""`import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, RegistryDir, open_session
from ws_dsl.cli.output import counted, data, say
from ws_dsl.run.sharing import import_bundle


def import_file(
    bundle: Annotated[Path, typer.Argument(help="A file that `ws-dsl export` wrote.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", help="Folder for the study's files.", show_default="imported/STUDY of the project"
        ),
    ] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Bring a bundle into the store, so that its study is cached here.

    A bundle in which anything is not what it should be is refused whole.
    """
    session = open_session(registry)
    done = import_bundle(session, bundle, to)
    if json:
        data(
            {
                **done._asdict(),
                "file": str(done.file),
                "code": [str(path) for path in done.code],
            }
        )
        return
    say(f"{done.study}: {counted(done.artifacts, 'artifact')}, {done.new} new in the store")
    if done.foreign:
        say(f"  {done.foreign} foreign: made with another device or other versions than here")
    for key in done.kept:
        say(f"  {key[:12]}: the store has other bytes under this key, which stay")
    for path in done.code:
        say(f"  {session.project.shown(path)} is a program: read it before you run the study")
    say(f"  ws-dsl run {session.project.shown(done.file)}")
