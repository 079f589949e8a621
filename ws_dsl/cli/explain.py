"""`explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from ws_dsl.cli.address import find_manifest
from ws_dsl.cli.manifest import print_manifest
from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data
from ws_dsl.errors import WsDslError
from ws_dsl.report.fields import fields
from ws_dsl.specs import kinds


def explain(
    what: Annotated[str, typer.Argument(help="A kind, or the beginning of a key.")],
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Print what a kind does, or what an artifact was made from."""
    session = open_session(registry)
    kinds.use_folder(session.project.root / "experiments" / "kinds")
    if what not in kinds.names():
        try:
            manifest = find_manifest(session, what)
        except WsDslError:
            raise NothingMatched(str(kinds.UnknownKind(what, kinds.names()))) from None
        print_manifest(session, manifest, json)
        return
    kind = kinds.find(what)
    taken = fields(kind)
    if json:
        data(
            {
                "kind": what,
                "version": kind.version,
                "documentation": kind.documentation,
                "fields": {field.name: field._asdict() for field in taken},
            }
        )
        return
    print(kind.documentation)
    print("\nFields")
    for field in taken:
        default = {None: "required", "": "optional"}.get(field.default, f"default {field.default}")
        print(f"    {field.name}: {field.type.replace('`', '')}; {default}")
