"""Which of two lists of words replies draw on.

What it does
    Counts words of two lists in every reply, whole words whatever their case, and takes
    (plus − minus) / (plus + minus): 1 where only words of the plus side are there, −1 where only those of the
    minus side are. An entry of several words counts where they follow one another.

What it cannot show
    What is said with the words: `I do not like it` counts for `like`. Words that are on no list count for
    nothing, so that both lists should be tried on text whose leaning is known.

Inputs and output
    `of`: Prompts that end with a reply; `plus`, `minus`: the words, none on both sides. Gives a Table:
    `value`, from −1 to 1, and 0 where no word is found; `plus` and `minus`, how many were. An empty reply is
    `excluded`.

Reference
    Net tone by counting words: Young & Soroka, Affective News, 2012; here over the words found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._words import runs, words
from ws_dsl.steps.replies import replies


def _word(text: str) -> str:
    if not words(text):
        raise ValueError(f"{text!r} holds no word")
    return text


Words = Annotated[list[Annotated[str, AfterValidator(_word)]], Field(min_length=1)]


class Lexicon(Kind[types.Table]):
    """Balance of the words of two lists."""

    of: Ref[types.Prompts]
    plus: Words
    minus: Words

    @model_validator(mode="after")
    def _disjoint(self) -> Lexicon:
        seen: set[tuple[str, ...]] = set()
        for entry in (*self.plus, *self.minus):
            if tuple(words(entry)) in seen:
                raise ValueError(f"{entry!r} is there twice, whatever its case")
            seen.add(tuple(words(entry)))
        return self


version = 1


def run(cells: Sequence[Cell[Lexicon]], context: Context) -> Iterator[tuple[Cell[Lexicon], Artifact]]:
    for cell in cells:
        yield cell, _balance(cell.open("of"), cell.spec).to_artifact()


def _balance(prompts: Prompts, spec: Lexicon) -> Table:
    columns: dict[str, list[Any]] = {name: prompts.columns[name] for name in prompts.keys}
    columns |= {"value": [], "plus": [], "minus": [], "status": []}
    for reply in replies(prompts):
        said = words(reply.text)
        plus, minus = (_count(said, entries) for entries in (spec.plus, spec.minus))
        balance = (plus - minus) / (plus + minus) if plus + minus else 0.0
        columns["value"].append(balance if reply.ids else None)
        columns["plus"].append(plus)
        columns["minus"].append(minus)
        columns["status"].append("ok" if reply.ids else "excluded")
    return Table(prompts.keys, columns, {"unit": "balance", "units": {"plus": "words", "minus": "words"}})


def _count(said: Sequence[str], entries: Sequence[str]) -> int:
    """How often the entries are said."""
    wanted = [tuple(words(entry)) for entry in entries]
    counts = {n: Counter(runs(said, n)) for n in {len(entry) for entry in wanted}}
    return sum(counts[len(entry)][entry] for entry in wanted)
