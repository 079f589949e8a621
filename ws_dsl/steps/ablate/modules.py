"""The part of a delta that is in some kinds of matrices.

What it does
    Keeps the changes of the named matrices of every layer and drops all others, or the other way round.

What it cannot show
    That a behaviour is in a module: matrices work together, and one that is left alone may now be given
    what it never saw. Disjoint parts that each keep the effect are a sign of that, and so is a part whose
    removal changes nothing although it suffices alone.

Inputs and output
    `delta`: Delta; `modules`: `q`, `k`, `v`, `o`, `gate`, `up`, `down`, such as `[o, down]`, all that
    writes to the residual stream. `part`: `keep` or `drop` what they hold. Where an adapter was trained
    on none of them, there is no such cell: it is listed as unavailable. `model`. Gives a Delta; its facts
    have the share of the energy (the squared Frobenius norm) and of the norm that is left.

Reference
    keep + drop = whole, exactly: every matrix is in one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.ablate._families import untouched
from ws_dsl.steps.ablate._parts import Ablating, ablated, wholes
from ws_dsl.steps.cell import Cell, Context


class Modules(Ablating):
    """Changes of some kinds of matrices."""

    modules: Annotated[list[Matrix], Field(min_length=1)]

    @classmethod
    def unavailable(cls, spec: Any, inputs: Mapping[str, Sequence[Any]]) -> str | None:
        family = untouched(inputs["delta"], spec.modules)
        return f"{family} changes no {' and no '.join(spec.modules)}" if family else None


version = 1


def run(cells: Sequence[Cell[Modules]], context: Context) -> Iterator[tuple[Cell[Modules], Artifact]]:
    from ws_dsl.models.deltas import where

    for cell, whole in wholes(cells, context):
        kept = {a: part for a, part in whole.delta.parts.items() if where(a)[1] in cell.spec.modules}
        yield cell, ablated(cell, whole, kept, {})
