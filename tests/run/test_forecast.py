"""How long a run may take: from what such cells took before, never from what says nothing."""

from __future__ import annotations

import pytest

from tests.run.lab import CLAIMS, Lab, Ran, small
from ws_dsl.registry import Store
from ws_dsl.run.forecast import Pace, Task, tasks
from ws_dsl.run.session import Session


def forecast(lab: Lab, change: str = "") -> dict[str, Task]:
    """What is expected of the small study with other words in its prompts."""
    study = small()
    if change:
        study["steps"]["prompts"]["over"]["condition"]["neutral"]["text"] += change
    session, opened = lab.open(study)
    return {task.step: task for task in tasks(opened.plan, opened.state, session.store)}


def test_nothing_is_expected_of_an_empty_store(lab: Lab) -> None:
    found = forecast(lab)
    assert found["score/states"].cells > 1
    assert {task.seconds for task in found.values()} == {None}


def test_nothing_is_left_of_what_is_made(warm: Lab) -> None:
    assert forecast(warm) == {}


def test_cells_are_expected_to_take_what_their_kind_took(finished: tuple[Lab, Ran], warm: Lab) -> None:
    store = Store(warm.project.registry)
    times = [entry.seconds for entry in store.catalogue.artifacts() if entry.kind == "final_states"]
    found = forecast(warm, " surely")["score/states"]
    assert found.computes
    assert found.seconds == pytest.approx(found.cells * sum(times) / len(times))


def test_another_model_tells_nothing(warm: Lab) -> None:
    from tests.checkpoints import build

    build(warm.root / "other", "qwen3", layers=4)
    warm.data([claim | {"world": "real"} for claim in CLAIMS])
    session = Session(warm.project)
    opened = session.open(warm.root / "small.yaml", {"kind": "hf_model", "path": str(warm.root / "other")})
    found = {task.step: task.seconds for task in tasks(opened.plan, opened.state, session.store)}
    assert found["score/states"] is None and found["shift"] is not None


def test_a_cell_is_expected_to_take_what_it_took_in_the_latest_run(
    warm: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what other cells of its kind took."""
    from ws_dsl.cli.main import main

    monkeypatch.chdir(warm.root)
    monkeypatch.setattr("sys.argv", ["ws-dsl", "run", "small.yaml"])
    with pytest.raises(SystemExit):
        main()
    _, opened = warm.open()
    store = Store(warm.project.registry)
    (mine,) = [node for node in opened.plan.nodes if str(node) == "prompts[condition=neutral]"]
    manifest = store.manifest(opened.state.keys[mine])
    assert manifest is not None
    found = forecast(warm, " surely")["prompts"]
    assert (found.cells, found.seconds) == (1, manifest.seconds)


SLOW, QUICK, LAST = Task("slow", True, 4, 40.0), Task("quick", False, 10, None), Task("last", True, 2, None)


def test_before_anything_is_made_the_forecast_counts_down() -> None:
    pace = Pace([SLOW])
    assert [pace.left("slow", seconds) for seconds in (0, 10, 50)] == [40, 30, 0]


def test_cells_that_were_made_correct_the_forecast() -> None:
    pace = Pace([SLOW])
    pace.made("slow", 2, 6.0)
    assert pace.left("slow", 6.0) == 6.0
    assert pace.left("slow", 8.0) == 4.0


def test_without_precedent_a_step_is_judged_by_steps_that_are_alike() -> None:
    pace = Pace([SLOW, QUICK, LAST])
    pace.made("slow", 4, 20.0)
    assert pace.left("quick", 0.0) is None
    pace.made("quick", 5, 1.0)
    assert pace.left("quick", 1.0) == pytest.approx(5 * 0.2 + 2 * 5.0)


def test_a_step_that_was_not_expected_tells_nothing() -> None:
    assert Pace([SLOW]).left("repaired", 3.0) in (None, 0.0)
