"""The closed replies of prompts, as tokens and as words, and where a model predicts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import show
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.rows import Rendered, forward_rows, rendered

if TYPE_CHECKING:
    from ws_dsl.models.likelihood import Stretch


class Reply(NamedTuple):
    """What a row of prompts ends with.

    Attributes:
        key: Key of the row.
        ids: Token ids, without an end-of-turn token; none where the reply is empty.
        text: What is said.
    """

    key: tuple[Any, ...]
    ids: list[int]
    text: str


def replies(prompts: Prompts) -> list[Reply]:
    """The reply that every row ends with, in order.

    Raises:
        MeasurementError: a row that ends open.
    """
    texts = prompts.columns.get("reply")
    found: list[Reply] = []
    for place, row in enumerate(rendered(prompts)):
        tokens = _closed(row)
        text = "".join(row.strings[tokens.start : tokens.stop]) if texts is None else texts[place]
        found.append(Reply(row.key, row.ids[tokens.start : tokens.stop], text))
    return found


def before_replies(prompts: Prompts) -> list[list[int]]:
    """Indices of the tokens at which the tokens of every row's reply are predicted, none of an empty one.

    They are the token before each: the first is the prompt's last.

    Raises:
        MeasurementError: a row that ends open.
    """
    return [[token - 1 for token in _closed(row)] for row in rendered(prompts)]


def before_replies_or_ends(prompts: Prompts) -> list[list[int]]:
    """The same, and the last token of rows that end open."""
    return [
        [token - 1 for token in _closed(row)] if _ends_closed(row) else [len(row.ids) - 1]
        for row in rendered(prompts)
    ]


def same_replies(prompts: Prompts, changed: Prompts) -> None:
    """Refuses renderings under which replies are other tokens, so that none stands for one of the other.

    Raises:
        MeasurementError: names a row.
    """
    for one, other in zip(rendered(prompts), rendered(changed), strict=True):
        if _said(one) != _said(other):
            raise MeasurementError(
                f"the reply of row {show(one.key)} is other tokens under the arm's system message"
            )


def stretches(
    prompts: Prompts, positions: Sequence[Sequence[int]], arm: Arm | None, model: str
) -> list[Stretch]:
    """Rows under an arm, read at tokens.

    Args:
        prompts: The rows as the arm has them said (`ws_dsl.steps.rows.under`).
        positions: Indices of their tokens.
        arm: The arm, or None.
        model: Digest of the model.

    Raises:
        MeasurementError: an arm made on another model, or one that changes no token of any row.
    """
    from ws_dsl.models.likelihood import Stretch

    rows = forward_rows(prompts, "last", arm, model)
    return [Stretch(row, own) for row, own in zip(rows, positions, strict=True)]


def _ends_closed(row: Rendered) -> bool:
    """Whether a row ends with the assistant's own turn; replies earlier in a conversation are its prompt."""
    return row.spans.get("reply", [-1])[0] == row.spans["prompt"][1]


def _closed(row: Rendered) -> range:
    if not _ends_closed(row):
        raise MeasurementError(
            f"row {show(row.key)} has no reply at its end: `generate` one, or write `reply` in its prompt"
        )
    return range(*row.spans["reply"])


def _said(row: Rendered) -> list[int]:
    return row.ids[slice(*row.spans["reply"])] if _ends_closed(row) else []
