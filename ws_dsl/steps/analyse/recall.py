"""How much of the true top k a cheaper ranking finds.

What it does
    Compares, rank by rank, the components that a ranking puts among its first k with the k that an exact
    search puts there: the share of the latter that is among the former.

What it cannot show
    Whether what was missed matters: below the first few, exact effects may differ by less than their noise.

Inputs and output
    `of`: Sites of the ranking; `exact`: Sites of the search over all components, over the same rows and
    components; both with the axis `rank`, which is k. Gives an Estimate of `value` without an interval; `n`
    is k, and the notes have the share that a random choice would find.

Reference
    Recall at k: Manning, Raghavan & Schütze, Introduction to Information Retrieval (2008), ch. 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.sites import Sites
    from ws_dsl.steps.cell import Cell, Context


class Recall(Kind[types.Estimate]):
    """Share of the exact top k among the ranked top k."""

    of: Ref[types.Sites]
    exact: Ref[types.Sites]

    @classmethod
    def statistics(cls, spec: Recall, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["value"]


version = 1


def run(cells: Sequence[Cell[Recall]], context: Context) -> Iterator[tuple[Cell[Recall], Artifact]]:
    for cell in cells:
        yield cell, recall(cell.open("of"), cell.open("exact")).to_artifact()


def recall(of: Sites, exact: Sites) -> Estimate:
    """The recall at the rank of both.

    Raises:
        MeasurementError: rankings of different components, over different rows, or at different ranks.
    """
    if of.chosen_on != exact.chosen_on or exact.chosen_on is None:
        raise MeasurementError("the rankings were made on different rows")
    searched = (of.notes["among"], of.notes["searched"])
    if searched != (exact.notes["among"], exact.notes["searched"]):
        raise MeasurementError("the rankings are of different components")
    found, wanted = ({*sites.above, *sites.addresses} for sites in (of, exact))
    if len(found) != len(wanted):
        raise MeasurementError(f"one ranking is read to rank {len(found)}, the other to {len(wanted)}")
    k = len(wanted)
    notes = {"searched": exact.notes["searched"], "by_chance": k / int(str(exact.notes["searched"]))}
    value = Stat(len(found & wanted) / k, None, None, None, k)
    return Estimate({"value": value}, {}, "", exact.chosen_on, dict(notes))
