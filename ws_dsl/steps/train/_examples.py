"""Replies as rows to learn from, and which of them are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ws_dsl.artifacts.prompts import Prompts, Turn
from ws_dsl.artifacts.rows import Rows, show
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.kind import Column
from ws_dsl.steps.rows import rendered, rendered_with

if TYPE_CHECKING:
    from ws_dsl.models.training import Example


class HoldOut(BaseModel):
    """Rows that are looked at and never learned from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Annotated[float, Field(gt=0, lt=1)]
    by: Column | None = None
    seed: int = 0


class Lot(NamedTuple):
    """Rows of a training run.

    Attributes:
        learned: Those that are learned from.
        held_out: Those that are only looked at.
        dropped: Replies that were not used.
    """

    learned: list[Example]
    held_out: list[Example]
    dropped: int


class _Row(NamedTuple):
    key: tuple[Any, ...]
    example: Example


def without_system(prompts: Prompts, tokenizer: Any) -> Prompts:
    """Prompts rendered anew without a system message; replies that were generated keep their tokens.

    Raises:
        MeasurementError: a prompt is raw text.
    """
    if "finish" not in prompts.columns:
        return rendered_with(prompts, None, tokenizer)
    columns = dict(prompts.columns)
    columns["messages"] = [
        said and _opened(said, reply)
        for said, reply in zip(prompts.messages, prompts.columns["reply"], strict=True)
    ]
    opened = rendered_with(replace(prompts, columns=columns), None, tokenizer)
    columns = dict(opened.columns) | {"ids": [], "strings": [], "spans": []}
    for old, new in zip(rendered(prompts), rendered(opened), strict=True):
        start, stop = old.spans["reply"]
        reply = [len(new.ids), len(new.ids) + stop - start]
        columns["ids"].append([*new.ids, *old.ids[start:stop]])
        columns["strings"].append([*new.strings, *old.strings[start:stop]])
        columns["spans"].append({**new.spans, "reply": reply})
    return replace(prompts, columns=columns)


def _opened(said: list[Turn], reply: str) -> list[Turn]:
    """A conversation before the last reply was generated."""
    begun = said[-1]["content"].removesuffix(reply)
    return [*said[:-1], *([{"role": "prefill", "content": begun}] if begun else [])]


def lot(
    replies: Sequence[Prompts],
    within: Sequence[Rows | None],
    behind: Rows | None,
    hold_out: HoldOut | None,
    end: int | None,
) -> Lot:
    """All rows of several sets of replies.

    Args:
        replies: The sets; one row may have a reply in each.
        within: The rows of each set that are used; all where None.
        behind: The rows that the prompts were made from, with their columns.
        hold_out: What to hold out.
        end: The token that ends a turn; None where the model has none.

    Raises:
        MeasurementError: a row without a closed reply, none to learn from, or one prompt on both sides.
    """
    rows: list[_Row] = []
    dropped = 0
    for prompts, used in zip(replies, within, strict=True):
        found, wanted = list(_rows(prompts, end)), None if used is None else set(used.ids())
        kept = [row for row in found if wanted is None or row.key in wanted]
        rows += kept
        dropped += len(found) - len(kept)
    aside = _aside({row.key for row in rows}, behind, hold_out) if hold_out else set[tuple[Any, ...]]()
    made = Lot(
        [row.example for row in rows if row.key not in aside],
        [row.example for row in rows if row.key in aside],
        dropped,
    )
    if not made.learned:
        raise MeasurementError("there is no reply to learn from")
    _apart(rows, aside)
    return made


def _rows(prompts: Prompts, end: int | None) -> Iterator[_Row]:
    """Rows up to the end of the reply, and the token that ends it where it was not cut short."""
    from ws_dsl.models.training import Example

    finished = prompts.columns.get("finish", ["stop"] * len(prompts))
    for row, finish in zip(rendered(prompts), finished, strict=True):
        start, stop = row.spans.get("reply", (0, 0))
        if not start or row.spans["prompt"][1] != start:
            raise MeasurementError(f"row {show(row.key)} has no closed reply to learn from")
        ended = [end] if finish == "stop" and end is not None else []
        if stop > start or ended:
            yield _Row(row.key, Example([*row.ids[:stop], *ended], start))


def _aside(keys: set[tuple[Any, ...]], behind: Rows | None, hold_out: HoldOut) -> set[tuple[Any, ...]]:
    """Keys of the rows that are held out: whole groups, drawn by a SHA-256 of seed and group."""
    group_of: dict[tuple[Any, ...], Any] = {key: key for key in keys}
    if hold_out.by is not None:
        assert behind is not None
        values = dict(zip(behind.ids(), behind.columns[hold_out.by], strict=True))
        group_of = {key: values[key] for key in keys}
    groups = sorted(set(group_of.values()), key=lambda group: _draw(hold_out.seed, group))
    count = max(1, round(hold_out.share * len(groups)))
    if count == len(groups):
        raise MeasurementError(f"{len(groups)} groups cannot be divided into learned and held-out ones")
    held = set(groups[:count])
    return {key for key, group in group_of.items() if group in held}


def _draw(seed: int, group: Any) -> bytes:
    return hashlib.sha256(repr((seed, group)).encode()).digest()


def _apart(rows: Sequence[_Row], aside: set[tuple[Any, ...]]) -> None:
    """Refuses a prompt that stands on both sides under different keys: its loss would say nothing."""
    side: dict[tuple[int, ...], tuple[Any, ...]] = {}
    for row in rows:
        prompt = tuple(row.example.ids[: row.example.start])
        other = side.setdefault(prompt, row.key)
        if (other in aside) != (row.key in aside):
            raise MeasurementError(
                f"rows {show(other)} and {show(row.key)} have the same prompt, and hold_out puts one on each "
                f"side; hold out `by` a column in which they are alike"
            )
