"""A model that never is."""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind


class MadeModel(Kind[types.Model]):
    size: int = 1


version = 1


def run(cells, context):
    yield from ()
