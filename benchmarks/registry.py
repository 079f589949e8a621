"""How the store behaves with many artifacts, and how fast it reads and hashes.

    python benchmarks/registry.py [ARTIFACTS] [RUNS]

Fills a store with synthetic artifacts (a manifest and a JSON object each; runs of 200 cells, two of every
study, the first half of whose cells descends from the run before), catalogues it, and times whole commands.
Then commits, reads and verifies a file of 512 MiB beside plain SHA-256 and plain reading of the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.plan.keys import key_of
from ws_dsl.registry import Draft, FileRecord, InputRecord, Manifest, Store
from ws_dsl.specs.canonical import canonical, digest, sha256

ROOT = Path(__file__).parent.parent
CELLS = 200
SIZE = 512 << 20
STUDY = """
ws: 1
id: s1
question: How long does it take to say why?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: id, columns: {claim: text}}
"""


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} exited with {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime


def clocked(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fill(store: Store, artifacts: int) -> None:
    """Writes manifests and objects in their places, without waiting for the disk after each."""
    layout = store.layout
    before: list[Manifest] = []
    for run in range(1, artifacts // CELLS + 1):
        study = f"s{(run + 1) // 2}"
        cells = [_cell(store, run, place, before) for place in range(CELLS - 1)]
        record = {
            "study": study,
            "file": f"{study}.yaml",
            "cells": [
                {"step": f"step{place % 20}", "cell": {"arm": f"a{place}"}, "key": one.key}
                for place, one in enumerate(cells)
            ],
        }
        params = {"study": study, "run": run, "after": None}
        key = digest({"scheme": 1, "kind": "study_run", "version": 1, "params": params})
        _write(store, "study_run", key, params, {}, {"study.json": canonical(record)})
        before = cells
    assert not layout.catalogue.exists()


def _cell(store: Store, run: int, place: int, before: list[Manifest]) -> Manifest:
    params = {"run": run, "place": place, "at": "last", "sites": ["L3N12"], "tokens": {"plus": [" Yes"]}}
    inputs = {
        "of": [InputRecord(one.digest, one.key) for one in before[place : place + 1] if place < CELLS / 2]
    }
    derivation = {
        "kind": "summary",
        "version": 1,
        "params": params,
        "inputs": {
            field: [{"digest": one.digest, "column": one.column, "pooled": list(one.pooled)} for one in found]
            for field, found in inputs.items()
        },
        "made": {},
        "environment": {},
    }
    content = canonical({"stats": {"mean": {"value": run + place / 7, "n": 100}}, "place": place})
    return _write(store, "summary", key_of(derivation), params, inputs, {"estimate.json": content})


def _write(
    store: Store, kind: str, key: str, params: dict, inputs: dict, files: dict[str, bytes]
) -> Manifest:
    draft = Draft(
        key=key, kind=kind, version=1, params=params, inputs=inputs, environment={}, made={},
        artifact=Artifact(dict(files), {}), seconds=0.1,
    )  # fmt: skip
    records = {name: FileRecord(sha256(content), len(content)) for name, content in files.items()}
    manifest = Manifest.of(draft, records, f"2026-01-01T00:00:00.{params['run']:06}+00:00")
    paths = {store.layout.object(records[name].sha256): content for name, content in files.items()}
    for path, content in {**paths, store.layout.manifest(key): manifest.to_json().encode()}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return manifest


def growth(folder: Path, artifacts: int, runs: int) -> None:
    store = Store(folder / "registry")
    print(f"{artifacts:,} artifacts written in {clocked(lambda: fill(store, artifacts)):.0f} s")
    (folder / "claims.jsonl").write_text('{"id": "a", "claim": "b"}\n')
    (folder / "s1.yaml").write_text(STUDY)
    ours = [sys.executable, "-m", "ws_dsl"]
    where = ["--registry", str(store.root)]
    key = next((store.layout.manifests / "00").iterdir()).stem
    commands = {
        "ls, catalogue rebuilt": [*ours, "ls", *where],
        "ls": [*ours, "ls", *where],
        "ls --json": [*ours, "ls", "--json", *where],
        "why KEY": [*ours, "why", key, *where],
        "why s1:claims": [*ours, "why", "s1:claims", "--study", str(folder / "s1.yaml"), *where],
        "gc": [*ours, "gc", *where],
        "verify": [*ours, "verify", *where],
    }
    print(f"{'':28}{'wall s: median':>16}{'least':>8}{'most':>8}{'CPU s: median':>16}")
    for name, command in commands.items():
        times = [timed(command) for _ in range(1 if name in ("ls, catalogue rebuilt", "verify") else runs)]
        wall, cpu = zip(*times, strict=True)
        print(
            f"{name:28}{statistics.median(wall):16.3f}{min(wall):8.3f}{max(wall):8.3f}{statistics.median(cpu):16.3f}"
        )


def rates(folder: Path, runs: int) -> None:
    store = Store(folder / "rates")
    content = os.urandom(SIZE)
    (folder / "content").write_bytes(content)
    commit = clocked(lambda: store.commit([_draft({"big": folder / "content"})]))
    manifest = store.manifest("0" * 64)
    assert manifest is not None
    path = store.layout.object(manifest.files["big"].sha256)
    work: dict[str, Callable[[], object]] = {
        "SHA-256 of bytes in memory": lambda: hashlib.sha256(content).digest(),
        "reading, page cache warm": path.read_bytes,
        "Store.read (verified)": lambda: store.read(manifest, "big"),
        "Store.path, first (verified)": lambda: Store(store.root).path(manifest, "big"),
        "Store.verify": store.verify,
    }
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(runs):
        for name, one in work.items():
            found[name].append(clocked(one))
    print(f"\n{SIZE >> 20} MiB of random bytes; committed (written, waited for, named) in {commit:.1f} s")
    print(f"{'':32}{'MiB/s: median':>16}{'least':>8}{'most':>8}")
    for name, times in found.items():
        speeds = [(SIZE >> 20) / one for one in times]
        print(f"{name:32}{statistics.median(speeds):16.0f}{min(speeds):8.0f}{max(speeds):8.0f}")


def _draft(files: dict[str, Path]) -> Draft:
    return Draft(
        key="0" * 64, kind="big", version=1, params={}, inputs={}, environment={}, made={},
        artifact=Artifact(dict(files), {}), seconds=0.0,
    )  # fmt: skip


def main() -> None:
    artifacts = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        growth(Path(folder), artifacts, runs)
        rates(Path(folder), runs)


if __name__ == "__main__":
    main()
