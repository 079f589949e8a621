"""A Table of Rows, perhaps under an arm."""

from typing import Annotated

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref, Seed, none


class Score(Kind[types.Table]):
    computes = True
    restricted = True

    of: Ref[types.Rows]
    arm: Ref[types.Arm] = none
    level: float = 0.0
    tokens: list[str] = []
    seed: Annotated[int, Seed("sampling")] = 0


version = 1


def run(cells, context):
    yield from ()
