"""What every kind of figure shares: panels, legend above them, one look, and bytes that repeat."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the types of its keyword arguments open)

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol
from xml.sax.saxutils import escape

from ws_dsl.report.figures.style import Styles, styles_of
from ws_dsl.report.frame import Frame, Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 840
_COLUMNS = 3
_LEGEND_WIDTH = 780
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_LOOK = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ws-dsl",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.frameon": False,
    "legend.fontsize": 12,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "figure.dpi": 72,
    "savefig.dpi": 72,
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "path.simplify": True,
}


class Kind(Protocol):
    """A module that draws one kind of figure."""

    def panel(self, axes: Axes, part: Frame, whole: Frame, roles: Roles, styles: Styles) -> None:
        """Draws one panel: `part` of the frame, on axes that suit `whole`."""
        ...

    def height(self, whole: Frame, roles: Roles, panels: int) -> float:
        """Height of one panel in pixels, labels left out."""
        ...

    def counts(self, part: Frame, roles: Roles) -> list[int]:
        """Rows behind each thing that a panel draws; empty where unknown."""
        ...

    def finish(self, figure: Figure, panels: list[Axes], whole: Frame, roles: Roles, n: str) -> None:
        """Labels of the axes and what belongs to the whole figure; `n` is empty or such as `n = 193`."""
        ...


def draw(kind: Kind, frame: Frame, roles: Roles, alt: str, title: str) -> bytes:
    """One figure of a kind; see `figures.draw`."""
    import matplotlib
    from matplotlib.figure import Figure

    parts = list(_facets(frame, roles.facet))
    columns = _columns(frame, roles.facet, len(parts))
    rows = -(-len(parts) // columns)
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_LOOK}):  # pyright: ignore[reportArgumentType]
        styles = styles_of(frame, roles)
        legend_rows = _legend_rows(styles)
        height = (
            rows * (kind.height(frame, roles, columns) + (48 if len(parts) > 1 else 40))
            + 24 * legend_rows
            + 16
        )
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for spare in panels[len(parts) :]:
            spare.remove()
        del panels[len(parts) :]
        seen = [kind.counts(part, roles) for _, part in parts]
        alike = len({(min(counts), max(counts)) for counts in seen if counts}) == 1
        for place, ((name, part), counts, axes) in enumerate(zip(parts, seen, panels, strict=True)):
            kind.panel(axes, part, frame, roles, styles)
            axes.set_title(name if alike or not counts else f"{name}  ({_n(counts)})".strip())
            axes.tick_params(
                labelbottom=place + columns >= len(parts), labelleft=place % columns == 0, length=3
            )
        kind.finish(figure, panels, frame, roles, _n(seen[0]) if alike and seen[0] else "")
        _legend(figure, styles, legend_rows)
        return _bytes(figure, alt, title)


def label(figure: Figure, panels: list[Axes], x: str, y: str) -> None:
    """Names both axes once, however many panels there are."""
    if len(panels) == 1:
        panels[0].set_xlabel(x)
        panels[0].set_ylabel(y)
    else:
        figure.supxlabel(x, fontsize=12)
        figure.supylabel(y, fontsize=12)


def grid(axes: Axes, along: str) -> None:
    """Faint lines across the axis along which numbers are read: `x` or `y`."""
    axes.grid(axis=along, color="black", alpha=0.13, linewidth=0.8)  # pyright: ignore[reportArgumentType]


def _facets(frame: Frame, columns: tuple[str, ...]) -> Iterator[tuple[str, Frame]]:
    """Every combination of facet labels that has rows, with the name of its panel."""
    if not columns:
        yield "", frame
        return
    first, *rest = columns
    for label in frame.levels(first):
        for name, part in _facets(frame.where(first, label), tuple(rest)):
            own = f"{frame.name(first)}: {label}"
            yield (f"{own}, {name}" if name else own), part


def _columns(frame: Frame, facet: tuple[str, ...], panels: int) -> int:
    """Panels side by side: a row for every label of the first of two axes, where they make a full grid."""
    if len(facet) > 1 and len(frame.levels(facet[-1])) <= _COLUMNS:
        across = len(frame.levels(facet[-1]))
        if panels % across == 0:
            return across
    return min(panels, _COLUMNS)


def _n(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def _legend_rows(styles: Styles) -> int:
    if len(styles.entries) < 2:
        return 0
    return -(-len(styles.entries) // _legend_columns(styles))


def _legend_columns(styles: Styles) -> int:
    widest = max(len(label) for label, _ in styles.entries)
    return max(1, min(len(styles.entries), int(_LEGEND_WIDTH // (8 * widest + 44))))


def _legend(figure: Figure, styles: Styles, rows: int) -> None:
    if rows == 0:
        return
    handles = [style.handle() for _, style in styles.entries]
    labels = [f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name for name, _ in styles.entries]
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=_legend_columns(styles),
        title=styles.title,
        alignment="left",
        title_fontsize=12,
        handletextpad=0.5,
        columnspacing=1.6,
        borderaxespad=0.2,
    )


def _xml(text: str) -> str:
    return escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def _bytes(figure: Figure, alt: str, title: str) -> bytes:
    out = io.BytesIO()
    figure.savefig(
        out,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    text = out.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text).replace("#000000", "currentColor")
    head, body = text.split(">", 1)
    theme = "svg{color:#1d1f21}@media (prefers-color-scheme:dark){svg{color:#e4e3df}}"
    opening = (
        f'{head} role="img" aria-labelledby="title desc" fill="currentColor">\n'
        f' <title id="title">{_xml(title)}</title>\n <desc id="desc">{_xml(alt)}</desc>\n'
        f" <style>{theme}</style>"
    )
    return (opening + body).encode()
