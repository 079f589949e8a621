"""`delta export`, `delta mergekit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ws_dsl.cli.address import find_manifest
from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data, say
from ws_dsl.registry.manifest import Manifest
from ws_dsl.run.session import Session

if TYPE_CHECKING:
    from ws_dsl.models.low_rank import LowRank

delta = typer.Typer(help="Weight differences, for other programs.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="The beginning of a delta's key.", metavar="KEY")]
Rank = Annotated[int, typer.Option("--rank", min=1, help="Rank of the LoRA.")]
Checkpoint = Annotated[
    Path | None,
    typer.Option("--model", help="The model's checkpoint folder, where it does not come with ws-dsl."),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="The folder.", show_default="KEY, its first 12 digits")
]


@delta.command("export")
def export_delta(
    what: Which,
    rank: Rank = 16,
    out: Out = None,
    model: Checkpoint = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Write a delta as the PEFT folder of a LoRA, the nearest of its rank, and say what it loses."""
    from ws_dsl.run.delta_export import export_low_rank

    session = open_session(registry)
    manifest = _find(session, what)
    folder = out or Path(manifest.key[:12])
    made = export_low_rank(session.store, manifest, rank, folder, model)
    if json:
        data({"key": manifest.key, "path": str(folder), **_lost(made, rank)})
    _tell(made, rank)
    say(f"wrote {session.project.shown(folder.resolve())}")


@delta.command()
def mergekit(
    what: Which,
    coeff: Annotated[float, typer.Option("--coeff", help="How often the delta is added.")] = 1.0,
    rank: Rank = 16,
    out: Out = None,
    model: Checkpoint = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Write a recipe of mergekit for base + coeff × dW, and the adapters that it adds.

    The two adapters of a weight_diff are written as they were trained, which loses nothing; any other delta
    as a LoRA of the given rank.
    """
    from ws_dsl.run.delta_export import export_mergekit

    session = open_session(registry)
    manifest = _find(session, what)
    folder = out or Path(manifest.key[:12])
    made = export_mergekit(session.store, manifest, coeff, rank, folder, model)
    if json:
        adapters = [{"path": str(path), "weight": weight} for path, weight in made.adapters.items()]
        lost = _lost(made.low_rank, rank) if made.low_rank else {}
        data({"key": manifest.key, "path": str(made.path), "adapters": adapters, **lost})
    if made.low_rank:
        _tell(made.low_rank, rank)
    say(f"wrote {session.project.shown(made.path.resolve())}")


def _find(session: Session, what: str) -> Manifest:
    from ws_dsl.run.delta_export import DELTA_FILE

    manifest = find_manifest(session, what)
    if DELTA_FILE not in manifest.files:
        raise NothingMatched(f"{manifest.key[:12]} is no delta: it is of kind {manifest.kind}")
    return manifest


def _lost(made: LowRank, rank: int) -> dict[str, Any]:
    address, share = made.worst
    worst = {"address": address, "error": share}
    return {
        "rank": rank,
        "error": made.error,
        "worst": worst,
        "full_rank": made.rank,
        "biases": made.biases,
    }


def _tell(made: LowRank, rank: int) -> None:
    address, share = made.worst
    say(
        f"rank {rank} leaves out {made.error:.2%} of the norm, at most {share:.2%} ({address}); "
        f"rank {made.rank} would leave out nothing"
    )
    if made.biases:
        say(f"a LoRA changes no biases; those of {', '.join(made.biases)} are left out")
