"""What a model would say next.

What it does
    Lists the likeliest next tokens at the last real token, as a check that the tokens one scores are those
    that the model itself continues with.

What it cannot show
    Answers that need more than one token.

Inputs and output
    `prompts`: Prompts; `arm`: Arm or none; `top`: how many. Gives a Table with one row per prompt: `value`
    (the probability of the likeliest token), `token` (its string), and `tokens` (the `top` likeliest with
    their probabilities, as text).

Reference
    Softmax over the whole vocabulary in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Derived, Kind, Named, Ref, none
from ws_dsl.specs.site import FINAL
from ws_dsl.steps.cell import Cell, Context


class NextToken(Kind[types.Table]):
    """The likeliest next tokens."""

    computes = True
    derived = {"states": Derived("final_states", ("prompts", "arm", "model"))}
    consumed = ("arm",)

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    top: Annotated[int, Field(ge=1, le=100)] = 5
    model: Ref[types.Model] = Named("model")


version = 1


def run(cells: Sequence[Cell[NextToken]], context: Context) -> Iterator[tuple[Cell[NextToken], Artifact]]:
    """Reads the distribution out of the stored states; no pass through the model."""
    from ws_dsl.models import readout
    from ws_dsl.models.tokens import strings

    for cell in cells:
        prompts, states = cell.open("prompts"), cell.open("states")
        handle = context.model(cell.one("model"))
        best = readout.top(handle, states.tensors[FINAL], cell.spec.top)
        columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
        columns |= {"value": [], "token": [], "tokens": []}
        for ids, logs in zip(best.ids.tolist(), best.log_probabilities.tolist(), strict=True):
            words = strings(handle.tokenizer, ids)
            columns["value"].append(math.exp(logs[0]))
            columns["token"].append(words[0])
            columns["tokens"].append(
                "  ".join(f"{word!r} {math.exp(log):.3f}" for word, log in zip(words, logs, strict=True))
            )
        columns["status"] = ["ok"] * len(prompts)
        yield cell, Table(prompts.keys, columns, {"unit": "probability"}).to_artifact()
