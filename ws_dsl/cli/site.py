"""`site build`, `site check`, `site serve`, `schema`."""

from __future__ import annotations

import json as jsonlib
from contextlib import suppress
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, SiteDir, open_session
from ws_dsl.cli.output import data, say

site = typer.Typer(help="The published pages.", no_args_is_help=True)


@site.command()
def build(directory: SiteDir = None, json: AsJson = False) -> None:
    """Build the HTML from the committed Markdown; no model is run."""
    from ws_dsl.report.site import build as make

    session = open_session(None, directory)
    built = make(session.project.site)
    if json:
        data(
            {
                "site": str(built.folder),
                "pages": [page.as_posix() for page in built.pages],
                "fresh": built.fresh,
            }
        )
    say(f"{len(built.pages)} pages: {session.project.shown(built.folder / 'index.html')}")


@site.command()
def check(directory: SiteDir = None, json: AsJson = False) -> None:
    """Find what is wrong with the built pages: links, anchors, outside requests, missing descriptions, age.

    Exits 1 when something is.
    """
    from ws_dsl.report.links import problems
    from ws_dsl.report.site import is_current

    session = open_session(None, directory)
    folder = session.project.site / "_build"
    if not folder.is_dir():
        raise NothingMatched(f"there is no {session.project.shown(folder)}; try: ws-dsl site build")
    found = problems(folder)
    if not is_current(session.project.site):
        found.insert(0, "the pages are not those of the current sources; try: ws-dsl site build")
    if json:
        data({"site": str(folder), "problems": found})
    else:
        for line in found:
            print(line)
    say(f"{len(found)} {'problem' if len(found) == 1 else 'problems'}")
    if found:
        raise typer.Exit(1)


@site.command()
def serve(
    directory: SiteDir = None,
    port: Annotated[int, typer.Option("--port", help="Port of this machine; 0 takes a free one.")] = 8000,
) -> None:
    """Show the site at an address of this machine; reload a page to see what has changed. Ctrl-C ends it."""
    from ws_dsl.report.serve import Server
    from ws_dsl.report.site import build as make

    session = open_session(None, directory)
    make(session.project.site)
    with Server(session.project.site, port) as server:
        say(f"{server.address} (Ctrl-C ends)")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def schema(
    write: Annotated[
        bool, typer.Option("--write", help="Write it to site/schema/ instead of printing it.")
    ] = False,
    site: SiteDir = None,
) -> None:
    """Print the JSON Schema of studies, from which editors complete."""
    from ws_dsl.specs.schema import study_schema

    text = jsonlib.dumps(study_schema(), indent=1) + "\n"
    if not write:
        print(text, end="")
        return
    session = open_session(None, site)
    path = session.project.site / "schema" / "study-1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    say(f"wrote {session.project.shown(path)}")
