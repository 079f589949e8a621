"""Forest plot: estimates with their intervals, one line per cell.

Draws
    A mark per estimate and a bar for its 95 % interval, lines by the labels of y, one mark per colour, n at
    the right (in the axis's name where all panels share one), and a line at 0. Where y is several axes, the
    last tells lines apart and the others group them.

Roles
    of: an Estimate, with the statistic picked (`share.median`) where it has several
    y: an axis, or several: `[baseline, paraphrase]`
    colour: an axis, a mark per label
    marker: an axis, a marker per label, where it is not the colour's
    facet: one or more axes, a panel per combination

Caption
    Mark: estimate; bar: its 95 % interval; a number at the right is its n.

In a study
    {kind: interval, of: shift.mean, y: [baseline, paraphrase], alt: Mean shift for every pair}
"""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ws_dsl.report.figures import canvas
from ws_dsl.report.figures.style import Styles, groups
from ws_dsl.report.frame import Cell, Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NEAR = 0.2
_HEAD = 0.7
"""Height of the head of a group, in lines."""


def panel(axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
    rows = _lines(whole, roles)
    labels = {line.key: line.place for line in rows if line.key is not None}
    told: dict[str, list[tuple[float, Cell]]] = {}
    colours = list(styles.colours)
    step = 0.7 / len(colours)
    right = axes.get_yaxis_transform()
    for name, drawn in groups(part, roles, styles):
        shift = (colours.index(name) - (len(colours) - 1) / 2) * step
        low, high = ends(drawn, roles.of)
        nothing: Sequence[Cell] = [None] * len(drawn)
        where = drawn.columns[roles.y] if roles.y else [""] * len(drawn)
        shapes = drawn.columns[roles.marker] if roles.marker else nothing
        counted = drawn.columns["n"] if _n_is_told_by_line(whole, roles) else nothing
        for label, shape, value, left, end, n in zip(
            where, shapes, drawn.columns[roles.of], low, high, counted, strict=True
        ):
            place = labels[str(label)] + shift
            if value is None:
                axes.text(0.01, place, "undefined", transform=right, va="center", size=10, alpha=0.7)
                continue
            style = styles.of(name, shape)
            if left is not None and end is not None:
                axes.plot([left, end], [place, place], color=style.colour, linewidth=2, alpha=0.75)
            axes.plot([float(value)], [place], color=style.colour, marker=style.shape, markersize=6.5)
            if n is not None:
                told.setdefault(str(label), []).append((place, n))
    for label, several in told.items():
        alike = len({n for _, n in several}) == 1
        for place, n in [(labels[label], several[0][1])] if alike else several:
            axes.text(1.01, place, str(n), transform=right, va="center", size=10, alpha=0.8)
    axes.set_yticks([line.place for line in rows], [line.label for line in rows])
    for tick, line in zip(axes.yaxis.get_major_ticks(len(rows)), rows, strict=True):
        tick.label1.set_fontweight("bold" if line.key is None else "normal")
    axes.set_ylim(rows[-1].place + 0.55 if rows else 0.5, -0.55)
    if _zero_is_near(whole, roles):
        axes.axvline(0, color="black", alpha=0.5, linewidth=0.9)
    canvas.grid(axes, "x")


def _n_is_told_by_line(whole: Frame, roles: Roles) -> bool:
    """Whether n stands beside every mark: not where panels would only repeat one number."""
    return "n" in whole.columns and not (roles.facet and len(set(whole.numbers("n"))) == 1)


class _Line(NamedTuple):
    """A line of the plot: its label, the label of `y` there (None for the head of a group), and its place."""

    label: str
    key: str | None
    place: float


def _lines(whole: Frame, roles: Roles) -> list[_Line]:
    if roles.y is None:
        return [_Line("", "", 0)]
    if len(roles.lines) < 2:
        return [_Line(label, label, place) for place, label in enumerate(whole.levels(roles.y))]
    *outer, inner = roles.lines
    found: dict[str, dict[str, str]] = {}
    for place, key in enumerate(whole.columns[roles.y]):
        parts = [str(whole.columns[c][place]) for c in outer if whole.columns[c][place] is not None]
        own = whole.columns[inner][place]
        found.setdefault(" · ".join(parts), {})[str(key)] = "–" if own is None else str(own)
    lines: list[_Line] = []
    for head, members in found.items():
        start = lines[-1].place + 0.5 + _HEAD / 2 if lines else 0.0
        lines.append(_Line(head, None, start))
        first = start + _HEAD / 2 + 0.5
        lines += [_Line(label, key, first + place) for place, (key, label) in enumerate(members.items())]
    return lines


def _zero_is_near(whole: Frame, roles: Roles) -> bool:
    """Whether a line at 0 leaves room to tell the estimates apart."""
    low, high = ends(whole, roles.of)
    values = [v for v in (*whole.numbers(roles.of), *low, *high) if v is not None]
    if not values:
        return False
    return min(values) <= 0 <= max(values) or (
        max(values) - min(values) > _NEAR * min(abs(min(values)), abs(max(values)))
    )


def height(whole: Frame, roles: Roles, panels: int) -> float:
    lines = _lines(whole, roles)
    marks = len(whole.levels(roles.colour)) if roles.colour else 1
    return max(60.0, (lines[-1].place + 1 if lines else 1) * max(22, 9 * marks + 8))


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
    down = ", ".join(whole.title(axis) for axis in roles.lines or (roles.y,) if axis is not None)
    if _n_is_told_by_line(whole, roles):
        for axes in panels:
            axes.text(1.01, 1.0, "n", transform=axes.transAxes, va="bottom", size=10, alpha=0.8)
    elif n:
        label = f"{label}, {n}"
    canvas.label(figure, panels, label, down)


def ends(rows: Frame, column: str) -> tuple[list[float | None], list[float | None]]:
    """Lower and upper ends of a statistic's interval, row by row; None where there is none."""
    nothing: Sequence[Cell] = [None] * len(rows)
    low, high = (rows.columns.get(f"{column}.{end}", nothing) for end in ("low", "high"))
    return [None if v is None else float(v) for v in low], [None if v is None else float(v) for v in high]
