"""An Arm of something trained."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Tried(Kind[types.Arm]):
    adapter: Ref[types.Adapter]


version = 1


def run(cells, context):
    yield from ()
