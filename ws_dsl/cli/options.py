"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ws_dsl.cli.uncollected import uncollected
from ws_dsl.errors import WsDslError
from ws_dsl.registry.remote import Remote
from ws_dsl.registry.store import Store
from ws_dsl.run.project import Project, find_project, studies

if TYPE_CHECKING:
    from ws_dsl.run.session import Opened, Session

Paths = Annotated[list[Path], typer.Argument(help="Study files, or folders of them.", show_default=False)]
RegistryDir = Annotated[
    Path | None, typer.Option("--registry", help="The store.", show_default="registry/ of the project")
]
SiteDir = Annotated[
    Path | None, typer.Option("--site", help="The site.", show_default="site/ of the project")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelSource = Annotated[
    str | None,
    typer.Option("--model", help="A checkpoint folder, or REPO@REVISION, in the place of the study's model."),
]
Device = Annotated[str, typer.Option("--device", help="Where models run, such as cpu or cuda.")]
RemoteUrl = Annotated[
    str | None,
    typer.Option(
        "--remote",
        help="Address of a shared store, such as s3://bucket/folder.",
        show_default="remote of ws-dsl.toml",
    ),
]
SameEnvironment = Annotated[
    bool,
    typer.Option(
        "--same-environment", help="Make anew what came from elsewhere and was made in another environment."
    ),
]


class NothingMatched(WsDslError):
    """Paths that hold no study, or a name that nothing has."""

    exit_code = 3


class Shelf(NamedTuple):
    """A store of which no study is asked, so that nothing of the language has to be imported."""

    project: Project
    store: Store


def open_shelf(registry: Path | None) -> Shelf:
    """The store of the project of the current folder."""
    project = find_project(registry)
    return Shelf(project, Store(project.registry))


def open_session(
    registry: Path | None, site: Path | None = None, device: str = "cpu", same_environment: bool = False
) -> Session:
    """A session on the project of the current folder."""
    from ws_dsl.run.session import Session

    session = Session(find_project(registry, site), device)
    if same_environment:
        session.find_foreign = lambda derivation: None
    return session


def open_remote(session: Session, url: str | None) -> Remote:
    """The remote of an option or of the project.

    Raises:
        WsDslError: there is none, or it is no address.
    """
    address = url or session.project.remote
    if address is None:
        raise WsDslError(
            'no remote is given: write remote = "s3://bucket/folder" into ws-dsl.toml, or give --remote'
        )
    return Remote(address)


def open_studies(session: Session, files: list[Path], model: str | None = None) -> list[Opened]:
    """Reads, plans and inspects studies."""
    with uncollected():
        return session.open_all(files, model_step(model))


def studies_at(paths: list[Path]) -> list[Path]:
    """Study files: those named, and those directly in the folders named.

    Raises:
        NothingMatched: there is none.
    """
    files = studies(paths)
    if not files:
        raise NothingMatched(f"no study in {', '.join(map(str, paths))}; studies end in .yaml, .yml or .py")
    return files


def model_step(source: str | None) -> dict[str, Any] | None:
    """`--model` as a step."""
    if source is None:
        return None
    if Path(source).is_dir():
        return {"kind": "hf_model", "path": str(Path(source).resolve())}
    repo, at, revision = source.partition("@")
    if not at:
        raise WsDslError(f"--model {source}: there is no such folder; a Hub model is written REPO@REVISION")
    return {"kind": "hf_model", "repo": repo, "revision": revision}
