"""Heat map of a number over two axes, such as a search over all heads.

Draws
    A field per pair of labels; numbers sort as numbers. Values of both signs get a scale that is symmetric
    about 0. Pairs without a value stay empty: of a ranking, components that it did not keep.

Roles
    of: an Estimate, with the statistic picked where it has several, or Sites (their score)
    x: an axis; of Sites also `head` or `neuron`
    y: an axis; of Sites also `layer`
    facet: one or more axes, a panel per combination

Caption
    Fields without a value stay empty.

In a study
    {kind: heatmap, of: "ranked[among=heads]", x: head, y: layer, alt: Effect of clamping each head}
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ws_dsl.report.figures import canvas
from ws_dsl.report.figures.interval import counts
from ws_dsl.report.figures.style import Styles
from ws_dsl.report.frame import Frame, Roles
from ws_dsl.report.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["counts", "finish", "height", "panel"]

_LETTER, _ROOM = 6.5, 700
"""Pixels of a letter of a label, and of all panels beside one another."""
_MOST_TICKS = 16
_MOST_WRITTEN = 80


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    import numpy as np

    x, y = roles.x or "x", roles.y or "y"
    across, down = _sorted(whole.levels(x)), _sorted(whole.levels(y))
    values = np.full((len(down), len(across)), np.nan)
    for a, b, value in zip(part.columns[x], part.columns[y], part.columns[roles.of], strict=True):
        if value is not None:
            values[down.index(str(b)), across.index(str(a))] = float(value)
    low, high = _limits(whole, roles)
    colours = "PuOr_r" if low < 0 < high else "viridis"
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(values), cmap=colours, vmin=low, vmax=high, edgecolors="face", linewidth=0.4
    )
    if values.size <= _MOST_WRITTEN:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = mesh.cmap(mesh.norm(value))
                light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
                ink = "#1d1f21" if light else "#ffffff"
                axes.text(
                    column + 0.5, row + 0.5, number(value, 2), ha="center", va="center", color=ink, size=11
                )
    for axis, labels in ((axes.xaxis, across), (axes.yaxis, down)):
        every = -(-len(labels) // _MOST_TICKS)
        axis.set_ticks([place + 0.5 for place in range(0, len(labels), every)], labels[::every])
    axes.set_xlim(0, len(across))
    axes.set_ylim(len(down), 0)
    axes.spines[:].set_visible(False)


def height(whole: Frame, roles: Roles, panels: int) -> float:
    lines = len(whole.levels(roles.y or "y"))
    return max(90.0, lines * max(14.0, min(30.0, 420 / lines)))


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    label = f"{whole.title(roles.of)}, {n}" if n else whole.title(roles.of)
    across = f"{whole.title(roles.x or 'x')}; colour: {label}"
    canvas.label(figure, panels, across, whole.title(roles.y or "y"))
    names = [name.get_text() for name in panels[0].get_xticklabels()]
    room = _ROOM / panels[0].get_gridspec().ncols  # pyright: ignore[reportOptionalMemberAccess]
    if _LETTER * sum(len(name) + 2 for name in names) > room:
        for axes in panels:
            axes.tick_params(axis="x", labelrotation=90)
    bar = figure.colorbar(panels[0].collections[0], ax=panels, aspect=15)
    bar.solids.set(rasterized=False, edgecolor="face")  # pyright: ignore[reportOptionalMemberAccess]
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]


def _sorted(labels: list[str]) -> list[str]:
    """Labels in their own order; numbers by size, since rankings name layers as they come."""
    return (
        sorted(labels, key=float) if all(re.fullmatch(r"-?\d+(\.\d+)?", text) for text in labels) else labels
    )


def _limits(whole: Frame, roles: Roles) -> tuple[float, float]:
    values = whole.numbers(roles.of)
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low < 0 < high:
        reach = max(-low, high)
        return -reach, reach
    return low, high
