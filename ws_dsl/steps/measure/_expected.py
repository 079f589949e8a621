"""The answer that a row is expected to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import show
from ws_dsl.errors import MeasurementError


def expected(prompts: Prompts, values: Sequence[Any]) -> list[set[str]]:
    """The declared answers that each row's own value names.

    Raises:
        MeasurementError: a value that names none: nothing would ever equal it.
    """
    found: list[set[str]] = []
    for key, value in zip(prompts.ids(), values, strict=True):
        own = {answer for answer, number in prompts.answers.items() if value == number}
        if isinstance(value, str):
            own |= {answer for answer in prompts.answers if answer.strip() == value.strip()}
        if not own:
            declared = ", ".join(f"{answer!r}: {number!r}" for answer, number in prompts.answers.items())
            raise MeasurementError(
                f"row {show(key)} expects {value!r}, which is no declared answer and the value of none; "
                f"there are {declared}"
            )
        found.append(own)
    return found
