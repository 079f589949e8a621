"""Columns at rest: one value, one sequence of bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from ws_dsl.artifacts import arrow

COLUMNS = {
    "id": [f"c{i}" for i in range(37)],
    "value": [None if i % 5 == 0 else i / 7 for i in range(37)],
    "label": [None if i % 3 == 0 else i % 2 == 0 for i in range(37)],
    "text": [None if i % 4 == 0 else "ü" * i for i in range(37)],
    "ids": [list(range(i)) for i in range(37)],
}
TYPES = {"ids": "list<int32>"}


def digest() -> str:
    return hashlib.sha256(arrow.encode(COLUMNS, {"b": 1, "a": [2.5]}, TYPES)).hexdigest()


def test_dirty_memory_changes_no_byte():
    first = digest()
    for size in range(1, 60):
        junk = [np.full(size * 97, 255, np.uint8) for _ in range(5)]
        del junk
        assert digest() == first


def test_another_process_writes_the_same_bytes():
    code = "from tests.artifacts.test_arrow import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join([".", *sys.path])}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == digest()


def test_columns_and_header_come_back():
    columns, header = arrow.decode(arrow.encode(COLUMNS, {"b": 1}, TYPES))
    assert columns == COLUMNS and header == {"b": 1}


def test_a_type_holds_where_every_value_is_null():
    import pyarrow as pa

    data = arrow.encode({"value": [None, None]}, {}, {"value": "float64"})
    assert pa.ipc.open_file(data).schema.field("value").type == pa.float64()


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="length"):
        arrow.encode({"a": [1], "b": [1, 2]}, {})
