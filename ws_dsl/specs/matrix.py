"""Weight matrices of a block, by the short names that address them in a layer: `L3down`."""

from __future__ import annotations

from typing import Literal, TypeAlias

Matrix: TypeAlias = Literal["q", "k", "v", "o", "gate", "up", "down"]
"""A weight matrix of a block; `o` and `down` write to the residual stream, the others read from it."""
