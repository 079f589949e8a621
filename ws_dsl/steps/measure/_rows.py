"""Columns of the rows behind prompts."""

from __future__ import annotations

from typing import Any

from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows


def row_column(prompts: Prompts, rows: Rows, name: str) -> list[Any]:
    """A column by row of prompts whose key contains the key of `rows`.

    Raises:
        MeasurementError: no such column, or prompts over rows that `rows` does not have.
    """
    from ws_dsl.steps.analyse._observations import row_columns

    return [value for (value,) in row_columns(prompts.keys, prompts.ids(), rows, [name])]
