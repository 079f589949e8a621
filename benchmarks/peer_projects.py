"""The same small projects, written for ws-dsl and for its peers.

chain   `first` writes the lines 1 to 20, `second` gives their sum times a factor times what a helper gives
slow    one step writes 40 lines in eight seconds, every line with the mark of its run
grid    200 steps in 20 rows of 10, each the sum of the one above it and the one in the corner, plus one
        (with two neighbours instead, redun follows every path through the grid, and does not end)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROWS, COLUMNS = 20, 10
LAST = [f"g{ROWS - 1}_{column}" for column in range(COLUMNS)]

NUMBERS = "".join(f"{number}\n" for number in range(1, 21))


@dataclass(frozen=True)
class Project:
    """How an engine is used.

    Attributes:
        files: Files of a task, by name; changes are `factor`, `helper` (what it gives) and `where` it lies.
        command: The command that brings everything up to date.
        setup: What comes before the first one.
        stored: Where the first step of the chain has its result.
        result: The result of the last step of a task.
    """

    files: Callable[..., dict[str, str]]
    command: Callable[[Path], list[str]]
    stored: Callable[[Path], Path]
    result: Callable[[Path], str]
    setup: Callable[[Path], list[list[str]]] = lambda python: []

    def expected(self, factor: int = 1, helper: int = 1) -> str:
        """The result of the chain."""
        return str(sum(range(1, 21)) * factor * helper)


def helper_of(value: int) -> str:
    return f"def helper():\n    return {value}\n"


def split(where: str, value: int) -> tuple[str, dict[str, str]]:
    """Lines that bring the helper in, and the file that it lies in where that is another one."""
    if where == "beside":
        return helper_of(value), {}
    return "from helpers import helper\n", {"helpers.py": helper_of(value)}


SLOW = """
import os, time, uuid
def write(path):
    mark = uuid.uuid4().hex
    open(path, "w").close()
    for line in range(40):
        with open(path, "a") as file:
            file.write(f"{mark} {line}\\n")
        open("started", "w").close()
        time.sleep(0.2)
"""


def cells() -> list[tuple[int, int, list[str]]]:
    """Row, column and inputs of every step of the grid, inputs first."""
    found: list[tuple[int, int, list[str]]] = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            above = [f"g{row - 1}_{column}"] if row else []
            corner = ["g0_0"] if row or column else []
            found.append((row, column, list(dict.fromkeys(above + corner))))
    return found


# Scripts: DVC and Snakemake start a process for each step


def scripts(factor: int, helper: int, where: str) -> dict[str, str]:
    lines, files = split(where, helper)
    second = f"""
import sys
{lines}
numbers = [int(line) for line in open("first.txt")]
open("second.txt", "w").write(str(sum(numbers) * int(sys.argv[1]) * helper()))
"""
    first = f"open('first.txt', 'w').write({NUMBERS!r})\n"
    cell = """
import sys
target, *inputs = sys.argv[1:]
open(target, "w").write(str(1 + sum(int(open(one).read()) % 1000 for one in inputs)))
"""
    slow = f"{SLOW}\nwrite('second.txt')\n"
    return {**files, "first.py": first, "second.py": second, "cell.py": cell, "slow.py": slow}


def dvc_files(task: str, factor: int = 1, helper: int = 1, where: str = "beside") -> dict[str, str]:
    stages: dict[str, object] = {
        "chain": {
            "first": {"cmd": "python first.py", "deps": ["first.py"], "outs": ["first.txt"]},
            "second": {
                "cmd": f"python second.py {factor}",
                "deps": ["second.py", "first.txt"],
                "outs": ["second.txt"],
            },
        },
        "slow": {"second": {"cmd": "python slow.py", "deps": ["slow.py"], "outs": ["second.txt"]}},
        "grid": {
            f"g{row}_{column}": {
                "cmd": f"python cell.py g{row}_{column}.txt " + " ".join(f"{one}.txt" for one in inputs),
                "deps": ["cell.py", *(f"{one}.txt" for one in inputs)],
                "outs": [f"g{row}_{column}.txt"],
            }
            for row, column, inputs in cells()
        },
    }
    return {**scripts(factor, helper, where), "dvc.yaml": json.dumps({"stages": stages[task]})}


def snakemake_files(task: str, factor: int = 1, helper: int = 1, where: str = "beside") -> dict[str, str]:
    chain = f"""
        rule all:
            input: "second.txt"
        rule first:
            output: "first.txt"
            input: "first.py"
            shell: "python first.py"
        rule second:
            output: "second.txt"
            input: "second.py", data="first.txt"
            shell: "python second.py {factor}"
        """
    slow = """
        rule all:
            input: "second.txt"
        rule second:
            output: "second.txt"
            input: "slow.py"
            shell: "python slow.py"
        """
    rules = [
        f'rule g{row}_{column}:\n    output: "g{row}_{column}.txt"\n    input: '
        + ", ".join(f'"{one}.txt"' for one in inputs)
        + f'\n    shell: "python cell.py g{row}_{column}.txt {{input}}"'
        for row, column, inputs in cells()
    ]
    last = "rule all:\n    input: " + ", ".join(f'"{one}.txt"' for one in LAST)
    text = {"chain": dedent(chain), "slow": dedent(slow), "grid": "\n".join([last, *rules])}[task]
    return {**scripts(factor, helper, where), "Snakefile": text + "\n"}


# Functions: joblib and redun run within a process

JOBLIB = """
import hashlib, sys
from joblib import Memory
memory = Memory("cache", verbose=0)
"""

REDUN = """
import sys
from redun import File, task
redun_namespace = "peers"
"""


def functions(
    task: str, factor: int, helper: int, where: str, head: str, mark: str
) -> tuple[str, dict[str, str]]:
    lines, files = split(where, helper)
    bodies = {
        "chain": f"""
{mark}
def first():
    return {NUMBERS!r}
{mark}
def second(numbers, factor):
    return sum(map(int, numbers.split())) * factor * helper()
""",
        "slow": f"""
{SLOW}
{mark}
def second():
    write("part.txt")
    return open("part.txt").read()
""",
        "grid": f"""
{mark}
def cell(place, *inputs):
    return 1 + sum(one % 1000 for one in inputs)
""",
    }
    return f"{head}\n{lines}\n{bodies[task]}", files


def joblib_files(task: str, factor: int = 1, helper: int = 1, where: str = "beside") -> dict[str, str]:
    steps, files = functions(task, factor, helper, where, JOBLIB, "@memory.cache")
    main = {
        "chain": f"open('second.txt', 'w').write(str(second(first(), {factor})))",
        "slow": "open('second.txt', 'w').write(second())",
        "grid": f"""
known = {{}}
for row, column, inputs in {cells()!r}:
    known[f"g{{row}}_{{column}}"] = cell(f"g{{row}}_{{column}}", *(known[one] for one in inputs))
""",
    }[task]
    return {**files, "steps.py": steps, "main.py": f"from steps import *\n{main}\n"}


def redun_files(task: str, factor: int = 1, helper: int = 1, where: str = "beside") -> dict[str, str]:
    steps, files = functions(task, factor, helper, where, REDUN, "@task()")
    if task == "chain":  # a value of redun lies in its database; a file is what can rot by itself
        steps = steps.replace(
            f"return {NUMBERS!r}",
            f"file = File('first.txt')\n    file.write({NUMBERS!r})\n    return file",
        ).replace("numbers.split()", "numbers.read().split()")
    last = {
        "chain": f"result(second(first(), {factor}))",
        "slow": "result(second())",
        "grid": f"[known[one] for one in {LAST!r}]",
    }[task]
    main = f"""
@task()
def result(value):
    file = File("second.txt")
    file.write(str(value))
    return file
@task()
def main():
    known = {{}}
    for row, column, inputs in {cells() if task == "grid" else []!r}:
        known[f"g{{row}}_{{column}}"] = cell(f"g{{row}}_{{column}}", *(known[one] for one in inputs))
    return {last}
"""
    return {**files, "workflow.py": steps + main}


# ws-dsl: kinds of one's own

KIND = '''
"""{title}"""
{head}
from ws_dsl import Kind, Ref
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.specs import types

class {name}(Kind[types.Estimate]):
{fields}

version = 1

def made(**values):
    stats = {{name: Stat(value, None, None, None, 1) for name, value in values.items()}}
    return Estimate(stats, {{}}, "", "").to_artifact()

def run(cells, context):
    for cell in cells:
{body}
'''

OF = "    of: Ref[types.Estimate]"


def kind(name: str, fields: str, body: str, head: str = "") -> str:
    body = "\n".join(f"        {line}" for line in body.splitlines())
    return KIND.format(title=f"{name}.", name=name, fields=fields or "    pass", body=body, head=head)


def own_files(task: str, factor: int = 1, helper: int = 1, where: str = "beside") -> dict[str, str]:
    lines, files = split(where, helper)
    kinds = {
        "first": kind("First", "", "yield cell, made(**{f'n{one}': one for one in range(1, 21)})"),
        "second": kind(
            "Second",
            f"{OF}\n    factor: int = 1",
            "total = sum(stat.value for stat in cell.open('of').stats.values())\n"
            "yield cell, made(value=total * cell.spec.factor * helper())",
            lines,
        ),
        "slow": kind(
            "Slow",
            "",
            "write('part.txt')\n"
            "artifact = made(value=1)\n"
            "log = {'log.txt': open('part.txt', 'rb').read()}\n"
            "yield cell, artifact._replace(files={**artifact.files, **log})",
            SLOW,
        ),
        "cell": kind(
            "Cell",
            "    place: str\n    above: Ref[types.Estimate] | None = None\n"
            "    corner: Ref[types.Estimate] | None = None",
            "inputs = [cell.open(name) for name in ('above', 'corner') if cell.inputs.get(name)]\n"
            "yield cell, made(value=1 + sum(one.stats['value'].value % 1000 for one in inputs))",
        ),
    }
    grid = {
        f"g{row}_{column}": {
            "kind": "cell",
            "place": f"{row}-{column}",
            **({"above": f"g{row - 1}_{column}"} if row else {}),
            **({"corner": "g0_0"} if row or column else {}),
        }
        for row, column, _ in cells()
    }
    steps: dict[str, object] = {
        "chain": {"first": {"kind": "first"}, "second": {"kind": "second", "of": "first", "factor": factor}},
        "slow": {"second": {"kind": "slow"}},
        "grid": grid,
    }
    study = {"ws": 1, "id": "peers", "question": "?", "model": {"kind": "organism"}, "steps": steps[task]}
    own = {f"kinds/{name}.py": text for name, text in kinds.items()}
    return {**files, **own, "peers.yaml": json.dumps(study), "ws-dsl.toml": ""}


def own_object(folder: Path, step: str, file: str) -> Path:
    """The stored file of a step."""
    from ws_dsl.registry import Store

    store = Store(folder / "registry")
    key = store.catalogue.previous("peers", step, {})
    assert key is not None
    return store.layout.object(store.require(key).files[file].sha256)


def own_result(folder: Path) -> str:
    from ws_dsl.registry import Store

    store = Store(folder / "registry")
    key = store.catalogue.previous("peers", "second", {})
    assert key is not None
    manifest = store.require(key)
    if "log.txt" in manifest.files:
        return store.read(manifest, "log.txt").decode()
    return str(int(json.loads(store.read(manifest, "estimate.json"))["stats"]["value"]["value"]))


def text_of(folder: Path) -> str:
    return (folder / "second.txt").read_text()


PROJECTS = {
    "ws-dsl": Project(
        own_files,
        lambda python: [str(python), "-m", "ws_dsl", "run", "peers.yaml"],
        lambda folder: own_object(folder, "first", "estimate.json"),
        own_result,
    ),
    "dvc": Project(
        dvc_files,
        lambda python: [str(python.parent / "dvc"), "repro"],
        lambda folder: folder / "first.txt",
        text_of,
        lambda python: [[str(python.parent / "dvc"), "init", "--no-scm", "--quiet"]],
    ),
    "joblib": Project(
        joblib_files,
        lambda python: [str(python), "main.py"],
        lambda folder: next(folder.glob("cache/joblib/steps/first/*/output.pkl")),
        text_of,
    ),
    "snakemake": Project(
        snakemake_files,
        lambda python: [str(python.parent / "snakemake"), "--cores", "1"],
        lambda folder: folder / "first.txt",
        text_of,
    ),
    "redun": Project(
        redun_files,
        lambda python: [str(python.parent / "redun"), "run", "workflow.py", "main"],
        lambda folder: folder / "first.txt",
        text_of,
    ),
}
