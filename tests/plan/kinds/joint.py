"""What a family of Tables has in common."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Ref


class Joint(Kind[types.Table]):
    restricted = True
    row_columns = True

    of: Ref[types.Table]
    against: Ref[types.Table] | None = None
    family: list[Axis] = []
    level: float = 0.0


version = 1


def run(cells, context):
    yield from ()
