"""Vectors as changes of activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import model_validator

from ws_dsl.artifacts.arm import Change, Given
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Ref
from ws_dsl.specs.site import Site
from ws_dsl.steps.intervene._sites import Where

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.steps.cell import Context, Input


class AlongVector(Where):
    """A direction that activations are moved along, and where in the row."""

    computes = False

    vector: Ref[types.Vectors]

    @model_validator(mode="after")
    def _named(self) -> AlongVector:
        if self.at == "shared_suffix":
            raise ValueError("nothing is shared: name the tokens, or say during")
        return self


def opened(vector: Input) -> Vectors:
    """The one vector of an input.

    Raises:
        MeasurementError: there are several.
    """
    found: Vectors = vector.open()
    if len(found.values) != 1:
        raise MeasurementError(f"{len(found.values)} vectors, where one is needed; {', '.join(found.labels)}")
    return found


def fits(vector: Vectors, sites: list[str], model: Input, context: Context) -> None:
    """Refuses a vector that is not as wide as the place where it is put.

    Raises:
        MeasurementError: it is not.
    """
    shape = context.model(model).shape
    for site in sites:
        width = Site.parse(site).within(shape).width(shape)
        if width != vector.width:
            raise MeasurementError(f"a vector of width {vector.width} is put at {site}, which has {width}")


def change(operation: str, spec: AlongVector, sites: list[str], values: np.ndarray) -> Change:
    """The same values for all rows, at every site."""
    given = Given((), {}, [1], [[]], dict.fromkeys(sites, values), everywhere=True)
    return Change(operation, sites, spec.place, spec.during, None, given)
