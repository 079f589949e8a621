"""Groups are of about equal size.

What it does
    Counts rows with a value: by the values of a row column, in every cell; or by cell, along an axis. The
    smallest count must be a stated share of the largest. An answer that stands first twice as often as second
    turns a preference for position into one for content.

What it cannot show
    That groups are alike in anything but their size.

Inputs and output
    `of`: Rows, Prompts or Tables, of which rows that are `ok` count; `axis`: the axis along which cells are
    counted; `by`: instead, the row column whose values are counted within each cell; `least`: the share, 0.9
    by default.

Reference
    Notes on preference data: a global share of 54 % for the second place, of an unbalanced presentation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Check, Column, Ref
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.check._cells import Labels, along, shown, told


class Balanced(Check):
    """Groups of about equal size."""

    labelled: ClassVar[bool] = True
    row_columns: ClassVar[bool] = True

    of: Ref[types.Rows | types.Prompts | types.Table]
    axis: Axis | None = None
    by: Column | None = None
    least: Annotated[float, Field(gt=0, le=1)] = 0.9

    @model_validator(mode="after")
    def _one(self) -> Balanced:
        if (self.axis is None) == (self.by is None):
            raise ValueError("give either axis or by")
        return self


version = 1


def run(cells: Sequence[Cell[Balanced]], context: Context) -> Iterator[tuple[Cell[Balanced], Artifact]]:
    """Counts the rows of every group."""
    for cell in cells:
        spec, inputs = cell.spec, cell.inputs["of"]
        if spec.axis is not None:
            groups = _by_cell(inputs, spec.axis)
        else:
            assert spec.by is not None
            behind = [one.open() for one in cell.inputs["row_columns"]]
            groups = _by_value(inputs, behind, spec.by)
        broken: list[tuple[str, int]] = []
        wrong: list[str] = []
        ratios: list[float] = []
        for rest, counts, places in groups:
            most = max(counts.values(), default=0)
            ratio = min(counts.values()) / most if most else 0.0
            ratios.append(ratio)
            if not (ratio >= spec.least and len(counts) > 1):
                wrong.append(
                    f"{shown(rest)}: {', '.join(f'{n} {name}' for name, n in sorted(counts.items()))}"
                )
                broken += [("of", place) for place in places]
        what = spec.axis or spec.by
        detail = f"smallest to largest at least {min(ratios, default=0):.3f} in {len(ratios)} groups"
        statement = f"{what} is balanced: the smallest group is at least {spec.least:g} of the largest"
        whole = f"{detail}; {told(wrong)}" if wrong else detail
        yield cell, Finding(bool(ratios) and not wrong, statement, whole, broken).to_artifact()


def _by_cell(inputs: Sequence[Input], axis: str) -> list[tuple[Labels, dict[str, int], list[int]]]:
    found: list[tuple[Labels, dict[str, int], list[int]]] = []
    for rest, by_label in along(inputs, axis).items():
        counts = {label: len(_present(inputs[place])) for label, place in by_label.items()}
        found.append((rest, counts, list(by_label.values())))
    return found


def _by_value(
    inputs: Sequence[Input], behind: Sequence[Rows], column: str
) -> list[tuple[Labels, dict[str, int], list[int]]]:
    from ws_dsl.steps.analyse._observations import row_columns

    found: list[tuple[Labels, dict[str, int], list[int]]] = []
    for place, (one, rows) in enumerate(zip(inputs, behind, strict=True)):
        values = {str(value): 0 for value in rows.columns.get(column, [])}
        here = row_columns(one.open().keys, _present(one), rows, [column])
        counts = values | Counter(str(value) for (value,) in here)
        found.append((tuple(one.labels.items()), counts, [place]))
    return found


def _present(one: Input) -> list[tuple[Any, ...]]:
    """Keys of the rows that have a value."""
    found = one.open()
    status = found.columns.get("status", ["ok"] * len(found))
    return [key for key, said in zip(found.ids(), status, strict=True) if said == "ok"]
