"""Whatever happens to the index of vectors, its answers are those of the stored bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.registry.directions import (
    QUERY,
    WIDTH,
    agrees,
    ask,
    brute_force,
    build_draft,
    build_vectors,
    files_of,
    fill,
    table_of,
)
from ws_dsl.registry import Store
from ws_dsl.registry.vector_table import TROUBLE, Row, Spoiled, VectorTable, condition, panics
from ws_dsl.registry.vectors import VectorIndex, vector_sets

ROOT = Path(__file__).parents[2]


# The index may be lost or damaged


def test_a_deleted_index_is_rebuilt(filled):
    before = ask(filled)
    shutil.rmtree(filled.root / "vectors")
    assert ask(filled) == before
    assert table_of(filled).read().keys() == {one.key for one in vector_sets(filled)}


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "other": lambda data: b"this was a table" * 50,
}


@pytest.mark.parametrize("pattern", ["*.manifest", "*.lance/data/*.lance"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_spoiled_file_is_no_harm(filled, pattern, damage):
    before = ask(filled)
    # Names of manifests count down, so that the newest comes first.
    path = files_of(filled, pattern)[0] if "manifest" in pattern else files_of(filled, "data/*.lance")[0]
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert ask(filled) == before
    assert ask(filled) == before


def test_a_lost_file_is_no_harm(filled):
    before = ask(filled)
    for path in files_of(filled, "data/*.lance"):
        path.unlink()
    assert ask(filled) == before


def test_flipped_bits_are_no_harm(filled, flip):
    """Also where LanceDB serves them: in five of five places of the vectors it says nothing."""
    before = ask(filled)
    (path,) = files_of(filled, "data/*.lance")
    size = path.stat().st_size
    intact = path.read_bytes()
    caught = 0
    for place in range(3, size, size // 40):
        shutil.copytree(filled.root / "vectors", filled.root / "kept", dirs_exist_ok=True)
        flip(path, place * 8 + place % 8)
        caught += _spoiled(filled)
        assert ask(filled) == before, place
        shutil.rmtree(filled.root / "vectors")
        shutil.copytree(filled.root / "kept", filled.root / "vectors")
        path.write_bytes(intact)
    assert caught > 10


def test_a_table_that_a_process_died_over_is_not_opened_again(filled):
    """One flipped bit in some hundreds makes LanceDB ask for terabytes, which ends the process."""
    before, spoiled = ask(filled), files_of(filled, "data/*.lance")
    code = """
import os, sys
from pathlib import Path
from ws_dsl.registry.vector_table import reading
with reading(Path(sys.argv[1])):
    os.abort()
"""
    words = [sys.executable, "-c", code, str(filled.root / "vectors")]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == -signal.SIGABRT
    assert ask(filled) == before
    assert not set(spoiled) & set(files_of(filled, "data/*.lance"))
    kept = files_of(filled, "data/*.lance")
    assert ask(filled) == before and files_of(filled, "data/*.lance") == kept
    assert files_of(filled, "readers/*") == []


@pytest.mark.slow
def test_bits_flipped_in_any_file_are_no_harm(filled):
    """Some of them make LanceDB's own code panic."""
    fill(filled.root, 2, 12)
    ask(filled)
    filled.layout.manifest(brute_force(filled)[3][0]).unlink()
    before = ask(filled)
    shutil.copytree(filled.root / "vectors", filled.root / "kept")
    generator = random.Random(1)
    for place in range(150):
        files = [path for path in files_of(filled, "*") if path.is_file()]
        path = generator.choice([files_of(filled, "*.manifest")[0], generator.choice(files)])
        data = bytearray(path.read_bytes())
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        path.write_bytes(data)
        assert ask(filled) == before, place
        shutil.rmtree(filled.root / "vectors")
        shutil.copytree(filled.root / "kept", filled.root / "vectors")


def _spoiled(store: Store) -> bool:
    try:
        with panics():
            table_of(store).read()
    except TROUBLE:
        return True
    return False


def test_other_columns_are_rebuilt(filled):
    import lancedb

    before = ask(filled)
    shutil.rmtree(filled.root / "vectors")
    lancedb.connect(filled.root / "vectors").create_table(f"float32-{WIDTH}", [{"id": "x", "number": 1}])
    with pytest.raises(Spoiled):
        table_of(filled)
    assert ask(filled) == before


def test_a_damaged_artifact_is_left_out_and_named(filled, flip):
    gone = brute_force(filled)[0][0]
    expected = [one for one in brute_force(filled) if one[0] != gone]
    manifest = filled.manifest(gone)
    flip(filled.layout.object(manifest.files["vectors.safetensors"].sha256), 999)
    for _ in range(2):
        answer = ask(filled)
        assert agrees(answer, expected[:7]) and answer.damaged == [gone]
        shutil.rmtree(filled.root / "vectors")


def test_a_folder_that_cannot_be_made_is_done_without(filled):
    before = ask(filled)
    index = VectorIndex(Store(filled.root))
    index._folder = Path("/proc/nowhere/vectors")
    assert index.near(QUERY, 7, {}) == before


READ_ONLY = """
import os, sys
from pathlib import Path
from tests.registry.test_vectors import ask
from ws_dsl.registry import Store
ask(Store(Path(sys.argv[1])))
if os.getuid() == 0:
    os.setuid(65534)
assert not os.access(sys.argv[2], os.W_OK)
print(ask(Store(Path(sys.argv[2]))))
"""


@pytest.mark.parametrize("index", ["current", "behind", "missing"])
def test_a_store_that_is_read_only_answers(filled, tmp_path, index):
    expected = str(ask(filled))
    with tempfile.TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        store = Path(public) / "store"
        shutil.copytree(filled.root, store)
        if index == "behind":
            expected = str(ask(fill(filled.root, 3, 12)))
            for folder in ("objects", "manifests"):
                shutil.copytree(filled.root / folder, store / folder, dirs_exist_ok=True)
        elif index == "missing":
            shutil.rmtree(store / "vectors")
        paths = [store, *store.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        words = [sys.executable, "-c", READ_ONLY, str(filled.root), str(store)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        for path in [path for path in paths if path.is_dir()]:
            path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    # Times of commits differ between the two, so that keys and numbers alone are compared.
    assert done.stdout.strip() == expected


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.registry.directions import ask, fill
from ws_dsl.registry import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ask(Store(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
print(ask(Store(Path(sys.argv[2]))))
"""


@pytest.mark.parametrize("most", [0, 1, 700, 4000])
def test_a_disk_that_takes_no_more_answers(filled, most):
    """No file may grow beyond a size: rows that are lacking cannot be written, or only half of them."""
    before = filled.root.with_name("before")
    shutil.copytree(filled.root, before)
    expected = ask(fill(filled.root, 3, 12))
    shutil.rmtree(filled.root / "vectors")
    shutil.copytree(before / "vectors", filled.root / "vectors")
    words = [sys.executable, "-c", FULL, str(before), str(filled.root), str(most)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        assert done.stdout.strip() == str(expected)
    else:
        assert "the index of vectors can be made neither in" in done.stderr
    assert ask(filled) == expected


# The table


def rows_of(store: Store, name: str) -> tuple[list[Row], np.ndarray]:
    from ws_dsl.registry.vectors import _describe

    (manifest,) = store.commit([build_draft(name, build_vectors(1))])
    stored = VectorIndex(store).vectors(manifest.key)
    return _describe(manifest, stored), stored.values


def test_writing_rows_again_replaces_them(store, tmp_path):
    rows, values = rows_of(store, "one")
    table = VectorTable(tmp_path / "vectors", WIDTH)
    table.write(rows, values)
    table.write([row._replace(method="other") for row in rows], values + 1)
    held = table.read()
    assert [one.places for one in held.values()] == [{0, 1}]
    assert table.count({"method": ["other"]}, None) == 2


def test_a_row_that_is_there_twice_is_found(store, tmp_path):
    rows, values = rows_of(store, "one")
    table = VectorTable(tmp_path / "vectors", WIDTH)
    table.write([rows[0], rows[0]], values[[0, 0]])
    with pytest.raises(Spoiled, match="twice"):
        table.read()


@pytest.mark.parametrize("values", [np.full((2, WIDTH), np.nan), np.ones((2, WIDTH + 1)), np.ones((2, 3))])
def test_what_is_no_vector_of_the_width_is_refused_and_leaves_nothing(store, tmp_path, values):
    rows, good = rows_of(store, "one")
    table = VectorTable(tmp_path / "vectors", WIDTH)
    table.write(rows, good)
    with pytest.raises(TROUBLE):
        table.write([row._replace(id=f"{row.id}0") for row in rows], values.astype(np.float32))
    assert [one.places for one in table.read().values()] == [{0, 1}]


def test_numbers_come_back_bit_by_bit(store, tmp_path):
    odd = np.array([-0.0, 1e-45, 3.4e38, np.nextafter(1, 2), *np.zeros(WIDTH - 4)], np.float32)
    rows, _ = rows_of(store, "one")
    table = VectorTable(tmp_path / "vectors", WIDTH)
    table.write(rows[:1], odd[None])
    (batch,) = table._table.search().to_batches()
    assert batch.column("vector").flatten().to_numpy().tobytes() == odd.tobytes()


def test_nothing_is_asked_for_by_an_empty_list():
    assert condition({"layer": [], "label": ["a'b", "c"]}) == "false AND label IN ('a''b', 'c')"


# Several processes


def start(store: Path, first: int, rounds: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.registry.directions", str(store), str(first), str(rounds)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_write_the_same_leave_one_of_each(tmp_path):
    """Without a primary key, 260 of 400 keys were there twice."""
    processes = [start(tmp_path / "store", 0, 12) for _ in range(2)]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    store = Store(tmp_path / "store")
    # As it was left, before anything mends it.
    held = table_of(store).read()
    assert len(held) == 12 and all(one.places == {0, 1} for one in held.values())
    assert agrees(ask(store, 50), brute_force(store))


def test_processes_that_make_the_table_at_once_agree(tmp_path):
    fill(tmp_path / "store", 3)
    processes = [start(tmp_path / "store", 100 * n, 2) for n in (1, 2)]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    store = Store(tmp_path / "store")
    assert agrees(ask(store, 50), brute_force(store)) and ask(store).searched == 14


def test_rows_are_written_while_files_are_joined(tmp_path):
    """Of 80 rounds of joining beside writers, 51 end in a conflict; none of it costs a row."""
    processes = [start(tmp_path / "store", 100 * n, 10) for n in range(2)]
    store = Store(tmp_path / "store")
    joined = 0
    while any(process.poll() is None for process in processes):
        if store.root.joinpath("vectors").exists():
            with suppress(*TROUBLE):
                table_of(store)._table.optimize()
                joined += 1
    for process in processes:
        assert process.communicate() is not None and process.returncode == 0
    assert joined
    held = table_of(store).read()
    assert len(held) == 20 and all(one.places == {0, 1} for one in held.values())
    assert agrees(ask(store, 50), brute_force(store))


def kill(store: Path, first: int, delay: float) -> None:
    """Kills a writer some time after its first acknowledged write."""
    process = start(store, first, 1000)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{first}\n"
    time.sleep(delay)
    process.kill()
    process.communicate()


def test_a_killed_writer_leaves_nothing_wrong(tmp_path):
    kill(tmp_path / "store", 0, 0.05)
    store = Store(tmp_path / "store")
    table_of(store).read()
    assert agrees(ask(store, 50), brute_force(store)) and ask(store).searched >= 2


@pytest.mark.slow
def test_writers_killed_anywhere_leave_nothing_wrong(tmp_path):
    store = Store(tmp_path / "store")
    for place in range(12):
        kill(store.root, 1000 * place, 0.013 * place)
        table_of(store).read()
        assert agrees(ask(store, 5000), brute_force(store))
    assert ask(store).searched >= 24
