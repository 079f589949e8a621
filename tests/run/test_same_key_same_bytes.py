"""The law that everything else rests on: equal keys have equal bytes, whatever runs beside a cell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.run.lab import CLAIMS, Counting, Lab, Ran, small
from ws_dsl.registry import Store
from ws_dsl.run.context import Library
from ws_dsl.run.execute import execute

ROOT = Path(__file__).parents[2]


def start(lab: Lab, **environment: str) -> subprocess.Popen[str]:
    """A process of its own that runs the small study."""
    work = f"from pathlib import Path; from tests.run.lab import Lab; Lab(Path({str(lab.root)!r})).run()"
    return subprocess.Popen(
        [sys.executable, "-c", work],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(lab: Lab) -> int:
    return len(list(lab.project.registry.glob("manifests/*/*.json")))


def agree(ours: dict[str, str], theirs: dict[str, str], least: int) -> None:
    """Equal digests wherever keys are equal, and enough of them that it says something."""
    shared = ours.keys() & theirs.keys()
    assert len(shared) >= least
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}


def test_cells_made_alone_and_in_another_order(finished: tuple[Lab, Ran], lab: Lab):
    session, opened = lab.open()
    for nodes in opened.plan.steps().values():
        for node in reversed(nodes):
            execute(replace(opened.plan, nodes=[node]), opened.state, session.store, Counting())
    digests = {opened.state.keys[node]: opened.state.digests[node] for node in opened.plan.nodes}
    agree(digests, finished[1].digests, len(finished[1].digests))


def test_cells_made_beside_other_arms_prompts_and_tokens(finished: tuple[Lab, Ran], lab: Lab):
    study = small()
    steps = study["steps"]
    texts = steps["prompts"]["over"]["condition"]["pressure"]["over"]["text as paraphrase"]
    other = "User: Everyone knows that {{claim}}, so do not argue but say it.\nAssistant: The answer is"
    steps["prompts"]["over"]["condition"]["pressure"]["over"]["text as paraphrase"] = {"all": other, **texts}
    steps["named"]["over"]["sites as site"] = {"late": ["L3N9", "L0H1"], "head": ["L1H2"], "neuron": ["L1N3"]}
    steps["spelled"] = steps["score"] | {"tokens": {"plus": [" yes"], "minus": [" no"]}}
    beside = lab.run(study)
    assert len(beside.computed) > len(finished[1].computed) + 20
    agree(beside.digests, finished[1].digests, len(finished[1].computed))


def test_a_row_does_not_feel_its_neighbours(finished: tuple[Lab, Ran], lab: Lab):
    """States of a row in a set of eight and in a set of three: the same bits."""
    import numpy as np

    few = [CLAIMS[6], CLAIMS[1], CLAIMS[2]]
    lab.data(few)
    study = small()
    for name in ("halves", "ranked", "found", "delta", "shift"):
        del study["steps"][name]
    study["steps"]["score"]["over"]["arm"] = ["none", "named"]
    study["steps"]["score"]["except"] = [{"condition": "neutral", "arm": "named"}]
    study |= {"rules": {}, "report": {}}
    ours, theirs = by_row(lab, lab.run(study)), by_row(*finished)
    assert len(ours) == 7 * len(few)
    for cell, state in ours.items():
        assert np.array_equal(state, theirs[cell]), cell


def by_row(lab: Lab, ran: Ran) -> dict[tuple[str, str], Any]:
    library = Library(Store(lab.project.registry))
    found: dict[tuple[str, str], Any] = {}
    for node in ran.opened.plan.nodes:
        if node.step == "score/states":
            states = library.open(ran.opened.state.keys[node], ran.opened.state.digests[node])
            (values,) = states.tensors.values()
            found |= {(str(node), key): value for (key,), value in zip(states.ids(), values, strict=True)}
    return found


def test_two_processes_at_once_one_of_which_is_killed(finished: tuple[Lab, Ran], lab: Lab):
    """With other numbers of threads and other hash seeds; what the killed one left, the other uses."""
    killed = start(lab, PYTHONHASHSEED="1", OMP_NUM_THREADS="1")
    other = start(lab, PYTHONHASHSEED="4242", OMP_NUM_THREADS="3")
    while stored(lab) < 15 and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    kept = stored(lab)
    killed.communicate()
    _, messages = other.communicate()
    assert 15 <= kept < len(finished[1].made) and other.returncode == 0, messages
    again = lab.run()
    assert again.made == set()
    agree(again.digests, finished[1].digests, len(finished[1].digests))
    store = Store(lab.project.registry)
    assert store.conflicts() == []
    assert {damage.what for damage in store.verify()} <= {"orphaned"}
