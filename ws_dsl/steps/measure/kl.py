"""How far an arm moves what a model says next.

What it does
    Takes the Kullback–Leibler divergence of the next-token distribution under the arm from that without it,
    KL(arm‖none), wherever a token of the reply is predicted: at the prompt's last token and at all of the
    reply but its last. Both sides read the same tokens. The passes without the arm are shared by all arms.

What it cannot show
    Whether the move is the one that was meant, or does harm. It is of single tokens: replies that go on from
    a different first token are not seen.

Inputs and output
    `prompts`: Prompts, with closed replies or open; of a row that ends open its last token alone is read.
    `arm`: Arm; `model`. Gives a Table: `value`, the mean over the tokens in nats; `p95`, their 95th
    percentile; `max`, the largest; `tokens`, how many. An empty reply is `excluded`.

Reference
    Kullback & Leibler, On Information and Sufficiency, 1951. Percentiles: Hyndman & Fan (1996), type 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._lots import by_inputs, lots, slices
from ws_dsl.steps.replies import before_replies_or_ends, same_replies, stretches
from ws_dsl.steps.rows import under

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.arm import Arm
    from ws_dsl.artifacts.prompts import Prompts
    from ws_dsl.models.likelihood import Stretch


class Kl(Kind[types.Table]):
    """Divergence of the next token under an arm from that without it."""

    computes = True

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm]
    model: Ref[types.Model] = Named("model")


version = 2

_UNITS = {"p95": "nats", "max": "nats", "tokens": "tokens"}

_HELD = 256 << 20
"""Bytes of reference states that are held at once."""


def run(cells: Sequence[Cell[Kl]], context: Context) -> Iterator[tuple[Cell[Kl], Artifact]]:
    """All arms over the same prompts together."""
    for group in by_inputs(cells, "model", "prompts"):
        yield from _together(group, context)


def _together(cells: Sequence[Cell[Kl]], context: Context) -> Iterator[tuple[Cell[Kl], Artifact]]:
    from ws_dsl.models import divergence

    prompts, model = cells[0].open("prompts"), cells[0].one("model")
    handle = context.model(model)
    positions = before_replies_or_ends(prompts)
    plain = stretches(prompts, positions, None, model.digest)
    parts = list(slices([4 * handle.shape.width * len(own) for own in positions], _HELD))
    kept: dict[int, list[np.ndarray]] = {}
    for lot in lots(cells, "prompts"):
        arms = [_under(prompts, cell.open("arm"), model.digest, handle.tokenizer) for cell in lot]
        found: list[list[np.ndarray]] = [[] for _ in lot]
        for part in parts:
            if part.start not in kept:
                kept = {part.start: divergence.states(handle, plain[part], context.advance)}
            references = kept[part.start]
            changed = [one for arm in arms for one in arm[part]]
            values = iter(divergence.kl(handle, changed, references * len(lot), context.advance))
            for own in found:
                own += [next(values) for _ in references]
        for cell, own in zip(lot, found, strict=True):
            yield cell, _table(prompts, own).to_artifact()


def _under(prompts: Prompts, arm: Arm, model: str, tokenizer: Any) -> list[Stretch]:
    """The rows under an arm, at the tokens that stand for those without it."""
    changed = under(prompts, arm, tokenizer)
    same_replies(prompts, changed)
    return stretches(changed, before_replies_or_ends(changed), arm, model)


def _table(prompts: Prompts, found: Sequence[np.ndarray]) -> Table:
    import numpy as np

    columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
    columns["value"] = [math.fsum(own) / len(own) if len(own) else None for own in found]
    columns["p95"] = [float(np.quantile(own, 0.95)) if len(own) else None for own in found]
    columns["max"] = [float(own.max()) if len(own) else None for own in found]
    columns["tokens"] = [len(own) for own in found]
    columns["status"] = ["ok" if len(own) else "excluded" for own in found]
    return Table(prompts.keys, columns, {"unit": "nats", "units": dict(_UNITS)})
