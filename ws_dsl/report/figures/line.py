"""Curve of a statistic along an axis, such as the top-k curve of a search.

Draws
    A point per label of x, joined in order, one line per colour, with the 95 % interval as a band. Labels
    that are numbers stand at their place, others at equal distances.

Roles
    of: an Estimate, with the statistic picked (`share.median`), Sites (their score), or Adapters (their loss)
    x: an axis, such as `rank`, `k`, `layer` or `coeff`; of Adapters `step`, with `curve` (`train` or
        `validation`) as a facet or colour
    colour: an axis, a line per label
    facet: one or more axes, a panel per combination

Caption
    Point: estimate; band: its 95 % interval.

In a study
    {kind: line, of: verified.median, x: rank, colour: search, facet: group, alt: Share removed by the top k}
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

from typing import TYPE_CHECKING

from ws_dsl.report.figures import canvas
from ws_dsl.report.figures.interval import counts, ends
from ws_dsl.report.figures.style import Styles, groups
from ws_dsl.report.frame import Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["counts", "finish", "height", "panel"]


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    x = roles.x or "x"
    places = _places(whole, x)
    for label, rows in groups(part, roles, styles):
        style = styles.of(label)
        low, high = ends(rows, roles.of)
        columns = zip(rows.columns[x], rows.columns[roles.of], low, high, strict=True)
        points = sorted(
            (places[str(a)], float(v), lo, hi) for a, v, lo, hi in columns if a is not None and v is not None
        )
        along = [point[0] for point in points]
        axes.plot(along, [point[1] for point in points], color=style.colour, marker=style.shape)
        banded = [point for point in points if point[2] is not None and point[3] is not None]
        axes.fill_between(
            [point[0] for point in banded],
            [point[2] for point in banded],  # pyright: ignore[reportArgumentType]
            [point[3] for point in banded],  # pyright: ignore[reportArgumentType]
            color=style.colour,
            alpha=0.16,
            linewidth=0,
        )
    if not _numeric(whole, x):
        axes.set_xticks(list(places.values()), list(places))
    elif len(places) <= 12:
        axes.set_xticks(list(places.values()))
    elif all(place == int(place) for place in places.values()):
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    canvas.grid(axes, "y")


def height(whole: Frame, roles: Roles, panels: int) -> float:
    return 300 if panels < 3 else 220


def finish(figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
    bottom, top = panels[0].get_ylim()
    for axes in panels if bottom < 0 < top else []:
        axes.axhline(0, color="black", alpha=0.35, linewidth=0.8)
    label = whole.title(roles.of)
    canvas.label(figure, panels, whole.title(roles.x or "x"), f"{label}, {n}" if n else label)


def _numeric(whole: Frame, column: str) -> bool:
    return all(_number(label) is not None for label in whole.levels(column))


def _places(whole: Frame, column: str) -> dict[str, float]:
    """Place along the axis of every label: its number where all are numbers, else its rank."""
    labels = whole.levels(column)
    if _numeric(whole, column):
        return {label: float(label) for label in labels}
    return {label: float(place) for place, label in enumerate(labels)}


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None
