"""Made from all but its own."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import HeldOut, Kind, Ref


class Rest(Kind[types.Table]):
    of: Ref[types.Table]
    like: Ref[types.Rows] | None = None
    hold_out: HeldOut


version = 1


def run(cells, context):
    yield from ()
