"""Rows out of nothing."""

from typing import Annotated

from ws_dsl.specs import types
from ws_dsl.specs.kind import File, Folder, Kind, Presentation, Seed, Since


class Items(Kind[types.Rows]):
    count: int = 1
    weight: float = 1.0
    note: str = ""
    title: Annotated[str, Presentation] = ""
    later: Annotated[int, Since(0)] = 0
    path: File | None = None
    folder: Folder | None = None
    seed: Annotated[int, Seed("data")] = 0


version = 1


def run(cells, context):
    yield from ()
