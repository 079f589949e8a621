"""Vectors: all directions that the artifacts of a store hold, and which of them are near.

What there is, is told by the manifests. What is near is asked of LanceDB (`registry/vectors/`, one table per
width), which is brought up to the manifests before it answers and made anew where it is gone or damaged. The
candidates that it names are read from the verified objects and compared again in float64, so that no number
comes from the index.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import DamagedError, MissingError, ModelError, RegistryError
from ws_dsl.registry.catalogue import VECTORS_FILE, VectorEntry
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store
from ws_dsl.registry.vector_table import (
    TROUBLE,
    Candidate,
    Held,
    Row,
    Spoiled,
    VectorTable,
    Wanted,
    discard,
    panics,
    reading,
    row_id,
)
from ws_dsl.specs.canonical import Json, canonical
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

T = TypeVar("T")

_BATCH = 1 << 25
"""Bytes of vectors that are written at once."""

_ROUNDS = 4
_FLOAT32 = 1e-5
"""What a cosine of LanceDB may be wrong by."""


class Neighbour(NamedTuple):
    """A vector near another.

    Attributes:
        key: Key of its artifact.
        place: Its place among the vectors there, from 0.
        cosine: Their cosine, from the stored bytes in float64.
    """

    key: str
    place: int
    cosine: float


class Neighbours(NamedTuple):
    """The nearest vectors.

    Attributes:
        found: Nearest first.
        searched: How many vectors were compared.
        damaged: Keys of artifacts that cannot be read and were left out.
    """

    found: list[Neighbour]
    searched: int
    damaged: list[str]


class VectorSet(NamedTuple):
    """The vectors of one artifact, as its manifest tells of them.

    Attributes:
        key: Key of the artifact.
        digest: Its content digest.
        kind: Kind of the step that made it.
        created: Time of its commit, ISO 8601 in UTC.
        model: Digest of the model.
        site: Address of the place.
        layer: Block of the site; None outside the blocks.
        at: Position in the row, as it is written.
        method: How they were made.
        width: Entries of a vector.
        mean_norm: Mean norm of the activations that they were made from; 0 where it is not known.
        norms: Euclidean norm of each.
        labels: What tells them apart.
    """

    key: str
    digest: str
    kind: str
    created: str
    model: str
    site: str
    layer: int | None
    at: Json
    method: str
    width: int
    mean_norm: float
    norms: list[float]
    labels: list[str]


class VectorIndex:
    """The vectors of a store by what is near."""

    def __init__(self, store: Store):
        self._store = store
        self._folder = store.layout.vectors
        self._read: dict[str, Vectors] = {}

    def near(self, query: np.ndarray, limit: int, wanted: Wanted, but: str | None = None) -> Neighbours:
        """Vectors by cosine with one of shape (width,), nearest first; equal ones by key and place.

        Args:
            query: The vector, not of zeros.
            limit: How many.
            wanted: What they must be.
            but: Id of one that is left out (`row_id`).

        Raises:
            RegistryError: the index cannot be made anywhere.
        """
        width = len(query)
        entries = {entry.key: entry for entry in self._store.catalogue.vectors() if entry.width == width}
        damaged: set[str] = set()

        def answer(table: VectorTable) -> Neighbours:
            self._bring_up(table, entries, damaged)
            return self._nearest(Search(table, query, wanted, but), limit, damaged)

        if not entries:
            return Neighbours([], 0, [])
        found = self._attempt(width, answer)
        return found._replace(damaged=sorted(damaged))

    def vectors(self, key: str) -> Vectors:
        """The vectors of an artifact, from verified bytes.

        Raises:
            MissingError: there is no such artifact, or its bytes are gone.
            DamagedError: its bytes are not those that were committed.
        """
        if key not in self._read:
            self._read[key] = self._open(key)[1]
        return self._read[key]

    def _attempt(self, width: int, answer: Callable[[VectorTable], T]) -> T:
        """An answer of a table; after trouble of a new one, and in the end of one that is elsewhere.

        The first trouble may be that another process wrote at once, so that a second try finds its rows.
        """
        for place in range(_ROUNDS):
            try:
                with reading(self._folder), panics():
                    return answer(VectorTable(self._folder, width))
            except TROUBLE as error:
                if place or isinstance(error, Spoiled):
                    discard(self._folder)
        try:
            with tempfile.TemporaryDirectory(prefix="ws-dsl-vectors-") as folder:
                return answer(VectorTable(Path(folder), width))
        except TROUBLE as error:
            raise RegistryError(
                f"the index of vectors can be made neither in {self._folder} nor elsewhere: {error}"
            ) from error

    def _bring_up(self, table: VectorTable, entries: dict[str, VectorEntry], damaged: set[str]) -> None:
        """Brings a table to what the manifests say; the last thing that it does is to read all of it.

        Raises:
            RuntimeError, OSError, ValueError: other processes go on writing other rows.
        """
        for _ in range(_ROUNDS):
            held = table.read()
            stale = [
                key for key, one in held.items() if key not in entries or not _current(one, entries[key])
            ]
            lacking = [key for key in entries if key in stale or key not in held]
            lacking = [key for key in lacking if key not in damaged]
            if not stale and not lacking:
                return
            if stale:
                table.remove(stale)
            self._insert(table, lacking, entries, damaged)
        raise RuntimeError("the table goes on changing")

    def _insert(
        self, table: VectorTable, keys: Sequence[str], entries: Mapping[str, VectorEntry], damaged: set[str]
    ) -> None:
        import numpy as np

        rows: list[Row] = []
        values: list[np.ndarray] = []
        for key in keys:
            try:
                manifest, vectors = self._open(key)
            except (DamagedError, MissingError):
                damaged.add(key)
                continue
            if manifest.created != entries[key].created:
                raise RuntimeError("the artifact was made anew meanwhile")
            rows += _describe(manifest, vectors)
            values.append(vectors.values)
            if len(rows) * table.width * 4 >= _BATCH:
                table.write(rows, np.concatenate(values))
                rows, values = [], []
        if rows:
            table.write(rows, np.concatenate(values))
        table.compact()

    def _open(self, key: str) -> tuple[Manifest, Vectors]:
        manifest = self._store.manifest(key)
        if manifest is None:
            raise MissingError(f"{key[:12]} is not in the store {self._store.root}")
        return manifest, Vectors.from_files(lambda name: self._store.read(manifest, name))

    def _nearest(self, search: Search, limit: int, damaged: set[str]) -> Neighbours:
        """Takes more candidates until no other can be nearer than those that are found."""
        asked = limit + 8
        while True:
            candidates = search.table.search(search.query, asked, search.wanted, search.but)
            found = sorted(self._verified(search.query, candidates, damaged), key=_rank)[:limit]
            seen_all = len(candidates) < asked
            if seen_all or (
                len(found) == limit and found[-1].cosine > candidates[-1].similarity + 2 * _FLOAT32
            ):
                return Neighbours(found, search.table.count(search.wanted, search.but), [])
            asked *= 2

    def _verified(
        self, query: np.ndarray, candidates: Sequence[Candidate], damaged: set[str]
    ) -> Iterator[Neighbour]:
        for candidate in candidates:
            try:
                value = self.vectors(candidate.key).values[candidate.place]
            except (DamagedError, MissingError):
                damaged.add(candidate.key)
                continue
            cosine = _cosine(query, value)
            if abs(cosine - candidate.similarity) > _FLOAT32:
                raise Spoiled("a cosine is not that of the stored vectors")
            yield Neighbour(candidate.key, candidate.place, cosine)


class Search(NamedTuple):
    """What is looked for, and where."""

    table: VectorTable
    query: np.ndarray
    wanted: Wanted
    but: str | None


def vector_sets(store: Store) -> list[VectorSet]:
    """All vectors of a store by artifact, oldest first; what is damaged is left out, as of the catalogue."""
    manifests = (store.manifest(entry.key) for entry in store.catalogue.vectors())
    return [vector_set(manifest) for manifest in manifests if manifest is not None]


def vector_set(manifest: Manifest) -> VectorSet:
    """What a manifest tells of its vectors."""
    facts: Any = manifest.facts
    site = facts["site"]
    return VectorSet(
        manifest.key,
        manifest.digest,
        manifest.kind,
        manifest.created,
        facts["model"],
        site,
        layer_of(site),
        facts["at"],
        facts["method"],
        facts["width"],
        facts["mean_norm"],
        facts["norms"],
        facts["labels"],
    )


def layer_of(site: str) -> int | None:
    """Block of a site; None outside the blocks, and where the text is no site."""
    with suppress(ModelError):
        return Site.parse(site).layer
    return None


def _describe(manifest: Manifest, vectors: Vectors) -> list[Row]:
    return [
        Row(
            id=row_id(manifest.key, place),
            key=manifest.key,
            artifact=manifest.digest,
            object=manifest.files[VECTORS_FILE].sha256,
            kind=manifest.kind,
            created=manifest.created,
            model=vectors.model,
            site=vectors.site,
            at=canonical(vectors.at).decode(),
            method=vectors.method,
            label=label,
            made_on=canonical(list(vectors.made_on)).decode(),
            place=place,
            layer=layer_of(vectors.site),
            norm=float(norm),
            mean_norm=vectors.mean_norm,
        )
        for place, (label, norm) in enumerate(zip(vectors.labels, vectors.norms(), strict=True))
    ]


def _current(held: Held, entry: VectorEntry) -> bool:
    return held == Held(entry.digest, entry.created, set(range(entry.vectors)))


def _cosine(query: np.ndarray, value: np.ndarray) -> float:
    """Cosine in float64 of two vectors that are not of zeros."""
    import numpy as np

    first, second = query.astype(np.float64), value.astype(np.float64)
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(min(1.0, max(-1.0, cosine)))


def _rank(found: Neighbour) -> tuple[float, str, int]:
    return -found.cosine, found.key, found.place
