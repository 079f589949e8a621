"""Named positions in a row of tokens, and tokens of two rows that stand for one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ws_dsl.errors import MeasurementError

Role: TypeAlias = Literal["last", "prompt_last", "reply_first", "reply_last", "reply", "all"]


class Occurrence(NamedTuple):
    """A token by its string.

    Attributes:
        string: The token's whole string, leading space included.
        count: Which of the tokens with this string: 1 is the first, −1 the last.
    """

    string: str
    count: int = 1


Position: TypeAlias = Role | int | Occurrence


def positions(name: Position, tokens: Sequence[str], spans: Mapping[str, Sequence[int]]) -> list[int]:
    """Indices of the tokens that a name stands for in one row, in order.

    Args:
        name: `last`, the last token of the row; `prompt_last`, the last one before a closed reply, and the
            last one where there is none; `reply_first`, `reply_last` and `reply`, tokens of the closed reply;
            `all`; an index, negative from the end of the row; or a token by its string.
        tokens: Strings of the row's tokens.
        spans: Role to [start, stop) in tokens; `prompt` is always there, `reply` where one is closed.

    Raises:
        MeasurementError: the row has no such position.
    """
    length = len(tokens)
    if isinstance(name, int):
        found = [name + length if name < 0 else name]
    elif isinstance(name, Occurrence):
        same = [index for index, token in enumerate(tokens) if token == name.string]
        place = name.count - 1 if name.count > 0 else len(same) + name.count
        found = [same[place]] if name.count and 0 <= place < len(same) else []
    elif name == "all":
        found = list(range(length))
    elif name in ("last", "prompt_last"):
        found = [(length if name == "last" else spans["prompt"][1]) - 1]
    else:
        reply = range(*spans.get("reply", (0, 0)))
        found = list({"reply_first": reply[:1], "reply_last": reply[-1:], "reply": reply}[name])
    if not found or not 0 <= found[0] <= found[-1] < length:
        raise MeasurementError(f"a row of {length} tokens has no position {_told(name)}")
    return found


def position(name: Position, tokens: Sequence[str], spans: Mapping[str, Sequence[int]]) -> int:
    """Index of the one token that a name stands for in one row.

    Raises:
        MeasurementError: the row has no such position, or the name stands for several.
    """
    found = positions(name, tokens, spans)
    if len(found) > 1:
        raise MeasurementError(f"{_told(name)} is {len(found)} positions of a row, where one is needed")
    return found[0]


def shared_suffix(source: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of indices of the tokens with which both rows end alike, in order.

    Activations of one row are put into the other at these tokens. From the first one that differs on, rows of
    unequal length have no tokens that stand for one another, unless a map says which.

    Args:
        source: Token ids of the row that gives the activations.
        target: Token ids of the row that takes them.

    Raises:
        MeasurementError: not even the last tokens are the same.
    """
    same = 0
    while same < min(len(source), len(target)) and source[-1 - same] == target[-1 - same]:
        same += 1
    if not same:
        raise MeasurementError(
            f"rows of {len(source)} and {len(target)} tokens end differently: no token of one stands for one "
            f"of the other; say which do"
        )
    return [(len(source) - back, len(target) - back) for back in range(same, 0, -1)]


def position_map(pairs: Sequence[tuple[int, int]], source: int, target: int) -> list[tuple[int, int]]:
    """Pairs of indices as they were written, negative ones counted from the end of each row.

    Args:
        pairs: Index in the source and index in the target.
        source: Tokens of the source.
        target: Tokens of the target.

    Raises:
        MeasurementError: no pairs, an index outside its row, or two sources for one token of the target.
    """
    found = [
        (left + source if left < 0 else left, right + target if right < 0 else right) for left, right in pairs
    ]
    for left, right in found:
        if not (0 <= left < source and 0 <= right < target):
            raise MeasurementError(
                f"the position map takes token {left} to token {right}, between rows of {source} and "
                f"{target} tokens"
            )
    if not found or len({right for _, right in found}) < len(found):
        raise MeasurementError("a position map needs pairs, and no token of the target twice")
    return found


def _told(name: Position) -> str:
    if isinstance(name, Occurrence):
        return f"of {name.string!r}, number {name.count}" if name.count != 1 else f"of {name.string!r}"
    return str(name)
