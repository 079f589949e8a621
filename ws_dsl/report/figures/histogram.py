"""Histogram of rows.

Draws
    Rows per bin, one outline per colour, all panels on the same bins. Where a few values lie far out, the
    axis ends before them and says how many it leaves out. Bin widths follow Freedman and Diaconis (1981).

Roles
    of: a Table, a value per row
    colour: an axis or a row column, an outline per label
    facet: one or more axes or row columns, a panel per combination

Caption
    Rows per bin; the marker tells outlines apart.

In a study
    {kind: histogram, of: "delta[arm=none]", colour: paraphrase, alt: How far each claim moves}
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

_MOST_BINS = 50


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    import numpy as np

    values = whole.numbers(roles.of)
    window = distribution.window(values)
    inside = [value for value in values if window.low <= value <= window.high]
    edges = np.histogram_bin_edges(inside, bins="fd", range=(window.low, window.high))
    if len(edges) > _MOST_BINS:
        edges = np.linspace(window.low, window.high, _MOST_BINS + 1)
    for label, rows in groups(part, roles, styles):
        style = styles.of(label)
        heights, _ = np.histogram(rows.numbers(roles.of), bins=edges)
        axes.stairs(heights, edges, color=style.colour, fill=True, alpha=0.18)
        axes.stairs(heights, edges, color=style.colour, linewidth=1.6)
        peak = int(heights.argmax())
        axes.plot(
            [(edges[peak] + edges[peak + 1]) / 2], [heights[peak]], color=style.colour, marker=style.shape
        )
    axes.set_xlim(window.low, window.high)
    canvas.grid(axes, "y")


def height(whole: Frame, roles: Roles, panels: int) -> float:
    return 280 if panels < 3 else 210


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    panels[0].set_ylim(bottom=0)  # shared by all, and known only now
    canvas.label(figure, panels, distribution.label(whole, roles.of, n), "rows")
