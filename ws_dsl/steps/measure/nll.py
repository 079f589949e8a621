"""How unlikely a model finds replies.

What it does
    Reads every closed reply once, under an arm or none, and takes the mean negative log-likelihood of its
    tokens, each after all that stand before it. Replies that were generated under an arm are scored under the
    model without one unless `arm` says otherwise: what the model would hardly have written itself is likely
    broken text.

What it cannot show
    Whether a reply is right, or on the subject: repeated words are very likely text (see `repetition`), and
    short replies have few tokens to average. A system message under which a reply was generated is in its
    prompt and stays there. Figures of two tokenizers do not compare.

Inputs and output
    `of`: Prompts that end with a reply, generated or written; `arm`: Arm or none; `model`. Gives a Table:
    `value`, the mean over the reply's tokens in nats; `tokens`, how many; `perplexity`, e to the value. The
    token that ends the turn is not counted. An empty reply is `excluded`.

Reference
    Jelinek et al., Perplexity, a measure of the difficulty of speech recognition tasks, 1977.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref, none
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._lots import by_inputs, lots
from ws_dsl.steps.replies import before_replies, stretches
from ws_dsl.steps.rows import under

if TYPE_CHECKING:
    from ws_dsl.models.likelihood import Stretch


class Nll(Kind[types.Table]):
    """Mean negative log-likelihood of replies."""

    computes = True

    of: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    model: Ref[types.Model] = Named("model")


version = 2

_UNITS = {"tokens": "tokens", "perplexity": "perplexity"}


def run(cells: Sequence[Cell[Nll]], context: Context) -> Iterator[tuple[Cell[Nll], Artifact]]:
    """Cells of one model together: replies that are the same go through it once."""
    for group in by_inputs(cells, "model"):
        for lot in lots(group, "of"):
            yield from _together(lot, context)


def _together(cells: Sequence[Cell[Nll]], context: Context) -> Iterator[tuple[Cell[Nll], Artifact]]:
    from ws_dsl.models.likelihood import log_likelihoods

    model = cells[0].one("model")
    handle = context.model(model)
    read: list[list[Stretch]] = []
    for cell in cells:
        given = cell.get("arm")
        arm = given.open() if given else None
        prompts = under(cell.open("of"), arm, handle.tokenizer)
        read.append(stretches(prompts, before_replies(prompts), arm, model.digest))
    found = iter(log_likelihoods(handle, [one for own in read for one in own], context.advance))
    for cell, own in zip(cells, read, strict=True):
        prompts = cell.open("of")
        columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
        columns |= {"value": [], "tokens": [], "perplexity": [], "status": []}
        for _ in own:
            logs = next(found).tolist()
            value = -math.fsum(logs) / len(logs) if logs else None
            columns["value"].append(value)
            columns["tokens"].append(len(logs))
            columns["perplexity"].append(None if value is None else math.exp(value))
            columns["status"].append("excluded" if value is None else "ok")
        yield cell, Table(prompts.keys, columns, {"unit": "nats", "units": dict(_UNITS)}).to_artifact()
