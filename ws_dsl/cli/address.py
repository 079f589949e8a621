"""What a user names: the cells of a step of a study, or an artifact by the beginning of its key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ws_dsl.cli.options import NothingMatched
from ws_dsl.errors import MissingError, RegistryError, WsDslError
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store
from ws_dsl.run.project import studies
from ws_dsl.run.session import Opened, Session

Address = Annotated[
    str, typer.Argument(help="STUDY:STEP, STUDY:STEP[axis=label], or the beginning of a key.")
]
Studies = Annotated[
    list[Path] | None, typer.Option("--study", help="Study files to look in; experiments/ by default.")
]


def find_step(session: Session, what: str, given: list[Path] | None) -> tuple[Opened, str]:
    """The study and the reference of STUDY:STEP.

    Raises:
        NothingMatched: no such study, step, axis or label.
    """
    name, _, reference = what.partition(":")
    for file in studies(given or [session.project.root / "experiments"]):
        opened = session.open(file)
        if name in (opened.plan.spec.id, file.stem):
            step = reference.split("[")[0].split(".")[0].strip()
            if step not in opened.plan.relations:
                steps = ", ".join(opened.plan.relations)
                raise NothingMatched(f"{name} has no step {step!r}\nsteps: {steps}")
            try:
                opened.plan.view(reference)
            except ValueError as error:
                raise NothingMatched(str(error)) from None
            return opened, reference
    raise NothingMatched(f"there is no study {name!r}; name its file with --study")


def find_key(store: Store, prefix: str) -> str:
    """The key that begins with a prefix.

    Raises:
        NothingMatched: no key does.
        WsDslError: several do, or it is no beginning of a key.
    """
    try:
        return store.resolve(prefix)
    except MissingError as error:
        raise NothingMatched(str(error)) from None
    except RegistryError as error:
        raise WsDslError(str(error)) from None


def find_manifest(session: Session, prefix: str) -> Manifest:
    """The manifest of the artifact whose key begins with a prefix; raises as `find_key`."""
    manifest = session.store.manifest(find_key(session.store, prefix))
    assert manifest is not None
    return manifest
