"""Activations of every row at one place.

What it does
    Runs every prompt through the model once, under an arm or none, and keeps the activation of one site at
    one token, or the mean over the tokens of the reply. Cells over the same prompts and arm, such as those of
    several layers, share the passes.

What it cannot show
    What the model does with an activation: that something can be read from it does not say that anything
    reads it.

Inputs and output
    `prompts`: Prompts; `arm`: Arm or none. `layer`: the residual stream after a layer, by its index, or by a
    fraction of depth (0.5 is the middle one); instead of it, any other place. `site`: such a place, as
    `L13attn` or `L19H2`. `at`: `last`, `prompt_last`, `reply_first`, `reply_last`, an index (negative from
    the end), `{token: " Paris"}`, or `reply_mean`, the mean over the reply. `model`. Gives States, float32 of
    shape (rows, width).

Reference
    Names of sites as in TransformerLens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictFloat, StrictInt, field_validator, model_validator

from ws_dsl.artifacts import tensor_file
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.states import States as StatesArtifact
from ws_dsl.errors import ModelError
from ws_dsl.specs import types
from ws_dsl.specs.checkpoint import Shape
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref, none
from ws_dsl.specs.position import Position, write
from ws_dsl.specs.site import Site
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.rows import forward_rows, rendered, under

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.forward import Row
    from ws_dsl.models.handle import Handle

Layer = StrictInt | Annotated[StrictFloat, Field(ge=0, le=1)]


class States(Kind[types.States]):
    """Activations of prompts under an arm."""

    computes = True

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    at: Position | Literal["reply_mean"]
    layer: Layer | None = None
    site: str | None = None
    model: Ref[types.Model] = Named("model")

    @field_validator("site")
    @classmethod
    def _address(cls, site: str | None) -> str | None:
        try:
            parsed = None if site is None else Site.parse(site)
        except ModelError as error:
            raise ValueError(str(error)) from None
        if parsed is not None and not parsed.editable:
            raise ValueError("an attention pattern is as wide as its row is long; it has no state")
        return None if parsed is None else str(parsed)

    @model_validator(mode="after")
    def _one_place(self) -> States:
        if (self.layer is None) == (self.site is None):
            raise ValueError(
                "say where: either layer (the residual stream after it) or site (L13attn, L19H2)"
            )
        if self.at == "all" or self.at == "reply":
            raise ValueError(f"{self.at} is several tokens; a state is of one, or reply_mean")
        return self

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        shape = inspection.shape()
        if shape is None:
            return
        try:
            place(spec, shape)
        except ModelError as error:
            yield Complaint("layer" if spec.site is None else "site", "unknown-site", str(error))


version = 3

_TOKENS = 1 << 16
"""Tokens that are asked for at once: each takes about 200 bytes of lists."""


def place(spec: States, shape: Shape) -> Site:
    """The site in a model of a shape.

    Raises:
        ModelError: the model has no such site.
    """
    if spec.site is not None:
        return Site.parse(spec.site).within(shape)
    assert spec.layer is not None
    return Site(index_of(spec.layer, shape), "hook_resid_post", None)


def index_of(layer: int | float, shape: Shape) -> int:
    """Index of a layer that is given by it, counted from the end, or as a fraction of depth.

    Raises:
        ModelError: the model has no such layer.
    """
    index = round(layer * (shape.layers - 1)) if isinstance(layer, float) else layer
    if index < 0:
        index += shape.layers
    Site(index, "hook_resid_post", None).within(shape)
    return index


def run(cells: Sequence[Cell[States]], context: Context) -> Iterator[tuple[Cell[States], Artifact]]:
    """All sites of the same prompts, arm and position together."""
    groups: dict[tuple[object, ...], list[Cell[States]]] = {}
    for cell in cells:
        arm = cell.get("arm")
        digests = (cell.one("model").digest, cell.one("prompts").digest, arm.digest if arm else None)
        groups.setdefault((*digests, repr(cell.spec.at)), []).append(cell)
    for group in groups.values():
        yield from _together(group, context)


def _together(cells: Sequence[Cell[States]], context: Context) -> Iterator[tuple[Cell[States], Artifact]]:
    from ws_dsl.models.positions import positions

    first = cells[0]
    model, arm = first.one("model"), first.get("arm")
    handle, at, folder = context.model(model), first.spec.at, context.scratch()
    changes = arm.open() if arm else None
    prompts = under(first.open("prompts"), changes, handle.tokenizer)
    sites = [place(cell.spec, handle.shape) for cell in cells]
    files = [
        tensor_file.create(
            folder / f"{number}.safetensors", str(site), len(prompts), site.width(handle.shape)
        )
        for number, site in enumerate(sites)
    ]
    whole = forward_rows(prompts, "last", changes, model.digest)
    tokens = [
        positions("reply" if at == "reply_mean" else at, row.strings, row.spans) for row in rendered(prompts)
    ]
    for places, values in _read(whole, tokens, sites, handle, context):
        for site, file in zip(sites, files, strict=True):
            if str(site) in values:
                file.write(places, values[str(site)])
    columns = {name: prompts.columns[name] for name in prompts.keys}
    for cell, site, file in zip(cells, sites, files, strict=True):
        notes = {
            "site": str(site),
            "at": at if at == "reply_mean" else write(at),
            "model": model.digest,
            "arm": arm.digest if arm else None,
            "tokenizer": prompts.tokenizer,
        }
        yield cell, StatesArtifact(prompts.keys, columns, {}, dict(notes)).with_file(file.path)


def _read(
    whole: Sequence[Row], tokens: Sequence[list[int]], sites: Sequence[Site], handle: Handle, context: Context
) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
    """Activations by address, averaged over each row's tokens; places of rows, then (places, width).

    Of every row all sites come, but not all at once.
    """
    import numpy as np

    from ws_dsl.models.forward import streamed

    for lot in _lots(whole, tokens):
        owners = np.repeat(lot, [len(tokens[row]) for row in lot])
        rows = [whole[row]._replace(position=token) for row in lot for token in tokens[row]]
        for indices, found in streamed(handle, rows, sorted(set(sites)), context.advance):
            own = owners[indices]
            starts = np.flatnonzero(np.diff(own, prepend=-1))
            counts = np.diff(starts, append=len(own))[:, None]
            yield (
                own[starts].tolist(),
                {
                    site: (np.add.reduceat(values.astype(np.float64), starts) / counts).astype(np.float32)
                    for site, values in found.items()
                },
            )


def _lots(whole: Sequence[Row], tokens: Sequence[list[int]]) -> Iterator[list[int]]:
    """All rows, shorter ones first, in lots of so many tokens that are read."""
    lot: list[int] = []
    size = 0
    for row in sorted(range(len(whole)), key=lambda row: len(whole[row].ids)):
        if lot and size + len(tokens[row]) > _TOKENS:
            yield lot
            lot, size = [], 0
        lot.append(row)
        size += len(tokens[row])
    if lot:
        yield lot
