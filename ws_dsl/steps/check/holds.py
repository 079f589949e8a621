"""A condition on results.

What it does
    Compares a statistic of every cell with a number. Of a Table the mean of the column is taken (`mean_ge`),
    its extremes (`min_ge`, `max_le`), or the share of rows whose status is `ok` (`share_ok_ge`); of an
    Estimate any of its statistics, or an end of its interval (`mean.low_gt`).

What it cannot show
    That the condition is the right one.

Inputs and output
    `of`: Tables or Estimates, one cell or several; `when`: conditions `[all_|any_]STATISTIC_OPERATOR`, all of
    which must hold; without a quantifier, in all cells. An undefined number breaks the condition.

Reference
    Conditions are those of the decision rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import field_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.condition import parse_condition
from ws_dsl.specs.kind import Check, Ref
from ws_dsl.steps.cell import Cell, Context, Input


class Holds(Check):
    """Conditions on a statistic of every cell."""

    of: Ref[types.Table | types.Estimate]
    when: dict[str, float]

    @field_validator("when")
    @classmethod
    def _conditions(cls, when: dict[str, float]) -> dict[str, float]:
        for name in when:
            parse_condition(name)
        return when


version = 1


def run(cells: Sequence[Cell[Holds]], context: Context) -> Iterator[tuple[Cell[Holds], Artifact]]:
    """Compares every input with every bound."""
    for cell in cells:
        broken: dict[tuple[str, int], None] = {}
        details: list[str] = []
        for name, bound in cell.spec.when.items():
            condition = parse_condition(name)
            numbers = [_number(one, condition.statistic or "value") for one in cell.inputs["of"]]
            good = [condition.holds(number, bound) for number in numbers]
            if not (any(good) if condition.quantifier == "any" else all(good)):
                broken.update({("of", i): None for i, fine in enumerate(good) if not fine})
            known = [number for number in numbers if number is not None]
            span = f"{min(known):.4g} to {max(known):.4g}" if known else "undefined"
            details.append(f"{condition.statistic or 'value'}: {span} over {len(numbers)} cells")
        words = " and ".join(f"{name} {bound:g}" for name, bound in cell.spec.when.items())
        yield cell, Finding(not broken, words, "; ".join(details), list(broken)).to_artifact()


def _number(one: Input, statistic: str) -> float | None:
    found = one.open()
    if isinstance(found, Estimate):
        name, _, end = statistic.rpartition(".")
        if end in ("low", "high", "sd", "n") and name in found.stats:
            return getattr(found.stats[name], end)
        if statistic not in found.stats:
            raise MeasurementError(
                f"the estimate has no statistic {statistic!r} (it has {', '.join(found.stats)})"
            )
        return found.stats[statistic].value
    assert isinstance(found, Table)
    if statistic == "share_ok":
        return found.columns["status"].count("ok") / len(found)
    values = list(found.series(one.column or "value").values())
    if statistic not in ("mean", "min", "max"):
        raise MeasurementError(
            f"of a table mean, min, max and share_ok are compared, not {statistic!r}; use a summary step"
        )
    if not values:
        return None
    return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}[statistic]
