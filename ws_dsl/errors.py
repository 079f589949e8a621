"""Everything that ws-dsl raises on purpose.

    WsDslError                 a message for the user, never a traceback
    ├── SpecError              the study is wrong: one or more problems with places; exit 2
    ├── DataError              rows or other input files are wrong; exit 2
    ├── ModelError             a checkpoint cannot be used as asked; exit 2
    │   └── EndpointError      a model behind an address does not reply; exit 1
    ├── RegistryError          the store cannot be used
    │   ├── DamagedError       stored bytes do not match their digest
    │   ├── MissingError       a manifest or object that should exist does not
    │   └── RemoteError        a remote store cannot be reached or used
    └── MeasurementError       a measurement would be silently wrong (row sets differ, a token is not one, …)

Any other exception is a defect of ws-dsl; the command line reports it as one and exits 70.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

MOST_TOLD = 40
"""Problems that a message tells one by one."""


class WsDslError(Exception):
    """Base of all deliberate errors; its text is meant for the user."""

    exit_code = 2


class Place(NamedTuple):
    """Where something is written: a file, and line and column counted from 1 (0 when unknown)."""

    file: Path | str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.line == 0:
            return str(self.file)
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One mistake in a study.

    Attributes:
        place: Where the offending text is.
        code: Stable slug in kebab case, such as `unknown-field`.
        subject: What it concerns, such as `steps.found.sight`.
        message: What is wrong and what was probably meant; may span lines.
    """

    place: Place
    code: str
    subject: str
    message: str

    def __str__(self) -> str:
        body = "\n".join(f"  {line}" for line in self.message.splitlines())
        return f"{self.place} error[{self.code}] {self.subject}\n{body}"


class SpecError(WsDslError):
    """A study that cannot be planned; carries every problem found, in file order."""

    def __init__(self, problems: list[Problem]):
        self.problems = sorted(set(problems), key=lambda p: (str(p.place.file), *p.place[1:], *p[1:]))
        told = [str(problem) for problem in self.problems[:MOST_TOLD]]
        if len(self.problems) > MOST_TOLD:
            told.append(f"and {len(self.problems) - MOST_TOLD} more mistakes")
        super().__init__("\n".join(told))


class DataError(WsDslError):
    """An input file that cannot be read as rows; names the file and the line."""

    def __init__(self, place: Place, message: str):
        self.place = place
        self.message = message
        super().__init__(f"{place} {message}")


class ModelError(WsDslError):
    """A checkpoint, tokenizer or site that cannot be used as asked."""


class EndpointError(ModelError):
    """A model behind an address that cannot be asked, or does not reply."""

    exit_code = 1


class MeasurementError(WsDslError):
    """A number that would be silently wrong, refused."""

    exit_code = 1


class RegistryError(WsDslError):
    """The store cannot be read or written."""

    exit_code = 1


class DamagedError(RegistryError):
    """Stored bytes that do not match their digest."""


class MissingError(RegistryError):
    """A manifest or object that should exist and does not."""


class RemoteError(RegistryError):
    """A remote store that cannot be reached, read or written."""
