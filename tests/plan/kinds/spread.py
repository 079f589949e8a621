"""An Estimate across an axis that it consumes."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Ref


class Spread(Kind[types.Estimate]):
    of: Ref[types.Estimate]
    across: Axis


version = 1


def run(cells, context):
    yield from ()
