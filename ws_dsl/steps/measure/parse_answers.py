"""The answers that replies give.

What it does
    Looks at the beginning of every reply for one of the answers that the prompts declare. White space and
    punctuation before it are left out (`**Yes**`, `"A"`), and so is a lead (`Answer: B`, `My rating is 4`,
    `The answer is Yes`: answer, choice, rating or response, with a colon, is or would be). The longest answer
    wins; it must end where a word ends, and no other may stand beside it (`A or B`, `Yes/No`). It is read as
    declared, or in another case where that is unambiguous; a single letter in another case must stand alone.

What it cannot show
    Answers that come later (`I would say B`), which are `unclear`. Replies that do not parse are counted by
    status and have no value: where their share differs between conditions, so do the rows that are compared.

Inputs and output
    `of`: Prompts with declared `answers` that end with a reply; `equals`: a row column with the answer, or
    the value of an answer, of every row. Gives a Table: `value`, the answer's number times the row's `sign`
    where one is declared, or, with `equals`, 1 where the answer is the row's and else 0; `answer`, as
    declared. Status `out_of_scale`: a number that is none of the answers, where these are numbers; `refusal`:
    no answer, and a rule of the kind `refusal` matches; `unclear`: neither; `excluded`: an empty reply.

Reference
    None: matching of strings. The scale travels in the notes, answers with their values in declared order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Column, Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._answers import levels, parse
from ws_dsl.steps.measure._expected import expected
from ws_dsl.steps.measure._rows import row_column
from ws_dsl.steps.replies import replies

if TYPE_CHECKING:
    from ws_dsl.specs.canonical import Json


class ParseAnswers(Kind[types.Table]):
    """Declared answers at the beginning of replies."""

    row_columns: ClassVar[bool] = True

    of: Ref[types.Prompts]
    equals: Column | None = None


version = 2


def run(
    cells: Sequence[Cell[ParseAnswers]], context: Context
) -> Iterator[tuple[Cell[ParseAnswers], Artifact]]:
    for cell in cells:
        prompts, name = cell.open("of"), cell.spec.equals
        own = None if name is None else expected(prompts, row_column(prompts, cell.open("row_columns"), name))
        yield cell, _parsed(prompts, own).to_artifact()


def _parsed(prompts: Prompts, rows: Sequence[set[str]] | None) -> Table:
    columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
    found = [parse(reply.text, prompts.answers) for reply in replies(prompts)]
    if rows is None:
        numbers = levels(prompts.answers)
        signs = prompts.signs or [1] * len(prompts)
        columns["value"] = [
            None if one.answer is None else numbers[one.answer] * sign
            for one, sign in zip(found, signs, strict=True)
        ]
    else:
        columns["value"] = [
            None if one.answer is None else float(one.answer in own)
            for one, own in zip(found, rows, strict=True)
        ]
    columns["answer"] = [one.answer or "" for one in found]
    columns["status"] = [one.status for one in found]
    scale: list[Json] = [[answer, value] for answer, value in prompts.answers.items()]
    return Table(prompts.keys, columns, {"unit": "scale" if rows is None else "equal", "answers": scale})
