"""States of one field by row, read some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ws_dsl.artifacts.rows import row_set
from ws_dsl.artifacts.states import BLOCK, States, blocks
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import Json
from ws_dsl.steps.cell import Input

if TYPE_CHECKING:
    import numpy as np

Id: TypeAlias = tuple[Any, ...]

_SOURCE = ("model", "arm", "tokenizer")


@dataclass(frozen=True)
class Stacked:
    """States at one place; those of pooled cells are repeats of the same rows.

    Attributes:
        keys: Names of the key columns.
        ids: Key tuple of every row that some repeat has, sorted.
        matrices: float32 of shape (rows, width), one for each repeat; maps of stored files.
        places: Where each row is in each matrix, of shape (matrices, rows); −1 where it is not.
        site: Address of the place.
        at: Position in the row.
        source: Digests of `model`, `arm` and `tokenizer`; None where there is none, or several.
    """

    keys: tuple[str, ...]
    ids: list[Id]
    matrices: list[np.ndarray]
    places: np.ndarray
    site: str
    at: Json
    source: dict[str, Json]

    @property
    def width(self) -> int:
        """Entries of a state."""
        return self.matrices[0].shape[1]

    def row_set(self) -> str:
        """Digest of the identity of the rows."""
        return row_set(self.ids)

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """States of some rows, averaged over their repeats, float64 of shape (rows, width)."""
        import numpy as np

        places = self.places[:, rows]
        total = np.zeros((places.shape[1], self.width))
        for matrix, own in zip(self.matrices, places, strict=True):
            total[own >= 0] += matrix[own[own >= 0]]
        return total / (places >= 0).sum(axis=0)[:, None]

    def blocks(self, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """The same of all rows, or of those with these indices, some at a time."""
        import numpy as np

        chosen = np.arange(len(self.ids)) if rows is None else rows
        step = max(1, BLOCK // self.width)
        for start in range(0, len(chosen), step):
            yield self.read(chosen[start : start + step])

    def norms(self) -> np.ndarray:
        """Euclidean norm of every state, repeats apart, float64."""
        import numpy as np

        found = [
            np.linalg.norm(block, axis=1)
            for matrix, own in zip(self.matrices, self.places, strict=True)
            for block in blocks(matrix, sorted(own[own >= 0].tolist()))
        ]
        return np.concatenate(found) if found else np.empty(0)


def stacked(inputs: Sequence[Input], within: Input | None) -> Stacked:
    """The States of a field, restricted to rows where they are given.

    Raises:
        MeasurementError: states at several places, no rows, or a row that is there twice.
    """
    import numpy as np

    wanted = set(within.open().ids()) if within else None
    found: list[States] = [one.open() for one in inputs]
    held = [
        {key: row for row, key in enumerate(states.ids()) if wanted is None or key in wanted}
        for states in found
    ]
    ids = sorted({key for own in held for key in own}, key=repr)
    if not ids:
        raise MeasurementError("a direction cannot be made from no rows")
    one_place([(next(iter(states.tensors)), states.notes["at"]) for states in found])
    ((site, _),) = found[0].tensors.items()
    return Stacked(
        found[0].keys,
        ids,
        [states.tensors[site] for states in found],
        np.array([[own.get(key, -1) for key in ids] for own in held]),
        site,
        found[0].notes["at"],
        {name: _shared(states.notes.get(name) for states in found) for name in _SOURCE},
    )


def one_place(places: Iterable[tuple[str, Json]]) -> None:
    """Refuses states of several places.

    Raises:
        MeasurementError: names them.
    """
    told = sorted({f"{site} at {at}" for site, at in places})
    if len(told) > 1:
        raise MeasurementError(f"the states are of different places: {'; '.join(told)}")


def mean(read: Iterable[np.ndarray]) -> np.ndarray:
    """Mean of all rows of blocks, float64 of shape (width,)."""
    import numpy as np

    total: np.ndarray | None = None
    count = 0
    for block in read:
        # Row by row, so that the sum does not depend on how the rows are put in blocks.
        total = np.add.reduce(block if total is None else np.concatenate([total[None], block]), axis=0)
        count += len(block)
    assert total is not None
    return total / count


def single(direction: np.ndarray) -> np.ndarray:
    """A direction, float64 of shape (width,), as the one of some Vectors, float32 of shape (1, width).

    Raises:
        MeasurementError: float32 does not hold it.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        values = direction[None].astype(np.float32)
    if not np.isfinite(values).all():
        raise MeasurementError(
            f"the direction has entries up to {np.abs(direction).max():g}, which float32 does not hold: take "
            f"states of another layer"
        )
    return values


def _shared(values: Iterable[Json]) -> Json:
    distinct = list(dict.fromkeys(values))  # pyright: ignore[reportArgumentType]
    return distinct[0] if len(distinct) == 1 else None
