"""Named positions in a row of tokens, and tokens of two rows that stand for one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ws_dsl.errors import MeasurementError
from ws_dsl.specs.position import Position, Positions, TokenPosition


def positions(name: Position, tokens: Sequence[str], spans: Mapping[str, Sequence[int]]) -> list[int]:
    """Indices of the tokens that a name stands for in one row, in order.

    Args:
        name: A role, an index, or a token by its string (`ws_dsl.specs.position`).
        tokens: Strings of the row's tokens.
        spans: Role to [start, stop) in tokens; `prompt` is always there, `reply` where one is closed.

    Raises:
        MeasurementError: the row has no such position.
    """
    length = len(tokens)
    if isinstance(name, int):
        found = [name + length if name < 0 else name]
    elif isinstance(name, TokenPosition):
        same = [index for index, token in enumerate(tokens) if token == name.token]
        place = name.count - 1 if name.count > 0 else len(same) + name.count
        found = [same[place]] if 0 <= place < len(same) else []
    elif name == "all":
        found = list(range(length))
    elif name in ("last", "prompt_last"):
        found = [(length if name == "last" else spans["prompt"][1]) - 1]
    else:
        reply = range(*spans.get("reply", (0, 0)))
        found = list({"reply_first": reply[:1], "reply_last": reply[-1:], "reply": reply}[name])
    if not found or not 0 <= found[0] <= found[-1] < length:
        raise MeasurementError(f"a row of {length} tokens has no position {_told(name)}{_like(name, tokens)}")
    return found


def places(names: Positions, tokens: Sequence[str], spans: Mapping[str, Sequence[int]]) -> list[int]:
    """Indices of the tokens that one name or several stand for in one row, in the order they are written.

    Raises:
        MeasurementError: the row has no such position, or two names stand for one token.
    """
    written: list[Position] = names if isinstance(names, list) else [names]
    found = [index for name in written for index in positions(name, tokens, spans)]
    if len(set(found)) < len(found):
        raise MeasurementError(
            f"{', '.join(map(_told, written))} name a token of a row of {len(tokens)} tokens twice"
        )
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


def _told(name: Position) -> str:
    if isinstance(name, TokenPosition):
        return f"of {name.token!r}, number {name.count}" if name.count != 1 else f"of {name.token!r}"
    return str(name)


def _like(name: Position, tokens: Sequence[str]) -> str:
    """Tokens that may have been meant by one that is not there."""
    if not isinstance(name, TokenPosition) or name.token in tokens:
        return ""
    like = dict.fromkeys(token for token in tokens if name.token.strip() and name.token.strip() in token)
    return f"; tokens with it in them: {', '.join(map(repr, like))}" if like else ""
