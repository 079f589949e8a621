"""`ws-dsl doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ws_dsl.cli.options import AsJson, Device, model_step
from ws_dsl.cli.output import data, say
from ws_dsl.specs import kinds


def doctor(
    model: Annotated[str, typer.Argument(help="A checkpoint folder, REPO@REVISION, or organism.")],
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], typer.Option(help="Precision.")] = "float32",
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Examine a checkpoint: chat template, BOS, answer tokens, padding, parity, speed.

    Exits 1 where numbers measured on it would be wrong.
    """
    from ws_dsl.models.doctor import Examined, examine

    found: list[Examined] = []
    for one in examine(_folder(model), dtype, device):
        found.append(one)
        if not json:
            print(f"{one.outcome:8} {one.name:16} {one.detail}", flush=True)
    if json:
        data({"model": model, "examined": [one._asdict() for one in found]})
    bad = [one.name for one in found if one.outcome == "bad"]
    if bad:
        say(f"do not measure on this checkpoint before this is mended: {', '.join(bad)}")
        raise typer.Exit(1)


def _folder(model: str) -> Path:
    step = {"kind": "organism"} if model == "organism" else model_step(model)
    assert step is not None
    kind = kinds.find(step.pop("kind")).spec
    spec = kind.model_validate(step)
    folder = Path(next(iter(kind.external(spec).values()), "") or step["path"])
    if not folder.exists():
        say(f"fetching {kind.remote(spec)}")
        kind.fetch(spec)
    return folder
