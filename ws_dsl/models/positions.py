"""Named positions in a row of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from ws_dsl.errors import MeasurementError

Position: TypeAlias = Literal["last", "prompt_last"]


def position(name: Position, ids: Sequence[int], spans: Mapping[str, Sequence[int]]) -> int:
    """Index of the token that a name stands for in one row.

    Args:
        name: `last` is the last token of the row; `prompt_last` the last one before a closed reply, and the
            last one where there is none.
        ids: Token ids of the row.
        spans: Role to [start, stop) in tokens; `prompt` is always there.

    Raises:
        MeasurementError: the row has no such position.
    """
    stop = len(ids) if name == "last" else spans["prompt"][1]
    if stop == 0:
        raise MeasurementError(f"a row without tokens has no position {name}")
    return stop - 1
