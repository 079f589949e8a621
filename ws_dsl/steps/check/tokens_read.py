"""Activations are read at the tokens that are meant.

What it does
    Looks up, for all states of a study, which token every row is read at, and tells these tokens with their
    counts. None may stand after a closed reply, where the end of a turn and white space are; and two
    positions of the same prompts may not be the same token in more than half of the rows. Always on, as a
    warning.

What it cannot show
    That a token is the right one. Read the tokens that are told.

Inputs and output
    `prompts`: Prompts; `at`: the position of each. Both are made by the planner, of all `states`.

Reference
    A study of predictivity read *continuations* at the last but one of the row's tokens, which was the last
    one of the prompt, and answers at the white space behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.specs.position import Position, write
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.check._cells import told


class TokensRead(Check):
    """Tokens behind the positions of states."""

    severity: ClassVar[str] = "warn"

    prompts: Ref[types.Prompts]
    at: list[Position | Literal["reply_mean"]]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        read: dict[tuple[Node, str], tuple[Edge, Json]] = {}
        for node in nodes:
            if node.kind.name == "states":
                (prompts,) = node.inputs["prompts"]
                at: Json = node.params["at"]
                read.setdefault((prompts.node, str(at)), (Edge(prompts.node), at))
        if not read:
            return None
        edges, positions = zip(*read.values(), strict=True)
        return Gathered({"prompts": list(edges)}, {"at": list(positions)})


version = 1

_TOLD = 3
"""Tokens of a position that are told; the others are counted."""


class _Read(NamedTuple):
    """What one position is in one Prompts.

    Attributes:
        tokens: Indices by row.
        strings: How often every token is read.
        late: Rows that are read after their reply.
    """

    tokens: list[list[int]]
    strings: Counter[str]
    late: int


def run(cells: Sequence[Cell[TokensRead]], context: Context) -> Iterator[tuple[Cell[TokensRead], Artifact]]:
    """Looks up every position in every row."""
    for cell in cells:
        inputs, names = (
            cell.inputs["prompts"],
            [at if isinstance(at, str) else str(write(at)) for at in cell.spec.at],
        )
        found = [_read(one, at) for one, at in zip(inputs, cell.spec.at, strict=True)]
        wrong = [
            f"{name}: {one.late} of {len(one.tokens)} rows are read after their reply"
            for name, one in zip(names, found, strict=True)
            if one.late
        ]
        broken = {("prompts", place): None for place, one in enumerate(found) if one.late}
        for place, one in enumerate(found):
            for other in range(place):
                if inputs[other].digest != inputs[place].digest:
                    continue
                same = sum(a == b for a, b in zip(found[other].tokens, one.tokens, strict=True))
                if same > len(one.tokens) / 2:
                    wrong.append(
                        f"{names[other]} and {names[place]} are one token in {same} of {len(one.tokens)} rows"
                    )
                    broken |= {("prompts", other): None, ("prompts", place): None}
        detail = "; ".join([*_counted(names, found), *([told(list(dict.fromkeys(wrong)))] if wrong else [])])
        statement = "activations are read before a reply or in it, and at unlike tokens by unlike names"
        yield cell, Finding(not wrong, statement, detail, list(broken)).to_artifact()


def _read(prompts: Input, at: Position | Literal["reply_mean"]) -> _Read:
    from ws_dsl.models.positions import positions
    from ws_dsl.steps.rows import rendered

    tokens: list[list[int]] = []
    strings: Counter[str] = Counter()
    late = 0
    for row in rendered(prompts.open()):
        found = positions("reply" if at == "reply_mean" else at, row.strings, row.spans)
        tokens.append(found)
        strings.update(row.strings[index] for index in found)
        late += "reply" in row.spans and found[-1] >= row.spans["reply"][1]
    return _Read(tokens, strings, late)


def _counted(names: Sequence[str], found: Sequence[_Read]) -> list[str]:
    """Every position with its commonest tokens, in all prompts together."""
    together: dict[str, Counter[str]] = {}
    for name, one in zip(names, found, strict=True):
        together.setdefault(name, Counter()).update(one.strings)
    lines: list[str] = []
    for name, counts in together.items():
        most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        rest = [f"{len(most) - _TOLD} others"] if len(most) > _TOLD else []
        lines.append(f"{name} is {', '.join([*(f'{token!r} ({n})' for token, n in most[:_TOLD]), *rest])}")
    return lines
