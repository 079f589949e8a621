"""Progress of a run: two lines that stay in place on a terminal, one line per step in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ws_dsl.cli.output import counted, duration, say, size_of
from ws_dsl.run.forecast import Pace, Task

if TYPE_CHECKING:
    from rich.console import Group


class Progress:
    """What a run does and has cost so far, told as one line per step.

    Attributes:
        study: Id of the study.
        tasks: What there is to do.
        clock: Gives seconds.
        cells_made: Cells committed so far.
        bytes_written: Bytes of their files.
        rows_run: Rows that went through a model.
    """

    def __init__(self, study: str, tasks: Sequence[Task], clock: Callable[[], float] = time.monotonic):
        self.study = study
        self.tasks = tasks
        self.clock = clock
        self.cells_made = 0
        self.bytes_written = 0
        self.rows_run = 0
        self.pace = Pace(tasks)
        self.began = self.step_began = clock()
        self.name = self.kind = ""

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    @property
    def place(self) -> str:
        """Which of the steps with something to do is under way: `3/27`."""
        names = [task.step for task in self.tasks]
        done = len(names) if self.cells_made else 0
        return f"{names.index(self.name) + 1 if self.name in names else done}/{len(names)}"

    def step(self, name: str, kind: str, missing: int, total: int) -> None:
        self.name, self.kind = name, kind
        self.step_began = self.clock()
        cached = f", {total - missing} cached" if total > missing else ""
        width = 2 * len(str(len(self.tasks))) + 1
        self.tell(
            f"  {self.place:>{width}} {name} ({kind}): {counted(missing, 'cell')}{cached}"
            f", after {duration(self.seconds)}"
        )

    def tell(self, line: str) -> None:
        """Says that a step begins."""
        say(line)

    def page(self) -> None:
        """All cells are made, and the page is written."""
        self.name = ""

    def cells(self, count: int, size: int) -> None:
        self.cells_made += count
        self.bytes_written += size
        self.pace.made(self.name, count, self.clock() - self.step_began)

    def rows(self, count: int) -> None:
        self.rows_run += count

    def note(self, text: str) -> None:
        say(f"  note: {text}")

    def close(self) -> None:
        """Ends the display."""


class LiveProgress(Progress):
    """The same in two lines that are redrawn, for terminals.

    pressure-agreeing  ━━━━━━━━━━━╺━━━━━━━━━━━━━━━━━━  23/62 cells  9/27 steps  9 s left
    score/states (final_states)  812 rows/s      so far 6 s, 31,204 rows, 1.2 MB
    """

    def __init__(self, study: str, tasks: Sequence[Task], clock: Callable[[], float] = time.monotonic):
        super().__init__(study, tasks, clock)
        from rich.console import Console
        from rich.live import Live

        self.total = sum(task.cells for task in tasks)
        self.rows_before = 0
        self.console = Console(stderr=True)
        self.live = Live(
            get_renderable=self.lines, console=self.console, transient=True, refresh_per_second=8
        )
        self.live.start()

    def step(self, name: str, kind: str, missing: int, total: int) -> None:
        self.rows_before = self.rows_run
        super().step(name, kind, missing, total)

    def tell(self, line: str) -> None:
        """The lines are redrawn by themselves."""

    def note(self, text: str) -> None:
        self.console.print(f"  note: {text}", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self.live.stop()

    def lines(self) -> Group:
        """The two lines as they are now."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar = ProgressBar(max(self.total, self.cells_made), self.cells_made)
        head = Table.grid(padding=(0, 2), expand=True)
        head.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
        head.add_column(ratio=1)
        head.add_column(no_wrap=True)
        head.add_row(Text(self.study, style="bold"), bar, self._progress())
        foot = Table.grid(padding=(0, 2), expand=True)
        foot.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        foot.add_column(no_wrap=True, justify="right")
        foot.add_row(Text(self._step()), Text(self._cost(), style="dim"))
        return Group(head, foot)

    def _progress(self) -> str:
        cells = f"{self.cells_made}/{max(self.total, self.cells_made)} cells  {self.place} steps"
        left = self.pace.left(self.name, self.clock() - self.step_began)
        return f"{cells}  {duration(left)} left" if left else cells

    def _step(self) -> str:
        seconds = self.clock() - self.step_began
        rows = self.rows_run - self.rows_before
        speed = f"  {rows / seconds:,.0f} rows/s" if rows and seconds else ""
        if not self.name:
            return "writing the page" if self.cells_made else "starting"
        return f"{self.name} ({self.kind}){speed}"

    def _cost(self) -> str:
        return f"so far {cost(self.seconds, self.rows_run, self.bytes_written)}"


def cost(seconds: float, rows: int, size: int) -> str:
    """What a run cost: time, rows that went through a model, bytes written."""
    through = [f"{rows:,} rows"] if rows else []
    return ", ".join([duration(seconds), *through, size_of(size)])


def progress(study: str, tasks: Sequence[Task]) -> Progress:
    """Lines in place on a terminal, lines one after another elsewhere."""
    return LiveProgress(study, tasks) if tasks and sys.stderr.isatty() else Progress(study, tasks)
