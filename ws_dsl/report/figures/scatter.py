"""Scatter of rows, or of cells.

Draws
    One point per row, at its values of two Tables that are joined by row and by the axes that both have; of
    two Estimates one per cell, joined by the axes that both have. Where both are in one unit, a dashed line
    marks x = y.

Roles
    x: a Table, or an Estimate with the statistic picked (`effect.mean`)
    y: a Table, or an Estimate with the statistic picked
    colour: an axis or a row column, a colour and marker per label
    marker: an axis or a row column, a marker per label, where it is not the colour's
    facet: one or more axes or row columns, a panel per combination

Caption
    One point per row, of estimates per cell; where both axes have one unit, the dashed line is x = y.

In a study
    {kind: scatter, x: "delta[arm=none]", y: "delta[arm!=none]", colour: arm, alt: With and without clamp}
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

from typing import TYPE_CHECKING

from ws_dsl.report.figures import canvas, distribution
from ws_dsl.report.figures.style import Styles, groups
from ws_dsl.report.frame import Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    x, y = _columns(roles)
    for label, rows in groups(part, roles, styles):
        for shape in rows.levels(roles.marker) if roles.marker else [""]:
            drawn = rows.where(roles.marker, shape) if roles.marker else rows
            style = styles.of(label, shape)
            points = _points(drawn, x, y)
            axes.plot(
                [p[0] for p in points],
                [p[1] for p in points],
                linestyle="none",
                marker=style.shape,
                markersize=4.5,
                color=style.colour,
                alpha=0.6,
                markeredgewidth=0,
            )
    across, up = (distribution.window(whole.numbers(x)), distribution.window(whole.numbers(y)))
    axes.set_xlim(across.low, across.high)
    axes.set_ylim(up.low, up.high)
    if across.low < 0 < across.high:
        axes.axvline(0, color="black", alpha=0.35, linewidth=0.8)
    if up.low < 0 < up.high:
        axes.axhline(0, color="black", alpha=0.35, linewidth=0.8)
    if whole.units.get(x) and whole.units.get(x) == whole.units.get(y):
        axes.axline((0, 0), slope=1, color="black", alpha=0.5, linewidth=0.9, linestyle=(0, (4, 3)))


def height(whole: Frame, roles: Roles, panels: int) -> float:
    return {1: 340, 2: 300}.get(panels, 220)


def counts(part: Frame, roles: Roles) -> list[int]:
    x, y = _columns(roles)
    parts = (
        [part.where(roles.colour, label) for label in part.levels(roles.colour)] if roles.colour else [part]
    )
    return [len(_points(group, x, y)) for group in parts]


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    x, y = _columns(roles)
    canvas.label(figure, panels, distribution.label(whole, x, n), distribution.label(whole, y, ""))


def _columns(roles: Roles) -> tuple[str, str]:
    return roles.x or "x", roles.y or "y"


def _points(rows: Frame, x: str, y: str) -> list[tuple[float, float]]:
    pairs = zip(rows.columns[x], rows.columns[y], strict=True)
    return [(float(a), float(b)) for a, b in pairs if a is not None and b is not None]
