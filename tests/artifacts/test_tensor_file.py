"""Matrices in files, against the library of safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from ws_dsl.artifacts import tensor_file
from ws_dsl.artifacts.states import States


@pytest.mark.parametrize("name", ["L3", "ln_final.hook_out", '日本 "q"'])
@pytest.mark.parametrize("shape", [(0, 4), (3, 1), (5, 7)])
def test_rows_written_in_any_order_give_the_bytes_of_the_library(
    tmp_path: Path, name: str, shape: tuple[int, int]
):
    rows, width = shape
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    file = tensor_file.create(tmp_path / "states.safetensors", name, rows, width)
    for chosen in (
        [row for row in range(rows) if row % 2],
        [row for row in reversed(range(rows)) if row % 2 == 0],
    ):
        file.write(chosen, values[chosen])
    assert file.path.read_bytes() == save({name: values})
    found = tensor_file.mapped(file.path)
    assert list(found) == [name] and found[name].dtype == np.float32
    np.testing.assert_array_equal(found[name], values)


def test_a_map_is_read_only_and_outlives_the_name_of_its_file(tmp_path: Path):
    path = tmp_path / "states.safetensors"
    path.write_bytes(save({"a": np.zeros((1, 2), np.float32), "b": np.ones((2, 3), np.float32)}))
    found = tensor_file.mapped(path)
    path.unlink()
    assert found["a"].tolist() == [[0.0, 0.0]] and found["b"].tolist() == [[1.0] * 3] * 2
    with pytest.raises(ValueError, match="read-only"):
        found["b"][0, 0] = 2


def test_states_of_a_file_are_those_in_memory(tmp_path: Path):
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    held = States(("id",), {"id": [2, 0, 1]}, {"L1": values}, {"at": "last"})
    file = tensor_file.create(tmp_path / "states.safetensors", "L1", 3, 2)
    file.write([1, 2, 0], values[[1, 2, 0]])
    written = held.with_file(file.path)
    artifact = held.to_artifact()
    assert written.facts == artifact.facts
    files = {
        name: content.read_bytes() if isinstance(content, Path) else content
        for name, content in written.files.items()
    }
    assert files == artifact.files
    back = States.mapped(files.__getitem__, lambda name: tmp_path / name)
    assert back.ids() == held.ids() and back.notes == held.notes
    np.testing.assert_array_equal(back.tensors["L1"], values)
