"""Opposite interventions move opposite ways.

What it does
    Along an axis of numbers, compares the effect at every coefficient c with that at −c; along an axis of two
    labels, the effect at one with that at the other, for all the cells' other labels. The two must be on
    opposite sides of 0. A prompt that only mentions a concept moves both ways alike.

What it cannot show
    That the effects are of the concept, or equally large. Their signs alone are compared: an effect within
    noise has a sign too.

Inputs and output
    `of`: Estimates of effects, with `mean` or `value`, or a statistic that is picked; `axis`: the axis along
    which cells are opposites.

Reference
    The weight-steering study's engineered prompts: +0.045 for the honest and +0.049 for the dishonest one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Check, Ref
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.check._cells import along, shown, told


class OppositeSign(Check):
    """Effects of opposite sign under opposite interventions."""

    labelled: ClassVar[bool] = True

    of: Ref[types.Estimate]
    axis: Axis


version = 1


def run(
    cells: Sequence[Cell[OppositeSign]], context: Context
) -> Iterator[tuple[Cell[OppositeSign], Artifact]]:
    """Compares the signs of every pair."""
    for cell in cells:
        yield cell, compared(cell.inputs["of"], cell.spec.axis).to_artifact()


def compared(inputs: Sequence[Input], axis: str) -> Finding:
    """Whether the effects of every pair of opposites have opposite signs."""
    broken: dict[tuple[str, int], None] = {}
    wrong: list[str] = []
    pairs = 0
    for rest, by_label in along(inputs, axis).items():
        opposites = opposite(list(by_label))
        if not opposites:
            wrong.append(f"{shown(rest)}: no opposites among {axis}={'|'.join(by_label)}")
            broken.update({("of", place): None for place in by_label.values()})
        for labels in opposites:
            pairs += 1
            values = [_value(inputs[by_label[label]]) for label in labels]
            if None in values or not (min(values) < 0 < max(values)):  # pyright: ignore[reportArgumentType, reportOperatorIssue]
                sides = (f"{_number(v)} at {axis}={label}" for v, label in zip(values, labels, strict=True))
                wrong.append(f"{shown(rest)}: {', '.join(sides)}")
                broken.update({("of", by_label[label]): None for label in labels})
    statement = f"opposites along {axis} move opposite ways"
    detail = f"{pairs} pairs, {len(wrong)} of them not opposite" + (f": {told(wrong)}" if wrong else "")
    return Finding(bool(pairs) and not wrong, statement, detail, list(broken))


def opposite(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of labels that are opposites: numbers that add up to 0, or the only two there are."""
    try:
        numbers = {float(label): label for label in labels}
    except ValueError:
        return [(labels[0], labels[1])] if len(labels) == 2 else []
    return [
        (label, numbers[-number]) for number, label in numbers.items() if number > 0 and -number in numbers
    ]


def _value(one: Input) -> float | None:
    from ws_dsl.steps.analyse._paired import default, picked

    estimate = picked(one)
    return estimate.stats[default(estimate)].value


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
