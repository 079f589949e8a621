"""How far a model leans to one answer.

What it does
    Reads, at the last real token, the log-odds of two sets of answer tokens: the log-sum-exp of the logits on
    the plus side minus that on the minus side. The probability that the model gives either answer travels
    with it.

What it cannot show
    What the model would say when neither answer is likely (see `pmass`), or what it would go on to say.

Inputs and output
    `prompts`: Prompts; `arm`: Arm or none; `tokens`: `{plus: [" Yes"], minus: [" No"]}`, each one token.
    Gives a Table: `value` in nats, `plus` and `minus` (log-probabilities of the sides), `pmass`. Prompts with
    a `sign` have it multiplied into `value`.

Reference
    Logit difference: Wang et al., Interpretability in the Wild, 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.states import States
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Derived, Kind, Named, Ref, none
from ws_dsl.specs.site import FINAL
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._tokens import Tokens, complaints, ids


class LogitDiff(Kind[types.Table]):
    """Log-odds of two sets of answer tokens."""

    computes = True
    derived = {"states": Derived("final_states", ("prompts", "arm", "model"))}
    consumed = ("arm",)

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    tokens: Tokens
    model: Ref[types.Model] = Named("model")

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        return complaints(spec.tokens, inspection)


version = 1

_UNITS = {"plus": "nats", "minus": "nats", "pmass": "probability"}


def run(cells: Sequence[Cell[LogitDiff]], context: Context) -> Iterator[tuple[Cell[LogitDiff], Artifact]]:
    """Reads the sides out of the stored states; no pass through the model."""
    from ws_dsl.models import readout

    for cell in cells:
        prompts, states = cell.open("prompts"), cell.open("states")
        assert isinstance(prompts, Prompts) and isinstance(states, States)
        if prompts.ids() != states.ids():
            raise MeasurementError("prompts and states are over different rows")
        handle = context.model(cell.one("model"))
        plus, minus = ids(cell.spec.tokens, handle.tokenizer)
        scores = readout.score(handle, states.tensors[FINAL], plus, minus)
        signs = prompts.signs or [1] * len(prompts)
        columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
        columns["value"] = [float(value) * sign for value, sign in zip(scores.score, signs, strict=True)]
        columns["plus"] = [float(value) for value in scores.plus]
        columns["minus"] = [float(value) for value in scores.minus]
        columns["pmass"] = [float(value) for value in scores.pmass]
        columns["status"] = ["ok"] * len(prompts)
        yield cell, Table(prompts.keys, columns, {"unit": "nats", "units": dict(_UNITS)}).to_artifact()
