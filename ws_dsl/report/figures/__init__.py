"""Figures as SVG: text as text, on no background, the same bytes for the same numbers.

`draw` takes the long-form numbers and the part each column plays, and knows nothing of studies. Black is
written as `currentColor`, so that a figure follows the theme of the page that shows it.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from ws_dsl.report.figures.documentation import Documentation, documentation
from ws_dsl.report.frame import Frame, Roles

__all__ = ["KINDS", "Documentation", "caption", "documentation", "draw"]

KINDS = ("ecdf", "histogram", "violin", "scatter", "line", "interval", "heatmap")


def draw(kind: str, frame: Frame, roles: Roles, *, alt: str, title: str) -> bytes:
    """One figure.

    Args:
        kind: One of `KINDS`; its module says which roles it reads.
        frame: The numbers.
        roles: Which column plays which part.
        alt: What the figure shows, for those who cannot see it; becomes `<desc>`.
        title: Its short name; becomes `<title>` and is not drawn.

    Returns:
        An SVG file.

    Raises:
        KeyError: a role names a column that the frame lacks.
    """
    from ws_dsl.report.figures import canvas

    module = cast("canvas.Kind", import_module(f"ws_dsl.report.figures.{kind}"))
    return canvas.draw(module, frame, roles, alt, title)


def caption(kind: str, frame: Frame, roles: Roles) -> str:
    """What a figure shows, in the words of its kind and of the numbers in it.

    Args:
        kind: One of `KINDS`.
        frame: The numbers.
        roles: Which column plays which part.
    """
    told = [documentation(kind).caption]
    axes = list(roles.lines) or ([roles.y] if roles.y and kind == "interval" else [])
    by = dict.fromkeys(c for c in (*axes, roles.colour, roles.marker, *roles.facet) if c is not None)
    if by:
        told.append(f"By {', '.join(frame.name(column) for column in by)}.")
    return " ".join(told)
