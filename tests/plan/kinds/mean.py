"""An Estimate of a Table."""

from typing import Literal

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Mean(Kind[types.Estimate]):
    restricted = True

    of: Ref[types.Table]
    stats: list[Literal["mean", "sd"]] = ["mean"]

    @classmethod
    def statistics(cls, spec, inputs):
        return spec.stats


version = 1


def run(cells, context):
    yield from ()
