"""A cached study is answered without the heavy libraries."""

from __future__ import annotations

import subprocess
import sys


def test_reading_a_store_imports_nothing_heavy(store, draft, run):
    (manifest, _) = store.commit([draft("one"), run("s", [("step", {}, "one")], "run")])
    script = f"""
import sys
from pathlib import Path
from ws_dsl.registry import Store
store = Store(Path({str(store.root)!r}))
assert store.lookup([{manifest.key!r}]) == {{{manifest.key!r}: {manifest.digest!r}}}
store.read(store.manifest({manifest.key!r}), "table.arrow")
assert store.catalogue.addresses("s")
heavy = {{"numpy", "pyarrow", "lancedb", "torch", "transformers", "pydantic", "asyncio"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
