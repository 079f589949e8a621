"""How much of a reply is in another text.

What it does
    Takes the share of the reply's n-grams of words that also occur in another text of the same row, such as
    its system prompt: what a reply takes over word for word, others that read it learn. Case and punctuation
    do not count.

What it cannot show
    Leaks in other words. Runs that any text shares (`of the`, at a small `n`) count too.

Inputs and output
    `of`: Prompts that end with a reply; `against`: the text: a role of the prompt (`system`, `user`,
    `prefill`), a row column, or, where it is several words, these words themselves; `n`: words of a run.
    Gives a Table: `value`, the share; `shared` and `ngrams`, how many are in the other text and how many
    there are. A reply of fewer than `n` words takes over nothing and has the value 0. An empty reply is
    `excluded`, and so is one whose row has no such role.

Reference
    Contamination by shared n-grams: Brown et al., Language Models are Few-Shot Learners, 2020, appendix C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._rows import row_column
from ws_dsl.steps.measure._words import runs, words
from ws_dsl.steps.replies import replies

if TYPE_CHECKING:
    from ws_dsl.artifacts.rows import Rows

_ROLES = ("system", "user", "prefill")


def _worded(text: str) -> str:
    if not words(text):
        raise ValueError(f"{text!r} holds no word")
    return text


class Overlap(Kind[types.Table]):
    """Share of a reply's n-grams of words that are in another text."""

    row_columns: ClassVar[bool] = True

    of: Ref[types.Prompts]
    against: Annotated[str, AfterValidator(_worded)]
    n: Annotated[int, Field(ge=1)]

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("of")
        if columns is None or spec.against in (*_ROLES, *columns) or _is_text(spec.against):
            return
        yield Complaint(
            "against",
            "unknown-column",
            f"{spec.against!r} is no role ({', '.join(_ROLES)}) and no row column ({', '.join(columns)}); a "
            f"text to compare with has several words",
        )


version = 1


def run(cells: Sequence[Cell[Overlap]], context: Context) -> Iterator[tuple[Cell[Overlap], Artifact]]:
    for cell in cells:
        behind = cell.get("row_columns")
        yield cell, _overlap(cell.open("of"), cell.spec, behind.open() if behind else None).to_artifact()


def _overlap(prompts: Prompts, spec: Overlap, rows: Rows | None) -> Table:
    columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
    columns |= {"value": [], "shared": [], "ngrams": [], "status": []}
    for reply, other in zip(replies(prompts), _others(prompts, spec.against, rows), strict=True):
        said = runs(words(reply.text), spec.n)
        known = set(runs(words(other or ""), spec.n))
        shared = sum(one in known for one in said)
        measured = bool(reply.ids) and other is not None
        columns["value"].append((shared / len(said) if said else 0.0) if measured else None)
        columns["shared"].append(shared)
        columns["ngrams"].append(len(said))
        columns["status"].append("ok" if measured else "excluded")
    return Table(
        prompts.keys, columns, {"unit": "share", "units": {"shared": "n-grams", "ngrams": "n-grams"}}
    )


def _others(prompts: Prompts, against: str, rows: Rows | None) -> list[str | None]:
    """The text that each row's reply is compared with; None where the row has none."""
    if against in _ROLES:
        spans = (said.get(against) for said in prompts.columns["spans"])
        return [
            "".join(strings[slice(*span)]) if span else None
            for strings, span in zip(prompts.columns["strings"], spans, strict=True)
        ]
    if rows is not None and against in rows.columns:
        return [str(value) for value in row_column(prompts, rows, against)]
    if not _is_text(against):
        raise MeasurementError(f"{against!r} is no role and no row column, and one word is no text")
    return [against] * len(prompts)


def _is_text(against: str) -> bool:
    return len(words(against)) > 1 and not against.isidentifier()
