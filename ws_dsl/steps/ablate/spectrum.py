"""The part of a delta in a band of singular directions, its own or those of the weights it changes.

What it does
    `own`: every changed matrix is dW = U S V', and `keep` keeps the terms of a band, by their order or by
    the energy that they hold. `base`: the weights are W = U0 S0 V0', and `keep` keeps the block of U0' dW
    V0 between the band's directions of the two sides: what the change does within a band of what was
    there before. `drop` is all that is left.

What it cannot show
    That the directions mean anything. A delta of rank 16 has all of itself in the first quarter of 1024
    directions: such a crop cannot fail, and says so (`cannot_fail`). A crop also makes the change
    smaller: compare with `random_delta` of the crop, and calibrate.

Inputs and output
    `delta`: Delta; `frame`: `own` or `base`. `band`: `{index: [0, 0.25]}`, the first quarter of the
    directions that are there (of the numerical rank), largest first; `{index: [0, 0.25], of: size}`, of
    as many as a matrix of that shape could have; or `{energy: 0.9}`, as few of the first as hold that
    share of the sum of squared singular values of the frame, of dW or of W. `part`: `keep` or `drop` the
    band. A bias is in no spectrum and stays with `drop`. `model`. Gives a Delta; its facts have the share
    of the energy (the squared Frobenius norm) and of the norm that is left, the ranks of the frame
    (`rank`), the directions in the band (`band_rank`), and their share (`rank_share`).

Reference
    Singular value decomposition in float64; the numerical rank counts what is above ten float32 roundings
    of the largest. keep + drop = whole within rounding; adjacent bands add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Part
from ws_dsl.specs.canonical import Json
from ws_dsl.steps.ablate._parts import Ablating, Whole, ablated, wholes
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.spectra import Spectrum as Decomposition

Share = Annotated[float, Field(ge=0, le=1)]


class Band(BaseModel):
    """Some of the singular directions, by order or by energy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: tuple[Share, Share] | None = None
    of: Literal["rank", "size"] = "rank"
    energy: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Band:
        if (self.index is None) == (self.energy is None):
            raise ValueError("say which directions: either index: [0, 0.25] or energy: 0.9")
        if self.index is not None and not self.index[0] < self.index[1]:
            raise ValueError("a band begins before it ends, such as [0, 0.25]")
        if self.energy is not None and self.of == "size":
            raise ValueError("energy counts no directions; leave `of` out")
        return self


class Spectrum(Ablating):
    """Changes in a band of singular directions."""

    frame: Literal["own", "base"]
    band: Band


version = 1


class _Task:
    """A cell with what is found for it, matrix by matrix."""

    def __init__(self, cell: Cell[Spectrum], whole: Whole):
        self.cell = cell
        self.whole = whole
        self.kept: dict[str, Part] = {}
        self.rank = self.band_rank = 0

    def add(self, address: str, frame: Decomposition) -> None:
        """Keeps the band of one matrix, in the singular coordinates of the frame."""
        part = self.whole.delta.parts[address]
        start, stop = limits(self.cell.spec.band, frame)
        self.rank += frame.rank
        self.band_rank += stop - start
        if self.cell.spec.frame == "own":
            self.kept[address] = frame.band(start, stop)
        else:
            self.kept[address] = block(part, frame, start, stop, self.whole.weight(address))

    def artifact(self) -> Artifact:
        share = self.band_rank / self.rank if self.rank else None
        about: dict[str, Json] = {
            "rank": self.rank,
            "band_rank": self.band_rank,
            "rank_share": share,
            "cannot_fail": share == 1,
        }
        return ablated(self.cell, self.whole, self.kept, about)


def run(cells: Sequence[Cell[Spectrum]], context: Context) -> Iterator[tuple[Cell[Spectrum], Artifact]]:
    """Every matrix is decomposed once for all cells that look at it in one frame."""
    groups: dict[tuple[str, ...], list[_Task]] = {}
    for cell, whole in wholes(cells, context):
        task = _Task(cell, whole)
        of = cell.one("delta" if cell.spec.frame == "own" else "model").digest
        groups.setdefault((cell.spec.frame, of), []).append(task)
    for (frame, _), tasks in groups.items():
        for address in sorted({address for task in tasks for address in task.whole.delta.parts}):
            _one_matrix(frame, address, tasks)
        for task in tasks:
            yield task.cell, task.artifact()


def _one_matrix(frame: str, address: str, tasks: Sequence[_Task]) -> None:
    from ws_dsl.models.spectra import has_matrix, spectrum, spectrum_of

    concerned = [task for task in tasks if address in task.whole.delta.parts]
    concerned = [task for task in concerned if has_matrix(task.whole.delta.parts[address])]
    if not concerned:
        return
    whole = concerned[0].whole
    if frame == "own":
        found = spectrum(whole.delta.parts[address], whole.weight(address))
    else:
        found = spectrum_of(whole.weights(address))
    for task in concerned:
        task.add(address, found)


def limits(band: Band, frame: Decomposition) -> tuple[int, int]:
    """The first direction of a band and the one after its last."""
    if band.index is not None:
        count = frame.rank if band.of == "rank" else frame.most
        start, stop = (min(math.floor(share * count + 0.5), frame.rank) for share in band.index)
        return start, stop
    assert band.energy is not None
    squares = frame.sizes**2
    sums = squares.cumsum()
    # Rounding of the sum must not ask for one direction more than there are.
    wanted = band.energy * sums[-1] * (1 - 1e-12) if frame.rank else 0.0
    return 0, int((sums < wanted).sum()) + (1 if frame.rank else 0)


def block(part: Part, frame: Decomposition, start: int, stop: int, weight: np.ndarray | None) -> Part:
    """U0 U0' dW V0 V0' for a band of the singular directions of the weights."""
    from ws_dsl.models.spectra import factors, from_left

    left, right = frame.left[:, start:stop], frame.right[start:stop]
    return factors(left, (from_left(left, part, weight) @ right.T) @ right)
