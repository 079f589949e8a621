"""`explain`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ws_dsl.cli.address import find_manifest
from ws_dsl.cli.manifest import print_manifest
from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data
from ws_dsl.errors import WsDslError
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
    fields = {
        name: _type(field.annotation) + ("" if field.is_required() else f" = {_default(field.default)}")
        for name, field in kind.spec.model_fields.items()
    }
    if json:
        data({"kind": what, "version": kind.version, "documentation": kind.documentation, "fields": fields})
        return
    print(kind.documentation)
    print("\nFields")
    for name, text in fields.items():
        print(f"    {name}: {text}")


def _default(value: Any) -> str:
    reference = getattr(value, "reference", None)
    return str(reference) if reference is not None else repr(value)


def _type(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for package in ("ws_dsl.specs.kind.", "ws_dsl.specs.types.", "ws_dsl.steps.measure._tokens.", "typing."):
        text = text.replace(package, "")
    return text
