"""Densities of rows, side by side.

Draws
    For every label of x the density of the rows, with their median (mark) and quartiles (bar); one violin per
    colour.

Roles
    of: a Table, a value per row
    x: an axis or a row column, a place per label
    colour: an axis or a row column, a violin per label
    facet: one or more axes or row columns, a panel per combination

Caption
    Mark: median of the rows; bar: their quartiles.

In a study
    {kind: violin, of: score, x: paraphrase, colour: condition, alt: Scores by paraphrase and condition}
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ws_dsl.report.figures import canvas, distribution
from ws_dsl.report.figures.style import Styles, groups
from ws_dsl.report.frame import Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    import numpy as np

    window = distribution.window(whole.numbers(roles.of))
    labels = whole.levels(roles.x) if roles.x else [""]
    colours = list(styles.colours)
    width = 0.8 / len(colours)
    for place, label in enumerate(labels):
        here = part.where(roles.x, label) if roles.x else part
        for name, rows in groups(here, roles, styles):
            values = rows.numbers(roles.of)
            if not values:
                continue
            style = styles.of(name)
            middle = place + (colours.index(name) - (len(colours) - 1) / 2) * width
            shown = [value for value in values if window.low <= value <= window.high]
            parts = axes.violinplot([shown], positions=[middle], widths=0.92 * width, showextrema=False)
            for body in cast("list[PolyCollection]", parts["bodies"]):
                body.set(facecolor=style.colour, edgecolor=style.colour, alpha=0.28)
            low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
            axes.vlines(middle, low, high, color=style.colour, linewidth=3)
            axes.plot([middle], [median], marker=style.shape, color=style.colour, markeredgecolor="white")
    axes.set_ylim(window.low, window.high)
    axes.set_xticks(range(len(labels)), labels)
    canvas.grid(axes, "y")


def height(whole: Frame, roles: Roles, panels: int) -> float:
    return 300 if panels < 3 else 240


def counts(part: Frame, roles: Roles) -> list[int]:
    parts = [part.where(roles.x, label) for label in part.levels(roles.x)] if roles.x else [part]
    return [n for violins in parts for n in distribution.counts(violins, roles)]


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    notes = distribution.notes(whole, roles.of, n)
    across = [whole.title(roles.x)] if roles.x else []
    canvas.label(figure, panels, ", ".join([*across, *notes]), whole.title(roles.of))
