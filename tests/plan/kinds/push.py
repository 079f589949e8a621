"""An Arm; of strength 0 none at all."""

from typing import Annotated

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref, Seed


class Push(Kind[types.Arm]):
    strength: float = 1.0
    source: Ref[types.Rows] | None = None
    seed: Annotated[int, Seed("init")] = 0

    @classmethod
    def changes_nothing(cls, spec):
        return spec.strength == 0


version = 1


def run(cells, context):
    yield from ()
