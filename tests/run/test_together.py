"""Any number of processes on one store: the same digests, every cell committed once, no endless waiting."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import process
from tests.run.lab import Lab, Ran
from ws_dsl.registry import Store

WORK = """
import json
from pathlib import Path
from tests.run import lab
from ws_dsl.registry import commit, lease
from ws_dsl.registry.lease import Leases
links = []
link = commit._link
commit._link = lambda path, target: link(path, target) and (links.append(target.stem) or True)
{before}
ran = lab.Lab(Path(".")).run()
print(json.dumps({{"digests": ran.digests, "committed": links, "notes": ran.notes}}))
"""

NO_LEASES = "Leases.claim = lambda self, names: (list(names), {})"
DIES = """
import os, signal
from ws_dsl.registry.store import Store
whole = Store.commit
def once(self, drafts):
    if drafts[0].kind == "logit_diff":
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, drafts)
Store.commit = once
"""
FREEZES = DIES.replace("SIGKILL", "SIGSTOP") + "lease.BEAT = 0.05"
IMPATIENT = "lease.BEAT, lease.BOUND = 0.05, 1.0"


def outcome(running: Any) -> Any:
    out, err = running.communicate()
    assert running.returncode == 0, err
    return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize("leases", [True, False], ids=["leases", "leases do nothing"])
def test_two_runs_at_once(lab: Lab, finished: tuple[Lab, Ran], leases: bool):
    lab.study()
    runs = [process(lab, WORK.format(before="" if leases else NO_LEASES)) for _ in range(2)]
    found = [outcome(running) for running in runs]
    alone = finished[1].digests
    assert [one["digests"] for one in found] == [alone, alone]
    committed = [key for one in found for key in one["committed"]]
    assert sorted(committed) == sorted(set(alone))
    sound(lab)


@pytest.mark.parametrize(("before", "own"), [(DIES, ""), (FREEZES, IMPATIENT)], ids=["killed", "frozen"])
def test_cells_of_a_process_that_stopped_are_taken_over(
    lab: Lab, finished: tuple[Lab, Ran], before: str, own: str
):
    lab.study()
    first = process(lab, WORK.format(before=before))
    while not claimed(lab, first.pid) and first.poll() is None:
        time.sleep(0.01)
    second = outcome(process(lab, WORK.format(before=own)))
    assert second["digests"] == finished[1].digests
    if before is FREEZES:
        assert any(f"of score, being made by process {first.pid}" in note for note in second["notes"])
        os.kill(first.pid, signal.SIGCONT)
        os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    sound(lab)


def claimed(lab: Lab, pid: int) -> list[Path]:
    """Cells of the scores that a process is making."""
    store = Store(lab.project.registry)
    made = [entry.kind for entry in store.catalogue.artifacts()] if store.root.exists() else []
    return list((store.layout.leases / "held").glob("[0-9a-f]*")) if "final_states" in made else []


def sound(lab: Lab) -> None:
    store = Store(lab.project.registry)
    assert [damage for damage in store.verify() if damage.what != "orphaned"] == []
    assert store.conflicts() == []
