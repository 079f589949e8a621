"""Something trained."""

from __future__ import annotations

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref


class Tuned(Kind[types.Adapter]):
    computes = True
    trains = True

    model: Ref[types.Model] = Named("model")


version = 1
