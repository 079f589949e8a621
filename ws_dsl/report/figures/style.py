"""Colours and marker shapes: Okabe and Ito's palette, never colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ws_dsl.report.frame import Cell, Frame, Roles

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito (2008), yellow left out: it does not show on white."""
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")


class Style(NamedTuple):
    """How one group is drawn."""

    colour: str
    shape: str

    def handle(self) -> Line2D:
        """Its entry in the legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], color=self.colour, marker=self.shape)


class Styles(NamedTuple):
    """Styles of a figure.

    Attributes:
        colours: Style by label of the colour role.
        shapes: Shape by label of the marker role; empty where shapes follow colours.
        entries: The legend's labels and styles.
        title: What the legend tells apart.
    """

    colours: dict[str, Style]
    shapes: dict[str, str]
    entries: list[tuple[str, Style]]
    title: str

    def of(self, colour: str, marker: Cell = None) -> Style:
        """The style of a group."""
        style = self.colours[colour]
        return style._replace(shape=self.shapes[str(marker)]) if self.shapes else style


def styles_of(frame: Frame, roles: Roles) -> Styles:
    """Styles of all labels of a frame, so that panels agree."""
    labels = frame.levels(roles.colour) if roles.colour else [""]
    colours = {
        label: Style(PALETTE[i % len(PALETTE)], SHAPES[i % len(SHAPES)] if roles.marker is None else "o")
        for i, label in enumerate(labels)
    }
    shapes: dict[str, str] = {}
    entries = list(colours.items()) if roles.colour else []
    if roles.marker is not None and roles.marker != roles.colour:
        shapes = {label: SHAPES[i % len(SHAPES)] for i, label in enumerate(frame.levels(roles.marker))}
        entries += [(label, Style("#000000", shape)) for label, shape in shapes.items()]
    told_apart = dict.fromkeys(column for column in (roles.colour, roles.marker) if column is not None)
    return Styles(colours, shapes, entries, ", ".join(frame.name(column) for column in told_apart))


def groups(part: Frame, roles: Roles, styles: Styles) -> list[tuple[str, Frame]]:
    """Label and rows of every colour that a panel holds."""
    if roles.colour is None:
        return [("", part)]
    held = set(part.levels(roles.colour))
    return [(label, part.where(roles.colour, label)) for label in styles.colours if label in held]
