"""Forest plot: statistic `of` with its 95 % interval, one line per label of `y`, one mark per `colour`."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ws_dsl.report.figures import canvas
from ws_dsl.report.figures.style import Styles, groups
from ws_dsl.report.frame import Cell, Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    labels = whole.levels(roles.y) if roles.y else [""]
    colours = list(styles.colours)
    step = 0.7 / len(colours)
    for name, rows in groups(part, roles, styles):
        shift = (colours.index(name) - (len(colours) - 1) / 2) * step
        low, high = ends(rows, roles.of)
        where = rows.columns[roles.y] if roles.y else [""] * len(rows)
        shapes = rows.columns[roles.marker] if roles.marker else [None] * len(rows)
        for label, shape, value, left, right in zip(
            where, shapes, rows.columns[roles.of], low, high, strict=True
        ):
            place = labels.index(str(label)) + shift
            if value is None:
                at_left = axes.get_yaxis_transform()
                axes.text(0.01, place, "undefined", transform=at_left, va="center", size=10, alpha=0.7)
                continue
            style = styles.of(name, shape)
            if left is not None and right is not None:
                axes.plot([left, right], [place, place], color=style.colour, linewidth=2, alpha=0.75)
            axes.plot([float(value)], [place], color=style.colour, marker=style.shape, markersize=6.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    canvas.grid(axes, "x")


def height(whole: Frame, roles: Roles, panels: int) -> float:
    lines = len(whole.levels(roles.y)) if roles.y else 1
    marks = len(whole.levels(roles.colour)) if roles.colour else 1
    return max(60.0, lines * max(24, 13 * marks + 8))


def counts(part: Frame, roles: Roles) -> list[int]:
    """Rows behind every estimate of a panel that is defined; empty where the frame has no column `n`."""
    if "n" not in part.columns:
        return []
    pairs = zip(part.columns["n"], part.columns[roles.of], strict=True)
    return [int(n) for n, value in pairs if n is not None and value is not None]


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    label = (
        f"{whole.title(roles.of)}, 95 % interval"
        if f"{roles.of}.low" in whole.columns
        else whole.title(roles.of)
    )
    canvas.label(figure, panels, f"{label}, {n}" if n else label, whole.title(roles.y) if roles.y else "")


def ends(rows: Frame, column: str) -> tuple[list[float | None], list[float | None]]:
    """Lower and upper ends of a statistic's interval, row by row; None where there is none."""
    nothing: Sequence[Cell] = [None] * len(rows)
    low, high = (rows.columns.get(f"{column}.{end}", nothing) for end in ("low", "high"))
    return [None if v is None else float(v) for v in low], [None if v is None else float(v) for v in high]
