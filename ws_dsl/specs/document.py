"""A study as written: plain data, and where each part of it stands."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from ws_dsl.errors import Place
from ws_dsl.specs.root import OWN, root_of

Path_: TypeAlias = "tuple[str | int, ...]"


@dataclass
class Document:
    """Plain data with places.

    Attributes:
        file: The file it was read from.
        data: Mappings, lists and scalars.
        places: Place of each value by its path; of a mapping's entry, the place of its key.
        read: Files that it was found to read.
    """

    file: Path
    data: dict[str, Any]
    places: dict[Path_, Place] = field(default_factory=dict[Path_, Place])
    read: set[Path] = field(default_factory=set[Path])

    def place(self, path: Path_) -> Place:
        """Where a path stands; the nearest enclosing part that is written where it is not."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.file, 1, 1))

    @cached_property
    def root(self) -> Path:
        """The project that the study is in."""
        return root_of(self.file)

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
        """A path of the file system, relative to the file that it is written in; links are followed.

        Raises:
            ValueError: no file can have that name.
        """
        if "\0" in written:
            raise ValueError(f"{short(written)!r} holds a NUL, as no path does")
        found = Path(os.path.realpath(Path(self.place(path).file).parent / written))
        try:
            os.lstat(found)
        except (FileNotFoundError, NotADirectoryError):
            return found
        except OSError as error:
            raise ValueError(f"{short(written)}: {error.strerror}") from None
        return found

    def input_file(self, written: str, path: Path_) -> Path:
        """A file that the study reads, which lies within its project.

        Raises:
            ValueError: it lies outside, is no ordinary file, or may not be read.
        """
        found = self.resolve(written, path)
        if not found.is_relative_to(self.root):
            raise ValueError(
                f"{written} is outside the project {self.root}; put the file there, "
                f"or mark a folder that holds both with an empty {OWN}"
            )
        if found.exists() and not found.is_file() and not found.is_dir():
            raise ValueError(f"{written} is no ordinary file")
        if found.is_file() and not os.access(found, os.R_OK):
            raise ValueError(f"{written} may not be read")
        self.read.add(found)
        return found


def subject(path: Path_) -> str:
    """A path as text: `steps.found.over.arm`."""
    return ".".join(short(str(part)) for part in path)


def short(text: str, most: int = 120) -> str:
    """Text for a message: what is very long is cut."""
    return text if len(text) <= most else f"{text[:most]}…"
