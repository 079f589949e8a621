"""Weight matrices of a block, by the short names that address them in a layer: `L3down`."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Matrix: TypeAlias = Literal["q", "k", "v", "o", "gate", "up", "down"]
"""A weight matrix of a block; `o` and `down` write to the residual stream, the others read from it."""

MATRICES: tuple[Matrix, ...] = get_args(Matrix)
"""All of them, in the order of computation."""
