"""What a kind's `run` receives: cells with their inputs, and the context they run in.

A kind's module defines

    def run(cells: Sequence[Cell[Spec]], context: Context) -> Iterator[tuple[Cell[Spec], Artifact]]

and yields one artifact per cell, in any order, as soon as each is made. The bytes of an artifact must not
depend on which other cells are in `cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ws_dsl.errors import MeasurementError

if TYPE_CHECKING:
    from ws_dsl.artifacts.reply import Reply
    from ws_dsl.models.handle import Handle
    from ws_dsl.specs.canonical import Json

SpecT = TypeVar("SpecT")


class Input(Protocol):
    """One artifact that a cell reads."""

    @property
    def digest(self) -> str:
        """Content digest of the artifact."""
        ...

    @property
    def pooled(self) -> tuple[int, ...]:
        """Place along each pooled axis, counted from 0 in declared order; empty where nothing is pooled."""
        ...

    @property
    def column(self) -> str | None:
        """Column picked by the reference, such as `pmass`; None for the default."""
        ...

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the cell.

        On the axes taken together, for a check on all axes; only where the kind is
        `labelled`, else empty.
        """
        ...

    @property
    def spec(self) -> Any:
        """Validated spec of the cell that made it."""
        ...

    def open(self) -> Any:
        """The artifact in memory, in the type of the grammar; verified against its digest."""
        ...


@dataclass(frozen=True)
class Cell(Generic[SpecT]):
    """One cell to be made.

    Attributes:
        spec: The kind's validated fields.
        inputs: Inputs by field; several where axes are pooled, none where an optional field is empty.
        files: External files by the field that names them: snapshots, or checkpoint folders.
        made: Labels of the axes that the kind makes itself, such as `{"split": "search"}`.
        name: For messages: step and labels.
        resampled: Places, among the pooled axes of the first input, of seeds: a bootstrap resamples their
            labels. The others are fixed.
    """

    spec: SpecT
    inputs: dict[str, list[Input]]
    files: dict[str, Path] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    name: str = ""
    resampled: tuple[int, ...] = ()

    def one(self, name: str) -> Input:
        """The only input of a field.

        Raises:
            MeasurementError: there are several, because it has axes that are pooled.
        """
        inputs = self.inputs[name]
        if len(inputs) != 1:
            raise MeasurementError(
                f"{self.name}: {name} differs along the axes that are pooled, {len(inputs)} times, and only "
                f"one can be read; leave its axis out of pool, or name one, as in {name}: step[axis=label]"
            )
        return inputs[0]

    def get(self, name: str) -> Input | None:
        """The only input of an optional field, or None."""
        return self.one(name) if self.inputs.get(name) else None

    def open(self, name: str) -> Any:
        """The only input of a field, in memory."""
        return self.one(name).open()


class Replies(Protocol):
    """What endpoints replied before, by the whole request."""

    @property
    def offline(self) -> bool:
        """Whether endpoints must not be asked."""
        ...

    def key(self, request: dict[str, Json]) -> str:
        """Names a reply: SHA-256, in hex, of all that was asked and of whom."""
        ...

    def find(self, keys: Sequence[str]) -> dict[str, Reply]:
        """Those replies that are kept and intact, by key."""
        ...

    def keep(self, replies: Sequence[tuple[dict[str, Json], Reply]]) -> list[Reply]:
        """Keeps replies to requests for good; gives those that stand, where another run kept one before."""
        ...


class Context(Protocol):
    """What is around a run: models, files, replies, progress."""

    device: str

    @property
    def replies(self) -> Replies:
        """Replies of endpoints."""
        ...

    def model(self, source: Input) -> Handle:
        """The loaded model of a Model input; loaded once per run, verified against its record."""
        ...

    def tokenizer(self, source: Input) -> Any:
        """The tokenizer of a Model input, without its weights."""
        ...

    def scratch(self) -> Path:
        """A new folder for large intermediate files, removed after the run."""
        ...

    @property
    def advance(self) -> Callable[[int], None]:
        """Reports that this many rows went through a model."""
        ...
