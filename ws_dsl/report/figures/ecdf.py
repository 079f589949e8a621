"""Empirical distribution of rows.

Draws
    The share of rows at or below each value, one curve per colour. Nothing is binned or smoothed. Where a few
    values lie far out, the axis ends before them and says how many it leaves out.

Roles
    of: a Table, a value per row
    colour: an axis or a row column, a curve per label
    facet: one or more axes or row columns, a panel per combination

Caption
    Share of rows at or below each value.

In a study
    {kind: ecdf, of: removed, colour: arm, alt: Share of the effect that each clamp removes}
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

from typing import TYPE_CHECKING

from ws_dsl.report.figures import canvas, distribution
from ws_dsl.report.figures.distribution import counts
from ws_dsl.report.figures.style import Styles, groups
from ws_dsl.report.frame import Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["counts", "finish", "height", "panel"]


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    for label, rows in groups(part, roles, styles):
        values = sorted(rows.numbers(roles.of))
        if not values:
            continue
        shares = [place / len(values) for place in range(len(values) + 1)]
        style = styles.of(label)
        axes.plot(
            [values[0], *values],
            shares,
            color=style.colour,
            marker=style.shape,
            markevery=(len(values) // 10, max(1, len(values) // 5)),
            drawstyle="steps-post",
        )
    window = distribution.window(whole.numbers(roles.of))
    axes.set_xlim(window.low, window.high)
    axes.set_ylim(0, 1)
    canvas.grid(axes, "both")


def height(whole: Frame, roles: Roles, panels: int) -> float:
    return 260 if panels < 3 else 220


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    canvas.label(figure, panels, distribution.label(whole, roles.of, n), "share of rows at or below")
