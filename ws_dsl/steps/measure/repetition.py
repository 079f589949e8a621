"""How much replies repeat themselves.

What it does
    Takes the share of the reply's n-grams of tokens that were there before in the same reply: one minus
    distinct over all. Loops, into which broken models fall, come close to 1.

What it cannot show
    Repetition of meaning in other words, or runs shorter than `n`. Longer replies repeat more by chance, so
    that only replies of like length compare.

Inputs and output
    `of`: Prompts that end with a reply; `n`: tokens of a run. Gives a Table: `value`, the share; `ngrams`,
    how many there are. A reply with fewer than `n` tokens repeats nothing and has the value 0; an empty one
    is `excluded`.

Reference
    Distinct-n: Li et al., A Diversity-Promoting Objective Function for Neural Conversation Models, 2016;
    as seq-rep-n = 1 − distinct: Welleck et al., Neural Text Generation with Unlikelihood Training, 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._words import runs
from ws_dsl.steps.replies import replies


class Repetition(Kind[types.Table]):
    """Share of repeated n-grams of tokens."""

    of: Ref[types.Prompts]
    n: Annotated[int, Field(ge=1)]


version = 1


def run(cells: Sequence[Cell[Repetition]], context: Context) -> Iterator[tuple[Cell[Repetition], Artifact]]:
    for cell in cells:
        yield cell, _repetition(cell.open("of"), cell.spec.n).to_artifact()


def _repetition(prompts: Prompts, n: int) -> Table:
    columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
    columns |= {"value": [], "ngrams": [], "status": []}
    for reply in replies(prompts):
        found = runs(reply.ids, n)
        share = 1 - len(set(found)) / len(found) if found else 0.0
        columns["value"].append(share if reply.ids else None)
        columns["ngrams"].append(len(found))
        columns["status"].append("ok" if reply.ids else "excluded")
    return Table(prompts.keys, columns, {"unit": "share", "units": {"ngrams": "n-grams"}})
