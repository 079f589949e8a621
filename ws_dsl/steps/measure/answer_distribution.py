"""The distribution over declared answers.

What it does
    Reads, at the last real token, the probability of every answer that the prompts declare, exactly and from
    one pass, and takes the mean of their numbers under the distribution over the answers alone. What a model
    would say in many samples is known without drawing one (see `sample_answers`). Spellings of one answer
    (`"Yes"`, `" Yes"`) are declared side by side with one number, so that their probabilities are added.
    Answers may stand for words as well; then `equals` names the row column with the answer that a row should
    have, and the value is the probability, among the answers, of all that are it or stand for it: what
    `parse_answers` with the same `equals` gives on average over replies that begin with an answer.

What it cannot show
    What the model would say when none of the answers is likely (see `pmass`), or an answer that it would give
    after other words. The mean hides what it averages: a model that is torn between 1 and 5 rates 3. An
    answer of several tokens has no probability here: it takes a pass for each of them. Declare the token that
    it begins with where no other answer does, and let that stand for it.

Inputs and output
    `prompts`: Prompts with `answers`, each one token, that stand for numbers or, with `equals`, for anything;
    `arm`: Arm or none; `equals`: a row column with the answer, or the value of an answer, of every row;
    `model`. Gives a Table: `value`, the mean, times the row's `sign` where one is declared, or, with
    `equals`, the probability of the row's answer; `p_ANSWER` for every answer, its probability among the
    answers (together 1); `entropy` of these in nats; `pmass`, the probability that any of the answers comes
    next; `mode`, the likeliest answer, the first of several; `sign` where one is declared and multiplied in.
    The scale travels in the notes, answers with their values in declared order.

Reference
    Softmax over the whole vocabulary in float64, renormalised over the answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Column, Derived, Kind, Named, Ref, Since, none
from ws_dsl.specs.site import FINAL
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._answers import column, levels
from ws_dsl.steps.measure._expected import expected
from ws_dsl.steps.measure._rows import row_column

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.specs.canonical import Json


class AnswerDistribution(Kind[types.Table]):
    """Exact distribution over declared answers."""

    computes = True
    derived = {"states": Derived("final_states", ("prompts", "arm", "model"))}
    consumed = ("arm",)
    row_columns: ClassVar[bool] = True

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    equals: Annotated[Column | None, Since(None)] = None
    model: Ref[types.Model] = Named("model")

    @classmethod
    def looks_behind(cls, spec: AnswerDistribution) -> bool:
        return spec.equals is not None


version = 1


def run(
    cells: Sequence[Cell[AnswerDistribution]], context: Context
) -> Iterator[tuple[Cell[AnswerDistribution], Artifact]]:
    """Reads the answers out of the stored states; no pass through the model."""
    from ws_dsl.models import readout
    from ws_dsl.models.tokens import single_token

    for cell in cells:
        prompts, states = cell.open("prompts"), cell.open("states")
        if prompts.ids() != states.ids():
            raise MeasurementError("prompts and states are over different rows")
        weights = _weights(cell, prompts)
        handle = context.model(cell.one("model"))
        tokens = [single_token(handle.tokenizer, answer) for answer in prompts.answers]
        logs = readout.log_probabilities(handle, states.tensors[FINAL], tokens)
        yield cell, _table(prompts, logs, weights).to_artifact()


class _Weights(NamedTuple):
    """What is averaged over the answers.

    Attributes:
        rows: Per row a number for every answer.
        signs: What the mean of each row is multiplied with, or None.
        unit: Of the mean.
    """

    rows: list[list[float]]
    signs: list[int] | None
    unit: str


def _weights(cell: Cell[AnswerDistribution], prompts: Prompts) -> _Weights:
    name = cell.spec.equals
    if name is None:
        return _Weights([[*levels(prompts.answers).values()]] * len(prompts), prompts.signs, "scale")
    own = expected(prompts, row_column(prompts, cell.open("row_columns"), name))
    return _Weights(
        [[float(answer in one) for answer in prompts.answers] for one in own], None, "probability"
    )


def _table(prompts: Prompts, logs: np.ndarray, weights: _Weights) -> Table:
    """The Table of log-probabilities of the answers, (rows, answers)."""
    signs = weights.signs or [1] * len(prompts)
    columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
    shares = {answer: column(answer, prompts.answers) for answer in prompts.answers}
    columns |= {"value": [], **{name: [] for name in shares.values()}, "entropy": [], "pmass": [], "mode": []}
    for row, numbers, sign in zip(logs.tolist(), weights.rows, signs, strict=True):
        mass, found = _renormalised(row)
        columns["value"].append(sign * math.fsum(map(math.prod, zip(found, numbers, strict=True))))
        for name, probability in zip(shares.values(), found, strict=True):
            columns[name].append(probability)
        columns["entropy"].append(-math.fsum(p * math.log(p) for p in found if p > 0))
        columns["pmass"].append(mass)
        columns["mode"].append([*prompts.answers][found.index(max(found))])
    if weights.signs is not None:
        columns["sign"] = list(weights.signs)
    columns["status"] = ["ok"] * len(prompts)
    units = dict.fromkeys((*shares.values(), "pmass"), "probability") | {"entropy": "nats"}
    scale: list[Json] = [[answer, value] for answer, value in prompts.answers.items()]
    return Table(prompts.keys, columns, {"unit": weights.unit, "units": dict(units), "answers": scale})


def _renormalised(logs: Sequence[float]) -> tuple[float, list[float]]:
    """Mass of all answers, and the probability of each among them."""
    most = max(logs)
    # Relative to the likeliest, so that answers with hardly any mass still have a distribution.
    odds = [math.exp(log - most) for log in logs]
    whole = math.fsum(odds)
    return math.exp(most) * whole, [one / whole for one in odds]
