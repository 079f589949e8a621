"""Lease: who is at work on what, so that others wait for it instead of making it too.

    leases/OWNER       one file per run: whose it is, and every key and digest that it may use
    leases/held/NAME   the same file under a second name: its owner is making this cell, or collects garbage

A second name is a hard link: the system gives it to one process, and one touch of the file is the heartbeat
of all its names. Nothing else rests on leases. Without them, as on a disk without links, two processes make
the same cell and the first commit stands.

A lease whose owner is dead is taken over. A process of this machine is looked for; of another it is enough
that no heartbeat came while one watched for `BOUND` seconds: the time of a file is compared with itself,
never with a clock.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ws_dsl.errors import RegistryError
from ws_dsl.registry.disk import make_root
from ws_dsl.registry.layout import Layout, entries
from ws_dsl.registry.owner import Owner, this

BEAT = 10.0
"""Seconds between heartbeats."""

BOUND = 60.0
"""Seconds without a heartbeat after which an owner is held for dead, frozen or cut off."""

COLLECTION = "gc"

_LONGEST_PAUSE = 1.0
_LONGEST_RECORD = 4096


class Holder(NamedTuple):
    """A lease as another process sees it.

    Attributes:
        owner: Whose it is; None where the file cannot be read.
        what: What it is for.
        file: Identity of the file, however it is named.
        beat: Time of its last heartbeat, in nanoseconds of the store's disk.
    """

    owner: Owner | None
    what: str
    file: tuple[int, int]
    beat: int

    def __str__(self) -> str:
        return "an unknown process" if self.owner is None else str(self.owner)


class Watch:
    """Tells which leases are dead, by what it saw of them so far."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], tuple[int, float]] = {}

    def dead(self, holder: Holder) -> bool:
        """Whether the owner has ended, or let `BOUND` seconds pass without a heartbeat since first seen."""
        if holder.owner is not None and holder.owner.gone:
            return True
        now = time.monotonic()
        beat, since = self._seen.get(holder.file, (None, now))
        if beat != holder.beat:
            self._seen[holder.file] = (holder.beat, now)
            return False
        return now - since > BOUND


class Leases:
    """The leases of one process on a store."""

    def __init__(self, layout: Layout):
        self._layout = layout
        self._held = layout.leases / "held"
        self._path: Path | None = None
        self._known: set[str] = set()
        self._claimed: set[str] = set()
        self._watch = Watch()
        self._told: set[tuple[tuple[int, int], str]] = set()
        self._pause = 0.0

    @contextmanager
    def hold(
        self, what: str, keys: Iterable[str], note: Callable[[str], None] = lambda text: None
    ) -> Generator[bool]:
        """Marks this process as at work; gives whether a collection had to be waited for.

        Args:
            what: What it is at work on, for a human.
            keys: Keys and digests that it may use, and studies (`study`); `protect` adds more.
            note: Told what is waited for.

        Where nothing can be written there is no lease. Within another, this adds to the other.
        """
        if self._path is not None:
            self._append(keys)
            yield self.await_collection(note)
            return
        stop = threading.Event()
        with suppress(OSError):
            self._path = self._write(what)
        beats = threading.Thread(target=_beat, args=(self._path, stop), daemon=True)
        if self._path is not None:
            beats.start()
        try:
            self._append(keys)
            yield self.await_collection(note)
        finally:
            stop.set()
            self.release(self._claimed)
            self._claimed.clear()
            if self._path is not None:
                beats.join()
                self._path.unlink(missing_ok=True)
            self._path = None
            self._known.clear()

    def protect(self, keys: Iterable[str]) -> None:
        """Adds to what this process may use, before it looks for it."""
        if self._append(keys):
            self.await_collection(lambda text: None)

    @contextmanager
    def share(self, keys: list[str], what: str, note: Callable[[str], None]) -> Generator[list[str]]:
        """Claims keys, and gives those that no other process is making; where there are none, waits a moment.

        Nothing is claimed while waiting, so that no two processes wait for each other.

        Args:
            keys: Keys of cells that do not exist.
            what: What the cells are, for the note.
            note: Told for whom is waited.
        """
        mine, theirs = self.claim(keys)
        try:
            if not mine:
                self._tell(theirs, what, note)
                time.sleep(self._pause)
            self._pause = 0.0 if mine else min(1.5 * self._pause + 0.05, _LONGEST_PAUSE)
            yield mine
        finally:
            self.release(mine)

    def claim(self, names: Iterable[str]) -> tuple[list[str], dict[str, Holder]]:
        """Those names that are now this process's, and the holders of the others."""
        mine: list[str] = []
        theirs: dict[str, Holder] = {}
        for name in names:
            holder = self._take(name)
            if holder is None:
                mine.append(name)
            else:
                theirs[name] = holder
        return mine, theirs

    def release(self, names: Iterable[str]) -> None:
        """Gives names back."""
        if self._path is not None:
            for name in names:
                with suppress(OSError):
                    if os.path.samefile(self._path, self._held / name):
                        (self._held / name).unlink()

    def others(self, folder: Path) -> dict[Path, Holder]:
        """Leases of other runs in a folder, by their files."""
        found = {path: read(path) for path in entries(folder) if path.is_file()}
        return {path: one for path, one in found.items() if one is not None and not self._is_mine(one)}

    def now(self) -> float:
        """The time, in seconds, as the disk of the store counts; by the clock where it cannot be written."""
        if self._path is None:
            return time.time()
        os.utime(self._path)
        return self._path.stat().st_mtime

    def announce_collection(self) -> None:
        """Claims the collection of garbage until the end of this lease.

        Raises:
            RegistryError: another process has it, or nothing can be written.
        """
        if self._path is None:
            raise RegistryError(f"the store {self._layout.root} cannot be written")
        _, others = self.claim([COLLECTION])
        if others:
            raise RegistryError(f"{others[COLLECTION]} collects garbage already")
        if not (self._held / COLLECTION).exists():
            raise RegistryError(
                f"the disk of {self._layout.root} has no hard links, and a collection needs one"
            )
        self._claimed.add(COLLECTION)

    def collection(self) -> Holder | None:
        """The lease of another process that collects garbage, or None."""
        holder = read(self._held / COLLECTION)
        if holder is None or holder.owner == this() or self._watch.dead(holder):
            return None
        return holder

    def await_collection(self, note: Callable[[str], None]) -> bool:
        """Waits while another process collects garbage; gives whether one did."""
        waited = False
        while (holder := self.collection()) is not None:
            if not waited:
                note(f"waiting for {holder}, which removes what no study needs")
            waited = True
            time.sleep(0.05)
        return waited

    def _write(self, what: str) -> Path:
        make_root(self._layout.root)
        self._held.mkdir(parents=True, exist_ok=True)
        owner = this()
        path = self._layout.leases / f"{owner.machine}-{owner.process}-{secrets.token_hex(8)}"
        draft = path.with_name(f".{path.name}")
        draft.write_text(json.dumps({**owner._asdict(), "what": what}) + "\n", encoding="utf-8")
        os.rename(draft, path)
        return path

    def _append(self, keys: Iterable[str]) -> bool:
        fresh = sorted(set(keys) - self._known)
        if self._path is None or not fresh:
            return False
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(fresh) + "\n")
        self._known.update(fresh)
        return True

    def _take(self, name: str) -> Holder | None:
        """Claims one name; its holder where another has it."""
        target = self._held / name
        while self._path is not None:
            try:
                os.link(self._path, target)
                break
            except FileExistsError:
                holder = read(target)
            except OSError:
                break
            if holder is None:
                continue
            if self._is_mine(holder):
                break
            if not self._watch.dead(holder):
                return holder
            self._evict(target, holder)
        return None

    def _evict(self, target: Path, dead: Holder) -> None:
        """Removes the name of a dead lease, unless another process has taken it over meanwhile."""
        private = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
        with suppress(FileNotFoundError):
            os.rename(target, private)
            if _file(private) != dead.file:
                with suppress(FileExistsError):
                    os.link(private, target)
            private.unlink()

    def _is_mine(self, holder: Holder) -> bool:
        return self._path is not None and _file(self._path) == holder.file

    def _tell(self, theirs: dict[str, Holder], what: str, note: Callable[[str], None]) -> None:
        for file in {holder.file for holder in theirs.values()}:
            if (file, what) not in self._told:
                self._told.add((file, what))
                waiting = [holder for holder in theirs.values() if holder.file == file]
                cells = "1 cell" if len(waiting) == 1 else f"{len(waiting)} cells"
                note(f"waiting for {cells} of {what}, being made by {waiting[0]}")


def read(path: Path) -> Holder | None:
    """The lease with this name, or None where there is none."""
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            first = file.readline(_LONGEST_RECORD)
    except FileNotFoundError:
        return None
    identity, beat = (stat.st_dev, stat.st_ino), stat.st_mtime_ns
    try:
        record = json.loads(first)
        owner = Owner(record["machine"], record["process"], record["began"])
        return Holder(owner, record["what"], identity, beat)
    except (ValueError, TypeError, KeyError):
        return Holder(None, "", identity, beat)


def study(name: str) -> str:
    """What stands in a lease for all that earlier runs of a study used."""
    return f"study:{name}"


def protected(path: Path) -> set[str]:
    """Keys and digests that the owner of a lease may use."""
    found: set[str] = set()
    with suppress(FileNotFoundError):
        # The last line may be on its way.
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[1:-1]:
            with suppress(ValueError):
                found.update(json.loads(line))
    return found


def _file(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def _beat(path: Path | None, stop: threading.Event) -> None:
    while path is not None and not stop.wait(BEAT):
        with suppress(OSError):
            os.utime(path)
