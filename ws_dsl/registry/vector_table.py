"""Vector table: a LanceDB table of all vectors of one width, an index that is never trusted unread.

LanceDB does not sync what it writes and does not check what it reads: with 0.40, five of five flipped bits in
vector pages were served as numbers, and a table whose newest manifest has no bytes does not open. So every
row carries a seal over all of its columns, a table is read and every seal compared before it answers, and one
that fails is thrown away. Answers come from the version that was read. With 10,000 vectors of width 4096 the
reading takes 0.3 s, as long as the search.

A row's `id`, key and place, is the table's primary key; without one, two processes that upsert the same rows
leave both. `add` would leave both even so and is not used.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false
# (neither pyarrow nor lancedb says what its functions take and give)

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ws_dsl.registry.attempt import abandoned
from ws_dsl.registry.layout import entries
from ws_dsl.registry.owner import machine

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Column: TypeAlias = Literal["key", "model", "layer", "site", "at", "method", "label", "kind"]
"""Columns that can be asked for."""

Wanted: TypeAlias = Mapping[Column, Collection[str | int]]
"""The values that a row may have, by column; a column that is not named may have any."""

TROUBLE = (RuntimeError, OSError, ValueError)
"""What LanceDB raises, whatever is wrong."""

KEPT = timedelta(days=7)
"""Time for which old versions stay, for other processes that read them."""

SHORTEST, LONGEST = 1e-18, 1e18
"""Norms of vectors that are compared."""

_FRAGMENTS = 16
_PRIMARY_KEY = {b"lance-schema:unenforced-primary-key": b"true"}
_TEXT = (
    "id",
    "key",
    "artifact",
    "object",
    "kind",
    "created",
    "model",
    "site",
    "at",
    "method",
    "label",
    "made_on",
)


class Spoiled(ValueError):
    """A table that does not hold what was written."""


class Row(NamedTuple):
    """What a row says of its vector.

    Attributes:
        id: Key and place, `KEY:PLACE`.
        key: Key of the artifact.
        artifact: Content digest of the artifact.
        object: Digest of the file that holds the vector.
        kind: Kind of the step that made it.
        created: Time of its commit, ISO 8601 in UTC.
        model: Digest of the model.
        site: Address of the place.
        at: Position in the row, as canonical JSON.
        method: How it was made.
        label: What tells it from the other vectors of the artifact.
        made_on: Digests of the rows it was made from, as canonical JSON.
        place: Its place among the vectors of the artifact, from 0.
        layer: Block of the site; None outside the blocks.
        norm: Its Euclidean norm.
        mean_norm: Mean norm of the activations that it was made from.
    """

    id: str
    key: str
    artifact: str
    object: str
    kind: str
    created: str
    model: str
    site: str
    at: str
    method: str
    label: str
    made_on: str
    place: int
    layer: int | None
    norm: float
    mean_norm: float


class Held(NamedTuple):
    """What a table holds of one artifact.

    Attributes:
        artifact: Content digest of the artifact.
        created: Time of its commit.
        places: Which of its vectors.
    """

    artifact: str
    created: str
    places: set[int]


class Candidate(NamedTuple):
    """A row that a search found.

    Attributes:
        key: Key of the artifact.
        place: Its place among the vectors there, from 0.
        similarity: Cosine as LanceDB computes it, in float32.
    """

    key: str
    place: int
    similarity: float


class VectorTable:
    """The rows of one width, as of the moment when they were last read or written here.

    Attributes:
        width: Entries of a vector.
    """

    def __init__(self, folder: Path, width: int):
        """Opens a table, and makes it where there is none.

        Raises:
            Spoiled: it has other columns.
            RuntimeError, OSError, ValueError: it cannot be opened, or was made by another process meanwhile.
        """
        import lancedb

        self.width = width
        name = f"float32-{width}"
        database = lancedb.connect(folder)
        if not (folder / f"{name}.lance").exists():
            database.create_table(name, schema=self._schema)
        self._table: Any = database.open_table(name)
        if not self._table.schema.equals(self._schema, check_metadata=True):
            raise Spoiled("the columns are others")

    def read(self) -> dict[str, Held]:
        """Reads every row, vectors included; gives what there is by key.

        Raises:
            Spoiled: a row is not what was written, or is there twice.
            RuntimeError, OSError, ValueError: it cannot be read.
        """
        self._table.checkout_latest()
        held: dict[str, Held] = {}
        for row, sealed in self._rows():
            if not sealed:
                raise Spoiled("a row does not match its seal")
            found = held.setdefault(row.key, Held(row.artifact, row.created, set()))
            if row.place in found.places or found[:2] != (row.artifact, row.created):
                raise Spoiled("a row is there twice")
            found.places.add(row.place)
        return held

    def write(self, rows: Sequence[Row], values: np.ndarray) -> None:
        """Puts rows in the place of those with their ids.

        Args:
            rows: What is said of the vectors; no id twice.
            values: float32 of shape (rows, width).

        Raises:
            RuntimeError, OSError, ValueError: they cannot be written, or others wrote at once too often.
        """
        import pyarrow as pa

        columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in Row._fields}
        columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), self.width)
        columns["seal"] = [_seal(row, value) for row, value in zip(rows, values, strict=True)]
        batch = pa.table(columns, schema=self._schema)
        merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(batch)

    def remove(self, keys: Collection[str]) -> None:
        """Removes the rows of artifacts.

        Raises:
            RuntimeError, OSError, ValueError: the table cannot be written.
        """
        self._table.delete(condition({"key": keys}))

    def compact(self) -> None:
        """Joins small files where there are many; that others write meanwhile is no harm."""
        with suppress(*TROUBLE):
            if self._table.stats()["fragment_stats"]["num_small_fragments"] > _FRAGMENTS:
                self._table.optimize(cleanup_older_than=KEPT)

    def count(self, wanted: Wanted, but: str | None) -> int:
        """Number of rows that have a direction and the values that are asked for, one left out by its id."""
        return self._table.count_rows(_with_direction(wanted, but))

    def search(self, query: np.ndarray, limit: int, wanted: Wanted, but: str | None) -> list[Candidate]:
        """Those rows by cosine with a vector of shape (width,), nearest first; all of them are compared."""
        search = self._table.search(query, vector_column_name="vector").distance_type("cosine")
        search = search.where(_with_direction(wanted, but), prefilter=True).limit(limit)
        found = search.select(["key", "place", "_distance"]).to_arrow().to_pydict()
        return [
            Candidate(key, place, 1.0 - distance)
            for key, place, distance in zip(found["key"], found["place"], found["_distance"], strict=True)
        ]

    def _rows(self) -> Iterator[tuple[Row, bool]]:
        """Every row, and whether its seal matches."""
        for batch in self._table.search().to_batches():
            columns = {name: batch.column(name).to_pylist() for name in (*Row._fields, "seal")}
            vectors = batch.column("vector").flatten().to_numpy().reshape(-1, self.width)
            seals = columns.pop("seal")
            for values, vector, seal in zip(zip(*columns.values(), strict=True), vectors, seals, strict=True):
                row = Row(*values)
                yield row, _seal(row, vector) == seal

    @cached_property
    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        fields = [pa.field(name, pa.string(), nullable=False) for name in _TEXT]
        # Set with the table, not after it, so that no table is ever without.
        fields[0] = fields[0].with_metadata(_PRIMARY_KEY)
        return pa.schema(
            [
                *fields,
                pa.field("place", pa.int32(), nullable=False),
                pa.field("layer", pa.int32()),
                pa.field("norm", pa.float64(), nullable=False),
                pa.field("mean_norm", pa.float64(), nullable=False),
                pa.field("vector", pa.list_(pa.float32(), self.width), nullable=False),
                pa.field("seal", pa.string(), nullable=False),
            ]
        )


@contextmanager
def reading(folder: Path) -> Generator[None]:
    """Marks a folder of tables as read by this process; throws it away where another died over it.

    Some damage makes LanceDB ask for more memory than there is, which ends the process. Whoever was killed
    for another reason leaves the same mark, and costs a new index.
    """
    readers = folder / "readers"
    if any(abandoned(mark.name) for mark in entries(readers)):
        discard(folder)
    mark = readers / f"{machine()}-{os.getpid()}-{secrets.token_hex(8)}"
    with suppress(OSError):
        readers.mkdir(parents=True, exist_ok=True)
        mark.touch()
    try:
        yield
    finally:
        with suppress(OSError):
            mark.unlink()


@contextmanager
def panics() -> Generator[None]:
    """Raises what makes LanceDB's own code give up, as some damage does, as `Spoiled`.

    The classes of such errors belong to no module that can be imported.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ in ("RustPanic", "PanicException"):
            raise Spoiled("LanceDB cannot read it") from error
        raise


def discard(folder: Path) -> None:
    """Throws a folder of tables away; where that is not allowed it stays."""
    with suppress(OSError):
        gone = folder.with_name(f"{folder.name}-{secrets.token_hex(8)}.discarded")
        os.rename(folder, gone)
    for left in folder.parent.glob(f"{folder.name}-*.discarded"):
        shutil.rmtree(left, ignore_errors=True)


def condition(wanted: Wanted) -> str:
    """The SQL of what is asked for."""
    return " AND ".join(
        f"{column} IN ({_list(values)})" if values else "false" for column, values in wanted.items()
    )


def row_id(key: str, place: int) -> str:
    """Names one vector of an artifact."""
    return f"{key}:{place}"


def _with_direction(wanted: Wanted, but: str | None) -> str:
    """A vector of zeros has no cosine, nor has one whose square is none in float32."""
    parts = [f"norm BETWEEN {SHORTEST} AND {LONGEST}", condition(wanted), but and f"id <> '{but}'"]
    return " AND ".join(filter(None, parts))


def _list(values: Collection[str | int]) -> str:
    quoted = [
        str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'" for value in values
    ]
    return ", ".join(sorted(quoted))


def _seal(row: Row, vector: np.ndarray) -> str:
    return hashlib.sha256(repr(tuple(row)).encode("utf-8", "surrogatepass") + vector.tobytes()).hexdigest()
