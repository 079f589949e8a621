"""A kind's docstring by its four headings."""

from __future__ import annotations

import inspect

HEADINGS = ("What it does", "What it cannot show", "Inputs and output", "Reference")


def sections(docstring: str) -> dict[str, str]:
    """Text under each heading, as one paragraph, or nothing; the first line under `Title`."""
    found: dict[str, list[str]] = {name: [] for name in ("Title", *HEADINGS)}
    heading = "Title"
    for line in inspect.cleandoc(docstring).splitlines():
        if line in HEADINGS:
            heading = line
        else:
            found[heading].append(line.strip())
    return {name: " ".join(line for line in lines if line) for name, lines in found.items()}
