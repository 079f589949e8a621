"""What is seen of a run: lines in a log, two lines in place on a terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import sys

import pytest

from tests.cli.terminal import Terminal, process
from tests.run.lab import Lab
from ws_dsl.cli.output import counted, duration, size_of
from ws_dsl.cli.progress import LiveProgress, Progress
from ws_dsl.run.forecast import Task

TASKS = [Task("prompts", False, 2, 4.0), Task("score/states", True, 5, 20.0)]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (7384, "2 h 3 min"),
    ],
)
def test_times_as_they_are_read(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_600, "1.0 MB"),
        (12_345_678, "12 MB"),
        (10**13, "10 TB"),
    ],
)
def test_sizes_as_they_are_read(size: int, text: str) -> None:
    assert size_of(size) == text


def test_one_is_no_plural() -> None:
    assert [counted(count, "cell") for count in (0, 1, 1200)] == ["0 cells", "1 cell", "1,200 cells"]


def test_a_log_has_one_line_for_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("small", TASKS, clock)
    progress.step("prompts", "prompts", 2, 2)
    clock.now += 3
    progress.cells(2, 10)
    progress.step("score/states", "final_states", 5, 7)
    progress.rows(64)
    assert capsys.readouterr().err.splitlines() == [
        "  1/2 prompts (prompts): 2 cells, after 0.0 s",
        "  2/2 score/states (final_states): 5 cells, 2 cached, after 3.0 s",
    ]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> tuple[LiveProgress, Clock]:
    """A display that draws nothing by itself."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = Clock()
    progress = LiveProgress("small", TASKS, clock)
    progress.close()
    return progress, clock


def drawn(progress: LiveProgress, width: int = 80) -> list[str]:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width)
    console.print(progress.lines())
    return console.file.getvalue().splitlines()  # pyright: ignore


def test_the_display_tells_steps_cells_speed_time_and_cost(live: tuple[LiveProgress, Clock]) -> None:
    progress, clock = live
    assert "starting" in drawn(progress)[1]
    progress.step("prompts", "prompts", 2, 2)
    clock.now += 4
    progress.cells(2, 1_200_000)
    progress.step("score/states", "final_states", 5, 5)
    progress.rows(300)
    clock.now += 6
    head, foot = drawn(progress)
    assert head.split() == ["small", head.split()[1], *["2/7", "cells", "2/2", "steps", "14", "s", "left"]]
    assert foot.split("  ")[0] == "score/states (final_states)"
    progress.page()
    assert drawn(progress)[0].split()[2:] == ["2/7", "cells", "2/2", "steps"]
    assert drawn(progress)[1].startswith("writing the page")
    assert "50 rows/s" in foot and foot.endswith("so far 10 s, 300 rows, 1.2 MB")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_display_is_two_lines_of_any_width(live: tuple[LiveProgress, Clock], width: int) -> None:
    progress, _ = live
    progress.study = "a-study-with-a-name-that-is-longer-than-most"
    progress.step("a_step_with_a_long_name/of_its_own", "rank_by_attribution", 3, 3)
    progress.rows(1_000_000)
    lines = drawn(progress, width)
    assert len(lines) == 2 and all(len(line) <= width for line in lines)


def test_nothing_but_lines_goes_to_a_log(ws: Terminal, lab: Lab) -> None:
    said = ws("run", "small.yaml", "--registry", str(lab.root / "fresh"))
    assert said.out == "" and not re.search(r"[\r\x1b]", said.err)
    steps = [line for line in said.err.splitlines() if ", after " in line]
    places = [int(line.split("/")[0]) for line in steps]
    assert places == list(range(1, len(steps) + 1))
    assert steps[0].lstrip().startswith(f"1/{len(steps)} model (organism): 1 cell")


def test_the_summary_ends_with_the_pages(ws: Terminal, lab: Lab) -> None:
    lines = ws("run", "small.yaml").err.splitlines()
    assert lines[-2:] == ["page: site/_build/studies/small/index.html", "site: site/_build/index.html"]
    assert all((lab.root / line.split(": ")[1]).is_file() for line in lines[-2:])


def test_plan_and_run_tell_how_long_it_may_take(ws: Terminal, lab: Lab) -> None:
    assert ws("run", "small.yaml").code == 0
    assert "to make" not in ws("plan", "small.yaml").out
    text = (lab.root / "small.yaml").read_text()
    (lab.root / "small.yaml").write_text(text.replace("Please agree.", "Do agree."))
    outlook = r"\d+ of \d+ cells to make, about [\d.]+ s as such cells took before"
    assert re.search(outlook, ws("plan", "small.yaml").out)
    (study,) = ws("plan", "small.yaml", "--json").json["studies"]
    seconds = {step["step"]: step["seconds"] for step in study["steps"]}
    assert study["to_make"] > 0 and seconds["claims"] is None and seconds["prompts"] > 0
    assert re.search(f"small: {outlook}", ws("run", "small.yaml").err)


def test_a_terminal_is_left_as_it_was(empty: Lab) -> None:
    """The lines in place are gone in the end, and the cursor is back."""
    main, terminal = pty.openpty()
    code = "import sys; sys.argv[1:] = ['run', 'small.yaml']; from ws_dsl.cli.main import main; main()"
    running = process(empty, code, stderr=terminal)
    os.close(terminal)
    written = b""
    while True:
        try:
            written += os.read(main, 65536)
        except OSError:
            break
    os.close(main)
    running.communicate()
    assert running.returncode == 0
    assert b"rows" in written and written.rindex(b"\x1b[?25h") > written.rindex(b"\x1b[?25l")
    assert b"rows" not in written[written.rindex(b"\x1b[2K") :].split(b"cells made")[0]
