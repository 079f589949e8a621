"""`schema`, `site`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ws_dsl.cli.options import SiteDir, open_session
from ws_dsl.cli.output import say

site = typer.Typer(help="The published pages.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(schema)
    app.add_typer(site, name="site")


def schema(
    write: Annotated[bool, typer.Option("--write", help="Write it to site/schema/ instead of printing it.")] = False,
    site: SiteDir = None,
) -> None:
    """Print the JSON Schema of studies, from which editors complete."""
    import json

    from ws_dsl.specs.schema import study_schema

    text = json.dumps(study_schema(), indent=1) + "\n"
    if not write:
        print(text, end="")
        return
    session = open_session(None, site)
    path: Path = session.project.site / "schema" / "study-1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    say(f"wrote {session.project.shown(path)}")


@site.command()
def build(directory: SiteDir = None) -> None:
    """Build the HTML from the committed Markdown; no model is run."""
    from ws_dsl.report.site import build as make

    session = open_session(None, directory)
    built = make(session.project.site)
    say(f"{len(built.pages)} pages: {session.project.shown(built.folder / 'index.html')}")
