"""Who is at work on what: one process gets a name, the others wait, the dead are succeeded."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ws_dsl.registry import Store, lease
from ws_dsl.registry.lease import Leases, Watch, protected, read
from ws_dsl.registry.owner import this


def forked(work: Callable[[], object]) -> int:
    """A child that works and leaves without cleaning up."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def abandon(store: Store, names: list[str]) -> None:
    """Leaves a lease as a killed process does."""

    def work() -> None:
        leases = Leases(store.layout)
        held = leases.hold("study", names)
        held.__enter__()
        assert leases.claim(names)[0] == names
        os.kill(os.getpid(), signal.SIGKILL)

    assert ended(forked(work)) == -signal.SIGKILL


def elsewhere(store: Store, names: list[str], record: Any = None) -> Path:
    """A lease of a process of another machine."""
    held = store.layout.leases / "held"
    held.mkdir(parents=True, exist_ok=True)
    path = store.layout.leases / "other-machine-7-ab"
    text = json.dumps(record or {"machine": "other-4", "process": 7, "began": "x", "what": "study"})
    path.write_text(f"{text}\n{json.dumps(names)}\n")
    for name in names:
        os.link(path, held / name)
    return path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how many seconds went by in this process."""
    passed = [0.0]
    start = time.monotonic()
    monkeypatch.setattr(lease.time, "monotonic", lambda: start + passed[0])

    def pass_(seconds: float) -> None:
        passed[0] += seconds

    return pass_


def test_a_name_has_one_holder(store):
    one, two = Leases(store.layout), Leases(store.layout)
    with one.hold("a", []), two.hold("b", []):
        assert one.claim(["x", "y"]) == (["x", "y"], {})
        mine, theirs = two.claim(["y", "z"])
        assert mine == ["z"] and theirs["y"].owner == this() and theirs["y"].what == "a"
        two.release(["y", "z"])
        assert two.claim(["y"])[0] == []
        one.release(["x", "y"])
        assert two.claim(["x", "y"])[0] == ["x", "y"]
        assert two.claim(["x"])[0] == ["x"]


def test_nothing_is_left_after_a_run(store):
    leases = Leases(store.layout)
    with pytest.raises(KeyboardInterrupt), leases.hold("a", ["k"]), leases.share(["k"], "s", print):
        raise KeyboardInterrupt
    assert [path for path in store.layout.leases.rglob("*") if path.is_file()] == []


def test_without_a_run_nothing_is_claimed(store):
    assert Leases(store.layout).claim(["x"]) == (["x"], {})
    assert not store.root.exists()


def test_what_a_run_may_use_can_be_read_while_it_grows(store, key):
    leases = Leases(store.layout)
    with leases.hold("a", ["k1", "k2"]):
        (path,) = (path for path in store.layout.leases.iterdir() if path.is_file())
        leases.protect(["k2", "k3"])
        assert protected(path) == {"k1", "k2", "k3"}
        with path.open("a") as file:
            file.write('["k4", "k')
        assert protected(path) == {"k1", "k2", "k3"}
        assert Leases(store.layout).others(store.layout.leases).keys() == {path}
        assert leases.others(store.layout.leases) == {}


def test_a_lease_within_another_adds_to_it(store):
    leases = Leases(store.layout)
    with leases.hold("a", ["k1"]):
        (path,) = Leases(store.layout).others(store.layout.leases)
        with leases.hold("b", ["k2"]):
            assert protected(path) == {"k1", "k2"}
            assert Leases(store.layout).others(store.layout.leases).keys() == {path}
        assert path.exists()
    assert not path.exists()


def test_what_is_looked_up_is_protected_first(store, key):
    with store.leases.hold("a", []):
        store.lookup([key("one")])
        (path,) = Leases(store.layout).others(store.layout.leases)
        assert protected(path) == {key("one")}


def test_the_dead_are_succeeded_at_once(store):
    abandon(store, ["x", "y"])
    leases = Leases(store.layout)
    with leases.hold("a", []):
        assert leases.claim(["x", "y", "z"]) == (["x", "y", "z"], {})


def test_a_number_given_again_is_another_process(store):
    """The owner's number is that of a living process, which began at another time."""
    elsewhere(store, ["x"], {**this()._asdict(), "began": "before", "what": "study"})
    leases = Leases(store.layout)
    with leases.hold("a", []):
        assert leases.claim(["x"])[0] == ["x"]


@pytest.mark.parametrize("record", [None, "no record", {"machine": 1}], ids=["elsewhere", "text", "fields"])
@pytest.mark.parametrize("off", [-86_400, 0, 86_400])
def test_who_cannot_be_looked_for_counts_as_dead_without_heartbeats(store, clock, record, off):
    """A clock a day off changes nothing: the time of a file is only compared with itself."""
    path = elsewhere(store, ["x"], record)
    beat = time.time() + off
    os.utime(path, (beat, beat))
    leases = Leases(store.layout)
    with leases.hold("a", []):
        for number in range(4):
            assert leases.claim(["x"])[0] == []
            clock(lease.BOUND - 1)
            os.utime(path, (beat + number, beat + number))
        assert leases.claim(["x"])[0] == []
        clock(lease.BOUND + 1)
        assert leases.claim(["x"])[0] == ["x"]


def test_a_frozen_process_is_succeeded_and_does_no_harm_when_it_wakes(store, clock):
    frozen, other = Leases(store.layout), Leases(store.layout)
    with frozen.hold("a", []), other.hold("b", []):
        assert frozen.claim(["x"])[0] == ["x"]
        assert other.claim(["x"])[0] == []
        clock(lease.BOUND + 1)
        assert other.claim(["x"])[0] == ["x"]
        frozen.release(["x"])
        assert Leases(store.layout).claim(["x"])[0] == ["x"]
        assert read(store.layout.leases / "held" / "x").what == "b"


def test_heartbeats_keep_a_lease(store, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.01)
    leases, watch = Leases(store.layout), Watch()
    with leases.hold("a", []):
        (path,) = Leases(store.layout).others(store.layout.leases)
        first = read(path)
        assert not watch.dead(first)
        while read(path).beat == first.beat:
            time.sleep(0.01)


def test_of_many_who_succeed_a_dead_one_each_name_goes_to_one(store):
    names = [f"n{number}" for number in range(40)]
    abandon(store, names)
    gate, open_gate = os.pipe()
    done, tell = os.pipe()
    stay, let_go = os.pipe()

    def work() -> None:
        os.close(open_gate)
        os.close(let_go)
        leases = Leases(store.layout)
        with leases.hold("a", []):
            os.read(gate, 1)
            os.write(tell, json.dumps(leases.claim(names)[0]).encode() + b"\n")
            os.read(stay, 1)

    children = [forked(work) for _ in range(4)]
    os.close(open_gate)
    os.close(tell)
    told = b""
    while told.count(b"\n") < 4:
        told += os.read(done, 65536)
    os.close(let_go)
    assert [ended(child) for child in children] == [0] * 4
    claimed = [name for line in told.splitlines() for name in json.loads(line)]
    assert sorted(claimed) == sorted(names)


def test_who_waits_says_for_whom_once(store):
    one, two = Leases(store.layout), Leases(store.layout)
    notes: list[str] = []
    with one.hold("a", []), two.hold("b", []):
        with one.share(["x", "y"], "score", notes.append) as mine:
            assert mine == ["x", "y"]
            for _ in range(3):
                with two.share(["x", "y"], "score", notes.append) as got:
                    assert got == []
        with two.share(["x"], "score", notes.append) as got:
            assert got == ["x"]
    assert notes == [f"waiting for 2 cells of score, being made by process {os.getpid()}"]


@pytest.mark.parametrize("call", ["link", "rename"])
def test_where_leases_cannot_be_written_work_goes_on(store, monkeypatch, call):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, call, refuse)
    leases = Leases(store.layout)
    with leases.hold("a", ["k"]), leases.share(["k"], "s", print) as mine:
        assert mine == ["k"]


def test_a_commit_waits_until_garbage_is_collected(store, draft, key):
    """Each of the two looks for the other after it has announced itself, so one of them waits."""
    gate, open_gate = os.pipe()
    ready, tell = os.pipe()

    def collect() -> None:
        os.close(open_gate)
        leases = Leases(store.layout)
        with leases.hold("gc", []):
            leases.claim([lease.COLLECTION])
            os.write(tell, b"1")
            os.read(gate, 1)
            leases.release([lease.COLLECTION])

    child = forked(collect)
    os.read(ready, 1)
    committing = threading.Thread(target=lambda: store.commit([draft("one")]))
    committing.start()
    committing.join(0.3)
    assert committing.is_alive() and not store.has(key("one"))
    assert list(store.layout.attempts.iterdir()) == []
    os.close(open_gate)
    committing.join()
    assert ended(child) == 0
    assert store.has(key("one"))


def test_a_run_that_begins_during_a_collection_waits_and_looks_again(store):
    def collect() -> None:
        leases = Leases(store.layout)
        held = leases.hold("gc", [])
        held.__enter__()
        leases.claim([lease.COLLECTION])
        os.write(tell, b"1")
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)

    ready, tell = os.pipe()
    child = forked(collect)
    os.read(ready, 1)
    notes: list[str] = []
    reaper = threading.Thread(target=lambda: ended(child))
    reaper.start()
    with Leases(store.layout).hold("a", [], notes.append) as waited:
        assert waited
    reaper.join()
    assert notes == [f"waiting for process {child}, which removes what no study needs"]
