"""A study as written: plain data, and where each part of it stands."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ws_dsl.errors import Place

Path_: TypeAlias = "tuple[str | int, ...]"


@dataclass
class Document:
    """Plain data with places.

    Attributes:
        file: The file it was read from.
        data: Mappings, lists and scalars.
        places: Place of each value by its path; of a mapping's entry, the place of its key.
    """

    file: Path
    data: dict[str, Any]
    places: dict[Path_, Place] = field(default_factory=dict[Path_, Place])

    def place(self, path: Path_) -> Place:
        """Where a path stands; the nearest enclosing part that is written where it is not."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.file, 1, 1))

    @property
    def folder(self) -> Path:
        """The folder that the study is in."""
        return self.file.parent

    def at(self, path: Path_) -> Any:
        """What is written at a path; None where nothing is."""
        value: Any = self.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def resolve(self, written: str, path: Path_) -> Path:
        """A path of the file system, relative to the file that it is written in."""
        return (Path(self.place(path).file).parent / written).resolve()


def subject(path: Path_) -> str:
    """A path as text: `steps.found.over.arm`."""
    return ".".join(str(part) for part in path)
