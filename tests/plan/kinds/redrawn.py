"""A Table of a Table and a seed."""

from typing import Annotated

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref, Seed


class Redrawn(Kind[types.Table]):
    of: Ref[types.Table]
    seed: Annotated[int, Seed("init")]


version = 1


def run(cells, context):
    yield from ()
