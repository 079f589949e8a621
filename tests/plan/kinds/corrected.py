"""An Estimate of each cell of a family."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Derived, Family, Kind, Levels, Ref


class Corrected(Kind[types.Estimate]):
    restricted = True
    derived = {"joint": Derived("joint", ("of", "against", "level"), across="family")}

    of: Ref[types.Table]
    against: Ref[types.Table] | None = None
    family: list[Family] = []
    by: Levels | None = None
    level: float = 0.0


version = 1


def run(cells, context):
    yield from ()
