"""Nothing is pickled or unpickled: a store, a bundle or a checkpoint can hold no program."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import ws_dsl

ROOT = Path(ws_dsl.__file__).parent
RUNS_WHAT_IT_READS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
READERS = {"load", "save"}


def used(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported, calls of `torch.load` and `torch.save`, and what allows pickles."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Attribute) and node.attr in READERS and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "trust_remote_code"):
            yield f"{node.arg}={ast.unparse(node.value)}"


def test_no_module_reads_or_writes_what_can_run():
    forbidden = RUNS_WHAT_IT_READS | {"torch.load", "torch.save", "np.load", "np.save"}
    forbidden |= {"allow_pickle=True", "trust_remote_code=True"}
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in ROOT.rglob("*.py")
        for name in used(ast.parse(path.read_bytes()))
        if name in forbidden
    }
    assert found == set()


def test_the_search_finds_what_it_looks_for():
    source = "import pickle\nfrom joblib import dump\ntorch.load(x)\nnp.load(y, allow_pickle=True)\n"
    assert set(used(ast.parse(source))) == {"pickle", "joblib", "torch.load", "np.load", "allow_pickle=True"}
