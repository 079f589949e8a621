"""Prompts, with an arm or none, as rows of a forward pass and as prompts to be continued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.arm import Arm, Change
from ws_dsl.artifacts.prompts import Prompts, Turn
from ws_dsl.artifacts.rows import show
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import position as positions
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.chat import Rendered as Rendering
    from ws_dsl.models.deltas import Weighted
    from ws_dsl.models.edits import Edit
    from ws_dsl.models.forward import Row
    from ws_dsl.models.replies import Throughout
    from ws_dsl.specs.position import Position


class Rendered(NamedTuple):
    """A row of prompts.

    Attributes:
        key: Its key.
        ids: Token ids.
        strings: Their strings.
        spans: Role to [start, stop) in tokens.
    """

    key: tuple[Any, ...]
    ids: list[int]
    strings: list[str]
    spans: dict[str, list[int]]


class Opened(NamedTuple):
    """A prompt to be continued, what is changed in it and in its reply, and under which weights."""

    ids: list[int]
    edits: Sequence[Edit]
    throughout: Sequence[Throughout]
    weights: tuple[Weighted, ...]


def rendered(prompts: Prompts) -> Iterator[Rendered]:
    """Rows of prompts, in order."""
    columns = (prompts.columns[name] for name in ("strings", "spans"))
    for row in zip(prompts.ids(), prompts.tokens, *columns, strict=True):
        yield Rendered(*row)


def under(prompts: Prompts, arm: Arm | None, tokenizer: Any) -> Prompts:
    """Prompts as an arm has them said: rendered anew where it puts a system message in place.

    Raises:
        MeasurementError: it does, and a prompt is raw text.
    """
    if arm is None or arm.system is None:
        return prompts
    return rendered_with(prompts, arm.system, tokenizer)


def rendered_with(prompts: Prompts, system: str | None, tokenizer: Any) -> Prompts:
    """Prompts rendered anew with a system message in the place of their own, or without any.

    Raises:
        MeasurementError: a prompt is raw text.
    """
    from ws_dsl.models.chat import render_turns

    columns: dict[str, list[Any]] = dict(prompts.columns)
    rewritten: list[tuple[list[Turn], Rendering]] = []
    for key, said in zip(prompts.ids(), prompts.messages, strict=True):
        if said is None:
            raise MeasurementError(f"row {show(key)} is raw text, which has no system message to replace")
        turns = [turn for turn in said if turn["role"] != "system"]
        if system is not None:
            turns.insert(0, {"role": "system", "content": system})
        rewritten.append((turns, render_turns(tokenizer, turns)))
    columns |= {
        "messages": [turns for turns, _ in rewritten],
        "text": [one.text for _, one in rewritten],
        "ids": [one.ids for _, one in rewritten],
        "strings": [one.strings for _, one in rewritten],
        "spans": [{role: list(span) for role, span in one.spans.items()} for _, one in rewritten],
    }
    return replace(prompts, columns=columns)


def forward_rows(prompts: Prompts, at: Position, arm: Arm | None, model: str) -> list[Row]:
    """Rows read at a position, each with its own edits and weights.

    Args:
        prompts: As the arm has them said (`under`).
        at: Where each is read.
        arm: What is changed.
        model: Digest of the model.

    Raises:
        MeasurementError: an arm made on another model, one that lacks values for a row, or one that changes
            no token of any row.
    """
    from ws_dsl.models.forward import Row
    from ws_dsl.models.positions import position

    intervention = _Intervention(arm, prompts, model) if arm is not None else None
    rows: list[Row] = []
    for row in rendered(prompts):
        edits = list(intervention.edits(row)) if intervention else []
        weights = intervention.weights if intervention else ()
        rows.append(Row(row.ids, position(at, row.strings, row.spans), edits, weights))
    if arm and arm.changes and rows and not any(row.edits for row in rows):
        raise MeasurementError("the arm changes generated tokens, and these prompts have no reply")
    return rows


def opened_rows(prompts: Prompts, arm: Arm | None, model: str) -> list[Opened]:
    """Prompts to be continued, each with its own edits and weights; given as the arm has them said (`under`).

    Raises:
        MeasurementError: a row that ends with a closed reply, an arm made on another model, or one that lacks
            values for a row.
    """
    intervention = _Intervention(arm, prompts, model) if arm is not None else None
    rows: list[Opened] = []
    for row in rendered(prompts):
        if row.spans["prompt"][1] < len(row.ids):
            raise MeasurementError(
                f"row {show(row.key)} ends with a closed reply, which is not continued; write its beginning "
                f"as `assistant`, or leave it out"
            )
        if intervention is None:
            rows.append(Opened(row.ids, (), (), ()))
        else:
            edits = list(intervention.edits(row, steady=False))
            rows.append(Opened(row.ids, edits, list(intervention.throughout(row)), intervention.weights))
    return rows


class _Intervention:
    """An arm over the rows of one model.

    Attributes:
        weights: Weight differences of every row.
    """

    def __init__(self, arm: Arm, prompts: Prompts, model: str):
        from ws_dsl.models.deltas import Weighted

        if arm.model not in (model, None):
            raise MeasurementError("the arm was made on another model; its values mean nothing in this one")
        # A system message is no change of a pass: it must have been put in place before.
        assert arm.system is None or all(
            said and said[0]["content"] == arm.system for said in prompts.messages
        )
        self._changes = [_Placed(change) for change in arm.changes]
        self.weights = tuple(Weighted(own.digest, own.parts, own.coeff) for own in arm.weights)

    def edits(self, row: Rendered, steady: bool = True) -> Iterator[Edit]:
        """Edits at single tokens of a row.

        Args:
            row: The row.
            steady: Whether changes of all tokens of a kind are among them, token by token.
        """
        for change in self._changes:
            if change.during is None or steady:
                yield from change.edits(row)

    def throughout(self, row: Rendered) -> Iterator[Throughout]:
        """Changes of all tokens of a kind."""
        for change in self._changes:
            if change.during is not None:
                yield from change.throughout(row)


class _Placed:
    """A change, with its values by row."""

    def __init__(self, change: Change):
        self._change = change
        self._sites = [Site.parse(site) for site in change.sites]
        given = change.given
        self._rows = {key: index for index, key in enumerate(given.ids())} if given else {}
        self._starts = [0, *accumulate(given.counts)] if given else []
        self.during = change.during

    def edits(self, row: Rendered) -> Iterator[Edit]:
        from ws_dsl.models.edits import Edit

        for which, token in self._tokens(row):
            for site in self._sites:
                yield Edit(site, token, self._value(site, row, which), self._change.operation)  # pyright: ignore[reportArgumentType]

    def throughout(self, row: Rendered) -> Iterator[Throughout]:
        from ws_dsl.models.replies import Throughout

        for site in self._sites:
            yield Throughout(site, self._value(site, row, 0), self._change.operation, self._change.during)  # pyright: ignore[reportArgumentType]

    def _tokens(self, row: Rendered) -> list[tuple[int, int]]:
        """Edited tokens, each after the number of the row's value that is for it."""
        from ws_dsl.models.positions import places, shared_suffix

        given, end = self._change.given, row.spans["prompt"][1]
        if self.during is not None:
            start, stop = {"prompt": (0, end), "generated": (end, None), "both": (0, None)}[self.during]
            return [(0, token) for token in range(len(row.ids))[start:stop]]
        if self._change.at == "shared_suffix":
            assert given is not None
            return shared_suffix(given.tokens[self._row(row)], row.ids)
        found = places(positions.read(self._change.at), row.strings, row.spans)
        if given is None or given.everywhere:
            return [(0, token) for token in found]
        count = given.counts[self._row(row)]
        if count != len(found):
            raise MeasurementError(
                f"row {show(row.key)} takes values at {len(found)} tokens, and its source gives {count}: say "
                f"with `at` and `source_at` which stands for which"
            )
        return list(enumerate(found))

    def _row(self, row: Rendered) -> int:
        assert self._change.given is not None
        key = row.key if self._change.given.keys else ()
        if key not in self._rows:
            raise MeasurementError(f"the arm has no values for row {show(row.key)}")
        return self._rows[key]

    def _value(self, site: Site, row: Rendered, which: int) -> np.ndarray | float:
        if self._change.given is None:
            assert self._change.number is not None
            return self._change.number
        return self._change.given.values[str(site)][self._starts[self._row(row)] + which]
