"""A Table of a Table; of one above a level there is none."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Half(Kind[types.Table]):
    of: Ref[types.Table]
    side: str = "left"

    @classmethod
    def unavailable(cls, spec, inputs):
        (edge,) = inputs["of"]
        return f"level {edge.node.spec.level:g} has no {spec.side}" if edge.node.spec.level > 1 else None


version = 1


def run(cells, context):
    yield from ()
