"""Answers drawn from their exact distribution.

What it does
    Draws one answer per row from the distribution that `answer_distribution` found, which costs no pass
    through a model. The random numbers are named by the seed and the row's key, as those of the first token
    that `generate` draws: a row draws the same one under every arm and rendering.

What it cannot show
    Replies that are none of the answers, which a model gives with the probability 1 − `pmass`: they are left
    out of the distribution, not drawn as unclear. Draws carry noise that the distribution itself does not.

Inputs and output
    `of`: a Table of `answer_distribution` without `equals`; `temperature`: 0 takes the likeliest answer, the
    first of several; else p^(1/T), renormalised, is drawn from; `seed`: of the sampling. Gives a Table:
    `value`, the drawn answer's number, times the row's `sign` where one is declared; `answer`, as declared;
    `pmass` as it was.

Reference
    Inverse transform sampling: Devroye, Non-Uniform Random Variate Generation, 1986, II.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref, Seed
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._answers import column


class SampleAnswers(Kind[types.Table]):
    """One drawn answer per row."""

    of: Ref[types.Table]
    temperature: Annotated[float, Field(ge=0)] = 1.0
    seed: Annotated[int, Seed("sampling")]


version = 1


def run(
    cells: Sequence[Cell[SampleAnswers]], context: Context
) -> Iterator[tuple[Cell[SampleAnswers], Artifact]]:
    for cell in cells:
        yield cell, _sampled(cell.open("of"), cell.spec).to_artifact()


def _sampled(table: Table, spec: SampleAnswers) -> Table:
    from ws_dsl.models.sampling import uniform

    scale: Any = table.notes.get("answers")
    shares = [column(answer, [one for one, _ in scale or []]) for answer, _ in scale or []]
    if not shares or not set(shares) <= set(table.columns):
        raise MeasurementError("answers are drawn from a table of answer_distribution, and this is another")
    if table.notes.get("unit") == "probability":
        raise MeasurementError("the table has the probability of each row's answer (`equals`), and no scale")
    signs = table.columns.get("sign", [1] * len(table))
    columns: dict[str, list[Any]] = {name: table.columns[name] for name in table.keys}
    columns |= {"value": [], "answer": []}
    for key, sign, *own in zip(table.ids(), signs, *(table.columns[name] for name in shares), strict=True):
        answer, number = scale[_drawn(own, spec.temperature, uniform((spec.seed, *key), 0))]
        columns["value"].append(sign * float(number))
        columns["answer"].append(answer)
    columns |= {"pmass": table.columns["pmass"], "status": table.columns["status"]}
    units = {"pmass": "probability"}
    return Table(table.keys, columns, {"unit": "scale", "units": dict(units), "answers": scale})


def _drawn(probabilities: Sequence[float], temperature: float, number: float) -> int:
    """Place of the answer whose share of [0, 1) the number falls into."""
    most = max(probabilities)
    if temperature == 0:
        return probabilities.index(most)
    odds = [math.pow(one / most, 1 / temperature) for one in probabilities]
    below = list(accumulate(odds))
    return next(place for place, bound in enumerate(below) if number * below[-1] < bound)
