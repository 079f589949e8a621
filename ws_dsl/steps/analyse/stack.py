"""Steps side by side.

What it does
    Lays the cells of several steps along a new axis, each under its own label: several raters, several
    sources of vectors, several checkpoints. It computes nothing and stores nothing; the cells stay those of
    the steps.

What it cannot show
    Differences between the members that are not their label: members made in different ways differ in all of
    them.

Inputs and output
    `axis`: the new axis; `of`: references by label, all of one type. Gives cells of that type.

Reference
    Concatenation along a new dimension, as `xarray.concat`.
"""

from __future__ import annotations

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind


class Stack(Kind[types.Type]):
    """Cells of several steps along a new axis; the planner dissolves it."""

    axis: str
    of: dict[str, str]


version = 1
