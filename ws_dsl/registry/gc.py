"""Garbage collection: what no study needs any more.

Kept are the roots and all that they were made from:

- the latest run of every study file, and what is tagged;
- what runs under way may use, as their leases say, and all that earlier runs of their studies used;
- artifacts of no finished run, as an interrupted one leaves them, while they are young.

With an artifact go the notes on it: where it came from, and what other bytes were made for its key. The index
of vectors goes when it holds vectors of what goes, or of nothing that stays; the next question makes it anew.
So do folders of links to files of checkpoints when such a file goes.

Manifests go before the objects that they alone mention, and what was made from others before those, so that a
store is whole wherever a collection stops. Ages are those of files against a file of the same disk written
now, and the periods are so long that a clock a day off costs nothing. While a collection removes, commits
wait.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from ws_dsl.errors import RegistryError
from ws_dsl.registry import disk, lease
from ws_dsl.registry.attempt import abandoned
from ws_dsl.registry.catalogue import RUN_KIND
from ws_dsl.registry.layout import Layout, entries
from ws_dsl.registry.lease import COLLECTION, Holder, Leases
from ws_dsl.registry.survey import FinishedRun, Inventory, inventory, reach
from ws_dsl.registry.tags import tags
from ws_dsl.registry.vector_table import discard

GRACE = 7 * 86_400.0
"""Seconds for which artifacts of no finished run, and objects that nothing mentions, are kept."""

FOREIGN = 2 * 86_400.0
"""Seconds after which what a process of another machine left at work is held for abandoned."""

_PATIENCE = 60.0


What: TypeAlias = Literal[
    "artifact", "object", "arrival", "conflict", "index", "lease", "attempt", "quarantine"
]


class Rubbish(NamedTuple):
    """One thing that can go.

    Attributes:
        what: An `artifact`, by its manifest; an `object`; a note on an artifact that is gone, on its
            `arrival` or on a `conflict`; an `index`, of vectors or of checkpoints; a `lease` or private
            folder (`attempt`) of a dead process; something in `quarantine`.
        name: Key, digest, or path from its folder.
        kind: Kind of the artifact, or of one that the object is of; empty for others.
        bytes: Size on disk.
        runs: Keys of the finished runs that the artifact is of.
    """

    what: What
    name: str
    kind: str
    bytes: int
    runs: tuple[str, ...] = ()


class Collection(NamedTuple):
    """What can go from a store, and what stays.

    Attributes:
        rubbish: What can go, in the order in which it is removed.
        runs: All finished runs by key.
        artifacts: How many artifacts stay.
        young: How many of them stay only because they are young.
        live: Runs under way.
        tags: Keys by tag.
        quarantine: How many things are in quarantine.
        quarantine_bytes: Their size.
        damaged: What cannot be read, and tags of what is not there; while there are any nothing is removed.
    """

    rubbish: list[Rubbish]
    runs: dict[str, FinishedRun]
    artifacts: int
    young: int
    live: list[str]
    tags: dict[str, str]
    quarantine: int
    quarantine_bytes: int
    damaged: list[str]


class Wish(NamedTuple):
    """What a collection may take.

    Attributes:
        grace: Seconds for which what belongs to no finished run is kept.
        forget: Ids of studies whose runs are no roots.
        quarantine: Whether what was set aside can go.
    """

    grace: float = GRACE
    forget: frozenset[str] = frozenset()
    quarantine: bool = False


CAUTIOUS = Wish()


def survey(layout: Layout, wish: Wish) -> Collection:
    """What could be removed now.

    Raises:
        DamagedError: a tag cannot be read.
    """
    leases = Leases(layout)
    if not layout.root.exists():
        return _find(layout, leases, wish)
    with leases.hold(COLLECTION, []):
        return _find(layout, leases, wish)


def collect(layout: Layout, wish: Wish) -> Collection:
    """Removes what `survey` finds; gives what was removed.

    Raises:
        RegistryError: another collection goes on, a commit does not end, something is damaged, or the store
            cannot be written.
    """
    if not layout.root.exists():
        return survey(layout, wish)
    leases = Leases(layout)
    try:
        with leases.hold(COLLECTION, []):
            leases.announce_collection()
            _await_commits(layout)
            found = _find(layout, leases, wish)
            if found.damaged:
                problem = (
                    "nothing was removed, since what is needed cannot be told (`ws-dsl verify --repair`):"
                )
                raise RegistryError("\n  ".join([problem, *found.damaged]))
            _remove(layout, found.rubbish)
            return found
    except OSError as error:
        raise RegistryError(f"the store {layout.root} cannot be written: {error}") from error


def _find(layout: Layout, leases: Leases, wish: Wish) -> Collection:
    now = leases.now()
    # Leases first: what a run adds to its own later, it looks for after this collection.
    live, dead = _leases(layout, leases, now)
    wanted = set[str]().union(*(lease.protected(path) for path in live))
    found = inventory(layout)
    tagged = tags(layout)
    gone = [
        f"the tag {name} names {key[:12]}, which is not there"
        for name, key in tagged.items()
        if key not in found.known
    ]

    latest = found.latest()
    roots = {run.key for run in found.runs.values() if run.key in latest and run.study not in wish.forget}
    roots |= {run.key for run in found.runs.values() if lease.study(run.study) in wanted}
    used = frozenset[str]().union(*(run.cells for run in found.runs.values()))
    young = [
        key
        for key, one in found.known.items()
        if now - one.time < wish.grace and key not in used and one.kind != RUN_KIND
    ]
    kept = reach(layout, found, roots | wanted | {*tagged.values()})
    more = reach(layout, found, young)
    staying = kept.keys | more.keys
    doomed = found.known.keys() - staying
    needed = kept.digests | more.digests | wanted
    aside = list(_quarantined(layout))
    return Collection(
        rubbish=[
            *_artifacts(found, doomed),
            *_objects(layout, found, doomed, needed, now - wish.grace),
            *_notes(layout, staying, doomed, now),
            *_index(layout, found, staying, doomed, needed),
            *(_rubbish("lease", layout.leases, path) for path in dead),
            *(_rubbish("attempt", layout.attempts, path) for path in _attempts(layout, now)),
            *(aside if wish.quarantine else []),
        ],
        runs=found.runs,
        artifacts=len(staying),
        young=len(more.keys - kept.keys),
        live=[f"{holder.what} ({holder})" for holder in live.values() if holder.what != COLLECTION],
        tags=tagged,
        quarantine=len(aside),
        quarantine_bytes=sum(one.bytes for one in aside),
        damaged=found.damaged + gone,
    )


def _leases(layout: Layout, leases: Leases, now: float) -> tuple[dict[Path, Holder], list[Path]]:
    """Leases of live runs by their files, and files of dead ones."""

    def dead(holder: Holder) -> bool:
        old = now - holder.beat / 1e9 > FOREIGN
        known = holder.owner is not None and holder.owner.here
        return (holder.owner is not None and holder.owner.gone) or (old and not known)

    runs, names = leases.others(layout.leases), leases.others(layout.leases / "held")
    live = {path: holder for path, holder in runs.items() if not dead(holder)}
    return live, [path for path, holder in {**runs, **names}.items() if dead(holder)]


def _artifacts(found: Inventory, doomed: set[str]) -> Iterator[Rubbish]:
    """Artifacts, each before those that it was made from."""
    runs: dict[str, list[str]] = {}
    for run in found.runs.values():
        for key in run.cells & doomed:
            runs.setdefault(key, []).append(run.key)
    for key in _dependents_first(found, doomed):
        one = found.known[key]
        yield Rubbish("artifact", key, one.kind, one.bytes, tuple(sorted(runs.get(key, []))))


def _dependents_first(found: Inventory, doomed: set[str]) -> list[str]:
    inputs_first: list[str] = []
    seen: set[str] = set()
    for start in sorted(doomed, key=lambda key: (found.known[key].kind == RUN_KIND, key)):
        waiting = [(start, False)]
        while waiting:
            key, done = waiting.pop()
            if done:
                inputs_first.append(key)
            elif key not in seen:
                seen.add(key)
                waiting.append((key, True))
                inputs = () if key in found.runs else found.known[key].mentions
                waiting += [(one, False) for one in inputs if one in doomed and one not in seen]
    return inputs_first[::-1]


def _objects(
    layout: Layout, found: Inventory, doomed: set[str], needed: set[str], before: float
) -> Iterator[Rubbish]:
    """Objects of what goes, and old ones that nothing mentions."""
    kinds = {digest: found.known[key].kind for key in doomed for digest in found.known[key].mentions}
    for folder in entries(layout.objects):
        for name in sorted(os.listdir(folder)):
            if name not in needed:
                status = (folder / name).stat()
                if name in kinds or status.st_mtime <= before:
                    yield Rubbish("object", name, kinds.get(name, ""), status.st_size)


def _notes(layout: Layout, staying: set[str], doomed: set[str], now: float) -> Iterator[Rubbish]:
    """Notes on what is not there. That on an arrival is written before its artifact, so a fresh one stays."""
    for path in sorted(layout.arrivals.glob("*/*/*")):
        lost = path.name not in staying and now - path.stat().st_mtime > FOREIGN
        if path.name in doomed or lost:
            yield _rubbish("arrival", layout.arrivals, path)
    for path in sorted(layout.conflicts.glob("*/*")):
        if path.parent.name not in staying:
            yield _rubbish("conflict", layout.conflicts, path)


def _index(
    layout: Layout, found: Inventory, staying: set[str], doomed: set[str], needed: set[str]
) -> Iterator[Rubbish]:
    def hold_vectors(keys: set[str]) -> bool:
        return any(found.known[key].vectors for key in keys)

    if layout.vectors.exists() and (hold_vectors(doomed) or not hold_vectors(staying)):
        yield _rubbish("index", layout.root, layout.vectors)
    links = [path for path in layout.models.rglob("*") if path.is_symlink()]
    if any(os.path.basename(os.readlink(link)) not in needed for link in links):
        yield Rubbish("index", layout.models.name, "", 0)


def _attempts(layout: Layout, now: float) -> list[Path]:
    return [path for path in entries(layout.attempts) if path.exists() and not _goes_on(path, now)]


def _goes_on(path: Path, now: float) -> bool:
    """Whether a private folder may be of a commit under way; those come and go at any time."""
    try:
        return not abandoned(path.name) and now - path.stat().st_mtime <= FOREIGN
    except FileNotFoundError:
        return False


def _quarantined(layout: Layout) -> Iterator[Rubbish]:
    for subject in entries(layout.quarantine):
        for path in entries(subject):
            yield _rubbish("quarantine", layout.quarantine, path)


def _rubbish(what: What, folder: Path, path: Path) -> Rubbish:
    files = [*path.rglob("*"), path]
    size = 0
    for file in files:
        with suppress(FileNotFoundError):
            size += file.stat().st_size if file.is_file() else 0
    return Rubbish(what, path.relative_to(folder).as_posix(), "", size)


def _await_commits(layout: Layout) -> None:
    """Waits for commits that began before the collection was announced."""
    began = time.monotonic()
    while going := [path for path in entries(layout.attempts) if _goes_on(path, time.time())]:
        if time.monotonic() - began > _PATIENCE:
            raise RegistryError(f"a commit goes on ({going[0]}); collect when it has ended")
        time.sleep(0.02)


def _remove(layout: Layout, rubbish: Iterable[Rubbish]) -> None:
    changed: set[Path] = set()
    for one in rubbish:
        if one.what != "artifact" and changed:
            disk.sync_all(sorted(changed))
            changed.clear()
        path = _path(layout, one)
        if one.what == "index":
            discard(path)
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
            if one.what == "quarantine":
                with suppress(OSError):
                    path.parent.rmdir()
            continue
        path.unlink(missing_ok=True)
        if one.what == "artifact":
            changed.add(path.parent)
        elif one.what in ("arrival", "conflict"):
            with suppress(OSError):
                path.parent.rmdir()
    disk.sync_all(sorted(changed))


def _path(layout: Layout, one: Rubbish) -> Path:
    match one.what:
        case "artifact":
            return layout.manifest(one.name)
        case "object":
            return layout.object(one.name)
        case "arrival":
            return layout.arrivals / one.name
        case "conflict":
            return layout.conflicts / one.name
        case "index":
            return layout.root / one.name
        case "lease":
            return layout.leases / one.name
        case "attempt":
            return layout.attempts / one.name
        case "quarantine":
            return layout.quarantine / one.name
