"""How long ws-dsl takes to find that nothing is missing.

    python benchmarks/no_op.py [RUNS]

Runs the studies of `experiments/` once into a store of its own, then times `run`, `plan` and `check` as
whole processes, in turn, beside a bare interpreter and one that only imports the two libraries every command
needs. Prints the median and the extremes of wall and CPU seconds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process, its own accounting."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} exited with {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as folder:
        ours = [sys.executable, "-m", "ws_dsl"]
        store = ["--registry", f"{folder}/registry"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import pydantic, typer": [sys.executable, "-c", "import pydantic, typer"],
            "ws-dsl run experiments": [*ours, "run", "experiments", *store, "--site", f"{folder}/site"],
            "ws-dsl plan experiments": [*ours, "plan", "experiments", *store],
            "ws-dsl check experiments": [*ours, "check", "experiments", *store],
        }
        cold, _ = timed(commands["ws-dsl run experiments"])
        print(f"from an empty store: {cold:.1f} s")
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                found[name].append(timed(command))
    print(f"{'':28}{'wall s: median':>16}{'least':>8}{'most':>8}{'CPU s: median':>16}")
    for name, times in found.items():
        wall, cpu = zip(*times, strict=True)
        print(
            f"{name:28}{statistics.median(wall):16.3f}{min(wall):8.3f}{max(wall):8.3f}{statistics.median(cpu):16.3f}"
        )


if __name__ == "__main__":
    main()
