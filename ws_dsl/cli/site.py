"""`site build`, `schema`."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, SiteDir, open_session
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
