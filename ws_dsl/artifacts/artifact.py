"""What a kind returns and a registry keeps: named files and facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ws_dsl.specs.canonical import Json

Reader: TypeAlias = Callable[[str], bytes]
"""Gives the verified bytes of one file of an artifact by its name."""


class Artifact(NamedTuple):
    """A result before it is committed.

    Attributes:
        files: Content by file name, as bytes or as a path to a file that the registry may move away.
        facts: A small JSON summary kept in the manifest. It follows from the content alone: no times, no
            paths.
    """

    files: Mapping[str, bytes | Path]
    facts: Mapping[str, Json]
