"""Components made stronger or weaker.

What it does
    Multiplies the activation of the named heads, neurons, streams or projections by a number, several at
    once, at the tokens that are named.

What it cannot show
    What the component would say at another strength: far from 1 the layers above see what they never saw in
    training.

Inputs and output
    `sites`: Sites, or addresses such as `[L21N1876, L19H2]` (none of them is no intervention); `group`: of
    ranked sites, `each` alone or all `up_to` the rank. `factor`: 1 changes nothing, 0 removes, −1 turns
    round. `at`: `last`, `prompt_last`, `reply_first`, `reply_last`, `reply`, `all`, an index (negative from
    the end), `{token: " Paris", count: 1}`, or a list of these; or, instead, `during`: all tokens of the
    `prompt`, all `generated` ones, or `both`. `model`. Gives an Arm.

Reference
    A neuron is an entry of the input of `down_proj`, a head its slice of the input of `o_proj`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import model_validator

from ws_dsl.artifacts.arm import Arm, Change
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.intervene._sites import AtSites, chosen


class Scale(AtSites):
    """Sites multiplied by a number."""

    computes = False

    factor: float

    @model_validator(mode="after")
    def _named(self) -> Scale:
        if self.at == "shared_suffix":
            raise ValueError("nothing is shared: name the tokens")
        return self

    @classmethod
    def changes_nothing(cls, spec: Any) -> bool:
        return spec.sites == [] or spec.factor == 1


version = 1


def run(cells: Sequence[Cell[Scale]], context: Context) -> Iterator[tuple[Cell[Scale], Artifact]]:
    """Writes down what is to be done; no pass through the model."""
    for cell in cells:
        addresses, chosen_on = chosen(cell)
        change = Change("scale", addresses, cell.spec.place, cell.spec.during, cell.spec.factor)
        yield cell, Arm([change], cell.one("model").digest, chosen_on).to_artifact()
