"""ws-dsl beside DVC, joblib, Snakemake and redun, each in its own pinned environment.

    python benchmarks/peers.py [--runs N] [--envs FOLDER] [--only NAME ...]

Makes an environment of `benchmarks/peers/NAME.txt` for every peer, and gives each the same small tasks,
written as its manual writes them: how long 200 steps take that are all current (whole processes, in turn,
medians), and what becomes of a flipped bit, of a `kill -9` while a result is written, and of a changed
function that a step calls. Rows of the tables of `benchmarks/RESULTS.md` are printed.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from peer_projects import PROJECTS, Project

HERE = Path(__file__).parent
PEERS = ("dvc", "joblib", "snakemake", "redun")


class Ran(NamedTuple):
    """One process: exit code, seconds of wall and CPU, and what it said."""

    code: int
    wall: float
    cpu: float
    said: str


@dataclass
class Bench:
    """One engine in its environment.

    Attributes:
        name: Its name.
        project: How its projects are written.
        python: The interpreter of its environment.
        folder: Where its projects are made.
        paths: What is imported from elsewhere than its environment.
    """

    name: str
    project: Project
    python: Path
    folder: Path
    paths: tuple[str, ...] = ()

    def start(self, folder: Path) -> subprocess.Popen[str]:
        environment = {**os.environ, "PATH": f"{self.python.parent}:{os.environ['PATH']}"}
        environment |= {"DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), *self.paths])
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = self.project.command(self.python)
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=folder, text=True, env=environment, **out)

    def run(self, folder: Path) -> Ran:
        began = time.perf_counter()
        process = self.start(folder)
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        return Ran(process.returncode, wall, usage.ru_utime + usage.ru_stime, said)

    def made(self, task: str, **changes: Any) -> Path:
        """A new project for a task, set up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.write(folder, task, **changes)
        for command in self.project.setup(self.python):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return folder

    def write(self, folder: Path, task: str, **changes: Any) -> None:
        for name, text in self.project.files(task, **changes).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    def result(self, folder: Path) -> str:
        return self.project.result(folder)


def flip(path: Path) -> None:
    """Flips one bit as a disk does: size and modification time stay."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    place = data.rfind(b"1")
    data[place] ^= 2
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flipped_bit(bench: Bench) -> str:
    """The second step changes, and reads what the first one left; a bit of that is not what it was."""
    folder = bench.made("chain")
    expected = bench.project.expected(factor=2)
    assert bench.run(folder).code == 0
    flip(bench.project.stored(folder))
    bench.write(folder, "chain", factor=2)
    return judged(bench, folder, expected)


def judged(bench: Bench, folder: Path, expected: str) -> str:
    ran = bench.run(folder)
    if ran.code:
        return f"stops: {ran.said.strip().splitlines()[-1][:80]}"
    return "right" if bench.result(folder) == expected else "**wrong, exit 0**"


def changed_helper(bench: Bench, where: str) -> str:
    """A function that the step calls gives twice as much, and the step itself is as it was."""
    folder = bench.made("chain", where=where)
    assert bench.run(folder).code == 0
    bench.write(folder, "chain", where=where, helper=2)
    return judged(bench, folder, bench.project.expected(helper=2))


def killed(bench: Bench) -> str:
    """The engine's process is killed while its step writes; the same command is given again, and once more.

    Every run writes its own mark in every line: lines of two runs in one result are of no run.
    """
    folder = bench.made("slow")
    process = bench.start(folder)
    deadline = time.monotonic() + 120
    while not (folder / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()  # what it started may live on and hold its output open
    ran = bench.run(folder)
    if ran.code:
        said = [line.strip() for line in ran.said.splitlines() if line.strip()]
        return f"refuses: {next((line for line in said if 'Exception' in line), said[-1])[:60]}"
    time.sleep(9)  # an orphan of the first run would be done by then
    marks = {line.split()[0] for line in bench.result(folder).split("\n") if line}
    whole = len(marks) == 1 and bench.result(folder).count("\n") == 40
    return "right" if whole else f"**wrong, exit 0**: lines of {len(marks)} runs"


def warm(benches: list[Bench], runs: int) -> None:
    folders: dict[str, Path] = {}
    cold: dict[str, float] = {}
    for bench in benches:
        folders[bench.name] = bench.made("grid")
        ran = bench.run(folders[bench.name])
        assert ran.code == 0, ran.said
        cold[bench.name] = ran.wall
        bench.run(folders[bench.name])
    found: dict[str, list[Ran]] = {bench.name: [] for bench in benches}
    for _ in range(runs):
        for bench in benches:
            ran = bench.run(folders[bench.name])
            assert ran.code == 0, ran.said
            found[bench.name].append(ran)
    print("\n| 200 steps, all current | wall s: median | least | CPU s: median | first run, s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, times in found.items():
        wall, cpu = [one.wall for one in times], [one.cpu for one in times]
        print(
            f"| {name} | {statistics.median(wall):.2f} | {min(wall):.2f} | {statistics.median(cpu):.2f} | "
            f"{cold[name]:.1f} |"
        )


def trials(benches: list[Bench]) -> None:
    tried: dict[str, Callable[[Bench], str]] = {
        "a bit of a stored result flips": flipped_bit,
        "`kill -9` while a result is written": killed,
        "a function in the step's file changes": lambda bench: changed_helper(bench, "beside"),
        "a function in another file changes": lambda bench: changed_helper(bench, "apart"),
    }
    print(f"\n| | {' | '.join(bench.name for bench in benches)} |")
    print(f"| --- |{' --- |' * len(benches)}")
    for name, trial in tried.items():
        print(f"| {name} | {' | '.join(trial(bench) for bench in benches)} |", flush=True)


def environment(name: str, envs: Path) -> Path:
    """The interpreter of a peer's environment, made of its pins where it is not there."""
    folder = envs / name
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pins = HERE / "peers" / f"{name}.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", pins], check=True)
    return python


def version(name: str) -> str:
    pins = (HERE / "peers" / f"{name}.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in pins if line.startswith(f"{name}=="))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "ws-dsl-peers")
    parser.add_argument("--only", nargs="*", default=["ws-dsl", *PEERS])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        benches = [
            Bench(
                name,
                PROJECTS[name],
                Path(sys.executable) if name == "ws-dsl" else environment(name, options.envs),
                Path(base) / name,
                (str(HERE.parent),) if name == "ws-dsl" else (),
            )
            for name in options.only
        ]
        print(", ".join(f"{name} {version(name)}" for name in options.only if name in PEERS))
        print(f"load {os.getloadavg()[0]:.1f}")
        trials(benches)
        warm(benches, options.runs)
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
