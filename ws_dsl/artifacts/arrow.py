"""Columns to Arrow IPC bytes and back; the one place that knows pyarrow, which has no type stubs."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from ws_dsl.specs.canonical import Json, canonical

_HEADER = b"ws_dsl"


def encode(
    columns: Mapping[str, list[Any]], header: Mapping[str, Json], types: Mapping[str, str] | None = None
) -> bytes:
    """Arrow IPC file of equally long columns.

    Args:
        columns: Values by column name; None is null.
        header: JSON kept in the schema's metadata.
        types: Arrow type names by column where inference is not wanted, such as `float64` or `list<int32>`.
    """
    import pyarrow as pa

    names = {
        "string": pa.string(),
        "float64": pa.float64(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "list<int32>": pa.list_(pa.int32()),
    }
    arrays = [
        pa.array(values, type=names[types[name]] if types and name in types else None)
        for name, values in columns.items()
    ]
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)],
        metadata={_HEADER: canonical(dict(header))},
    )
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return sink.getvalue()


def decode(data: bytes) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Columns and header of bytes made by `encode`."""
    import pyarrow as pa

    table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    header = json.loads(table.schema.metadata[_HEADER])
    return {name: table.column(name).to_pylist() for name in table.column_names}, header
