"""An arm brought to a given strength.

What it does
    Finds how often an arm must be added so that the 95th percentile, over all tokens of some prompts, of the
    divergence of the next token under it from that without it is `p95_kl`, to one percent. That is then the
    unit of `coeff`: different interventions are compared at equal side effect and not at equal coefficients,
    whose meaning differs between families by factors of up to forty.

What it cannot show
    That arms are equally strong on other text than the prompts, or away from the 95th percentile; measure
    `kl` on prompts of their own. The unit is found for positive coefficients; the opposite direction need not
    diverge as much.

Inputs and output
    `arm`: an Arm that adds, vectors or weight differences; `prompts`: Prompts that have nothing to do with
    what the arm is for, with replies, whose tokens are then looked at, or without, then the last token;
    `p95_kl`: the divergence to reach, in nats; `coeff`: how often the arm of that strength is added;
    `model`. Gives an Arm; its facts have the unit, the divergence reached and the passes it took.

Reference
    Kullback & Leibler, 1951, for the divergence; it grows with the square of a small coefficient, and the
    search takes secants in the logarithms of both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.arm import Arm, Change
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import row_set
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._lots import by_inputs
from ws_dsl.steps.replies import before_replies_or_ends, stretches

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.prompts import Prompts
    from ws_dsl.models.handle import Handle


class Calibrate(Kind[types.Arm]):
    """An arm at a given divergence."""

    computes = True

    arm: Ref[types.Arm]
    prompts: Ref[types.Prompts]
    p95_kl: Annotated[float, Field(gt=0)]
    coeff: float = 1.0
    model: Ref[types.Model] = Named("model")

    @classmethod
    def changes_nothing(cls, spec: Any) -> bool:
        return spec.coeff == 0


version = 2

_TOLERANCE = 0.01
_WIDEST = 2.0**14
"""The largest unit that is tried, and the inverse of the smallest."""


def run(cells: Sequence[Cell[Calibrate]], context: Context) -> Iterator[tuple[Cell[Calibrate], Artifact]]:
    """One search for all coefficients of an arm; the searches of all arms over the same prompts together."""
    for group in by_inputs(cells, "model", "prompts"):
        prompts, model = group[0].open("prompts"), group[0].one("model")
        searches: dict[tuple[str, float], _Search] = {}
        for cell in group:
            asked = (cell.one("arm").digest, cell.spec.p95_kl)
            searches.setdefault(asked, _Search(cell.open("arm"), cell.spec.p95_kl, cell.name))
        _find(list(searches.values()), prompts, model.digest, context.model(model), context)
        for cell in group:
            search = searches[cell.one("arm").digest, cell.spec.p95_kl]
            found = times(search.arm, search.unit * cell.spec.coeff)
            made_on = sorted({*found.chosen_on, row_set(prompts.ids())})
            notes = {"unit": search.unit, "p95_kl": search.reached, "passes": len(search.tried)}
            yield cell, replace(found, chosen_on=made_on, notes={"calibrated": dict(notes)}).to_artifact()


def times(arm: Arm, number: float) -> Arm:
    """What an arm adds, so many times.

    Raises:
        MeasurementError: it does something else than adding.
    """
    if arm.system is not None or not (arm.changes or arm.weights):
        raise MeasurementError("a system message has no strength that could be scaled")
    weights = [replace(own, coeff=own.coeff * number) for own in arm.weights]
    return replace(arm, changes=[_scaled(change, number) for change in arm.changes], weights=weights)


def _scaled(change: Change, number: float) -> Change:
    if change.operation != "add":
        raise MeasurementError(f"{change.operation} has no strength that could be scaled; only adding has")
    if change.given is None:
        assert change.number is not None
        return replace(change, number=change.number * number)
    values = {site: (own * number).astype("float32") for site, own in change.given.values.items()}
    return replace(change, given=replace(change.given, values=values))


@dataclass(eq=False)
class _Search:
    """The search for one unit.

    Attributes:
        arm: What is scaled.
        target: Divergence to reach, in nats.
        name: For messages.
        unit: The coefficient that is tried next, and in the end the one that was found.
        reached: Divergence at it.
        tried: Logarithms of coefficients and divergences so far.
    """

    arm: Arm
    target: float
    name: str
    unit: float = 1.0
    reached: float = 0.0
    tried: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    @property
    def done(self) -> bool:
        return abs(self.reached / self.target - 1) <= _TOLERANCE

    def take(self, divergence: float) -> None:
        """Notes the divergence at the unit, and moves on unless it is the one.

        Raises:
            MeasurementError: no coefficient reaches the target.
        """
        self.reached = divergence
        if self.done:
            return
        self.tried.append((math.log(self.unit), math.log(max(divergence, 1e-12))))
        self.unit = math.exp(self._next())
        if len(self.tried) > 60 or not 1 / _WIDEST <= self.unit <= _WIDEST:
            raise MeasurementError(
                f"{self.name}: no coefficient brings the 95th percentile of the divergence to "
                f"{self.target:g} nats; at {math.exp(self.tried[-1][0]):.3g} it is {divergence:.3g}"
            )

    def _next(self) -> float:
        """Logarithm of the next coefficient: a secant where it stays between the nearest ones tried."""
        aim = math.log(self.target)
        below = max((one for one in self.tried if one[1] < aim), default=None)
        above = min(
            (one for one in self.tried if one[1] > aim and (below is None or one > below)), default=None
        )
        if below is None or above is None:
            at, value = self.tried[-1]
            return at + max(-3.0, min(3.0, (aim - value) / 2))
        share = (aim - below[1]) / (above[1] - below[1])
        # Kept off the ends, so that the bracket shrinks where the curve is bent.
        return below[0] + (above[0] - below[0]) * min(0.9, max(0.1, share))


def _find(
    searches: Sequence[_Search], prompts: Prompts, model: str, handle: Handle, context: Context
) -> None:
    from ws_dsl.models import divergence

    positions = before_replies_or_ends(prompts)
    references = divergence.states(handle, stretches(prompts, positions, None, model), context.advance)
    while going := [search for search in searches if not search.done]:
        rows = [
            stretch
            for search in going
            for stretch in stretches(prompts, positions, times(search.arm, search.unit), model)
        ]
        values = divergence.kl(handle, rows, references * len(going), context.advance)
        for place, search in enumerate(going):
            own = values[place * len(references) : (place + 1) * len(references)]
            search.take(_p95(own))


def _p95(values: Sequence[np.ndarray]) -> float:
    import numpy as np

    return float(np.quantile(np.concatenate(values), 0.95))
