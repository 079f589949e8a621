"""One Table or Estimate against another."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Gap(Kind[types.TableOrEstimate]):
    restricted = True

    plus: Ref[types.Table | types.Estimate]
    minus: Ref[types.Table | types.Estimate]


version = 1


def run(cells, context):
    yield from ()
