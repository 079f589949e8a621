"""Directions from a file.

What it does
    Reads vectors that another program made, or another study, their numbers as they are. The file is
    snapshotted before anything is planned, and its content, not its name, is in the key.

What it cannot show
    Whether a vector of another program was made at the place and of the model that the study says: the file
    has numbers, and all else is taken on trust.

Inputs and output
    `file`: a safetensors file, or a control vector of llama.cpp or repeng. `format`: `safetensors` or `gguf`.
    `model`: whose activations they are directions of. `site`: the place, such as `L13`; of several layers it
    names one. `at`: the position in the row, as `states` takes it. `mean_norm`: the mean norm of activations
    there; with 1, coefficients are in the file's own units. `method`: how they were made. `label`: the name
    of one tensor of several. A file of `ws-dsl vectors export` says all but the last of itself: it need not
    be said again, and is compared where it is. Gives Vectors.

Reference
    https://github.com/huggingface/safetensors; control vectors: https://github.com/vgel/repeng
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.vector_files import Foreign, one_of, read
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import File, Kind, Named, Ref
from ws_dsl.specs.position import Position, write
from ws_dsl.specs.site import Site
from ws_dsl.steps.cell import Cell, Context


class ImportedVectors(Kind[types.Vectors]):
    """Directions of a safetensors or GGUF file."""

    file: File
    format: Literal["safetensors", "gguf"] = "safetensors"
    site: str | None = None
    at: Position | Literal["reply_mean"] | None = None
    model: Ref[types.Model] = Named("model")
    method: str | None = None
    mean_norm: Annotated[float, Field(gt=0)] | None = None
    label: str | None = None

    @field_validator("site")
    @classmethod
    def _place(cls, site: str | None) -> str | None:
        try:
            return None if site is None else str(Site.parse(site))
        except ModelError as error:
            raise ValueError(str(error)) from None


version = 1


def run(
    cells: Sequence[Cell[ImportedVectors]], context: Context
) -> Iterator[tuple[Cell[ImportedVectors], Artifact]]:
    """Reads each file."""
    for cell in cells:
        yield cell, _chosen(cell.spec, _whole(cell)).to_artifact()


def _whole(cell: Cell[ImportedVectors]) -> Vectors:
    """The vectors of the place that is meant.

    Raises:
        MeasurementError: something is not told, or what is told is not what the file says.
    """
    spec, model = cell.spec, cell.one("model").digest
    one = _at_site(spec, read(cell.files["file"], spec.format))
    at = _position(spec.at)
    if isinstance(one, Vectors):
        told = {"site": spec.site, "at": at, "method": spec.method, "mean_norm": spec.mean_norm}
        _agree(spec.file, one, {**told, "model": model})
        return one
    site = one.site or spec.site
    if site is None or at is None or spec.mean_norm is None:
        named = {"site": site, "at": at, "mean_norm": spec.mean_norm}
        silent = ", ".join(name for name, value in named.items() if value is None)
        raise MeasurementError(f"{spec.file} does not tell all of its vectors; the study has to say {silent}")
    return one.at(site, at, model, spec.method or "imported", spec.mean_norm)


def _at_site(spec: ImportedVectors, found: list[Vectors | Foreign]) -> Vectors | Foreign:
    """The entry of the site that is named; the only one, where the study or the file names none."""
    places = [one.site for one in found]
    if (len(found) == 1 and spec.site in (None, *places)) or places == [None]:
        return found[0]
    if spec.site not in places:
        shown = ", ".join(str(place) for place in places)
        asked = f"none of {spec.site}" if spec.site else "and the study names no site"
        raise MeasurementError(f"{spec.file} has vectors of {shown}, {asked}")
    return found[places.index(spec.site)]


def _position(at: Position | Literal["reply_mean"] | None) -> Json:
    if at is None or at == "reply_mean":
        return None if at is None else "reply_mean"
    return write(at)


def _agree(file: str, found: Vectors, told: dict[str, Json]) -> None:
    for name, value in told.items():
        own = getattr(found, name)
        if value is not None and value != own:
            raise MeasurementError(f"{file} says that {name} is {own}, and the study that it is {value}")


def _chosen(spec: ImportedVectors, found: Vectors) -> Vectors:
    if spec.label is None:
        return found
    if spec.label not in found.labels:
        raise MeasurementError(f"{spec.file} has no vector {spec.label!r}; it has {', '.join(found.labels)}")
    return one_of(found, found.labels.index(spec.label))
