"""A drawn SVG as part of a page: no namespace, no style sheet, ids of its own, nothing from outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_ELEMENTS = re.compile("svg|g|defs|use|path|rect|circle|line|polyline|polygon|text|tspan|title|desc|clipPath")
_ATTRIBUTES = re.compile(
    "id|d|style|transform|[xyr]|[xy][12]|c[xy]|points|width|height|viewBox|href|fill|stroke|clip-path|role|aria-labelledby"
)
_REFERENCE = re.compile(r"url\(\s*(?!#)|@import", re.IGNORECASE)


def inline(data: bytes, prefix: str) -> str:
    """Markup to place inside a page, so that the figure takes the page's own text colour and font.

    Args:
        data: An SVG file.
        prefix: Put before every id, since ids must be unique in the page.

    Raises:
        ValueError: the file is no SVG.
    """
    root = ElementTree.fromstring(data)
    if _local(root.tag) != "svg":
        raise ValueError(f"the root element is {_local(root.tag)}, not svg")
    _keep(root, prefix)
    width, height = root.get("viewBox", "0 0 720 480").split()[2:]
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.set("style", f"--width: {float(width):g}px; --ratio: {float(width):g} / {float(height):g}")
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _keep(element: ElementTree.Element, prefix: str) -> None:
    element.tag = _local(element.tag)
    attributes = {_local(name): value for name, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in attributes.items():
        if _ATTRIBUTES.fullmatch(name) and not _REFERENCE.search(value):
            own = _own(name, value, prefix)
            if own:
                element.set(name, own)
    element.tail = None if element.tag not in ("tspan", "text") else element.tail
    for child in list(element):
        if _ELEMENTS.fullmatch(_local(child.tag)):
            _keep(child, prefix)
        else:
            element.remove(child)


def _own(name: str, value: str, prefix: str) -> str:
    """The value with its ids prefixed; empty where it points outside the figure."""
    if name == "id":
        return f"{prefix}-{value}"
    if name == "aria-labelledby":
        return " ".join(f"{prefix}-{item}" for item in value.split())
    if name == "href":
        return f"#{prefix}-{value[1:]}" if value.startswith("#") else ""
    return value.replace("url(#", f"url(#{prefix}-")


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]
