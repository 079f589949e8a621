"""Vectors as files for other programs: safetensors, and the control vectors of llama.cpp and repeng.

A control vector is a GGUF file with one float32 tensor `direction.N` per layer, which both programs add to
the residual stream after block N, counted from 0: our `LN`. llama.cpp refuses layer 0, so that nothing can be
put after the first block. What the formats have no place for travels as JSON in a field of its own; a file
that lacks it is `Foreign` until somebody says what it leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import DataError, ModelError, Place, WsDslError
from ws_dsl.specs.canonical import Json, canonical
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    import numpy as np

FIELD = "ws_dsl.vectors"
"""Name of the field that says what the formats do not."""

ARCHITECTURE = "controlvector"


Format: TypeAlias = Literal["safetensors", "gguf"]


class Foreign(NamedTuple):
    """Vectors of a file that does not say all that has to be known of them.

    Attributes:
        values: float32 of shape (vectors, width).
        labels: Names of the tensors.
        site: Place, where the file tells it.
        model_hint: Family of the model, where the file tells it.
    """

    values: np.ndarray
    labels: list[str]
    site: str | None
    model_hint: str | None

    def at(self, site: str, at: Json, model: str, method: str, mean_norm: float) -> Vectors:
        """The vectors with all that has to be known of them; see `Vectors`."""
        return Vectors(
            values=self.values,
            site=str(Site.parse(site)),
            at=at,
            method=method,
            mean_norm=mean_norm,
            model=model,
            labels=self.labels if len(self.labels) > 1 else [""],
            made_on=[],
            notes={"model_hint": self.model_hint} if self.model_hint else {},
        )


def write_safetensors(path: Path, vectors: Vectors) -> None:
    """Writes one tensor `vectors` of shape (vectors, width), with all that is known of it."""
    import numpy as np
    from safetensors.numpy import save

    record = canonical(_record(vectors)).decode()
    path.write_bytes(save({"vectors": np.ascontiguousarray(vectors.values, np.float32)}, {FIELD: record}))


def write_gguf(path: Path, vectors: Sequence[Vectors], model_hint: str) -> None:
    """Writes a control vector: one direction for every layer.

    Args:
        path: The file.
        vectors: One vector each, after blocks that differ.
        model_hint: Family of the model, such as `qwen3`; told to readers, checked by none.

    Raises:
        WsDslError: a place that llama.cpp cannot add to, several vectors for one, or the extra is missing.
    """
    gguf = _gguf()
    by_layer = {_layer(one): one for one in vectors}
    if len(by_layer) < len(vectors):
        raise WsDslError("several vectors for one layer: a control vector has one direction for each")
    if len({one.width for one in vectors}) > 1:
        raise WsDslError("vectors of several widths are of several models; a control vector is of one")
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    # repeng refuses a file without a hint, and add_string() writes no empty one.
    writer.add_key_value(f"{ARCHITECTURE}.model_hint", model_hint, gguf.GGUFValueType.STRING)
    writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(by_layer))
    records = {str(layer): _record(one) for layer, one in sorted(by_layer.items())}
    writer.add_string(FIELD, canonical(records).decode())
    for layer, one in sorted(by_layer.items()):
        writer.add_tensor(f"direction.{layer}", one.values[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def format_of(path: Path) -> Format:
    """The format of a file, by its name."""
    return "gguf" if path.suffix == ".gguf" else "safetensors"


def read(path: Path, form: Format) -> list[Vectors | Foreign]:
    """The vectors of a file, one entry for every place.

    Raises:
        DataError: it is not of this format, or holds what is no vector.
        WsDslError: the extra for GGUF is missing.
    """
    found = _read_gguf(path) if form == "gguf" else _read_safetensors(path)
    for one in found:
        _check(path, one.values)
    return found


def _read_safetensors(path: Path) -> list[Vectors | Foreign]:
    import numpy as np
    from safetensors import SafetensorError, safe_open

    opener: Any = safe_open
    try:
        with opener(path, "numpy") as file:
            tensors: dict[str, np.ndarray] = {
                name: np.atleast_2d(file.get_tensor(name)) for name in sorted(file.keys())
            }
            metadata: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError, TypeError) as error:
        raise _wrong(path, f"no safetensors file of numbers that can be read: {error}") from None
    if FIELD in metadata and tensors.keys() == {"vectors"}:
        return [_known(path, tensors["vectors"], metadata[FIELD])]
    if len({values.shape[1:] for values in tensors.values()}) != 1:
        raise _wrong(path, "its tensors are not vectors of one width")
    labels = [
        name if len(values) == 1 else f"{name}[{place}]"
        for name, values in tensors.items()
        for place in range(len(values))
    ]
    values = np.concatenate([_exact(path, one) for one in tensors.values()])
    return [Foreign(values, labels, None, None)]


def _read_gguf(path: Path) -> list[Vectors | Foreign]:
    gguf = _gguf()
    try:
        reader = gguf.GGUFReader(path)
        tensors = {tensor.name: tensor.data for tensor in reader.tensors}
        told = {
            name: reader.fields[name].contents()
            for name in ("general.architecture", f"{ARCHITECTURE}.model_hint", FIELD)
            if name in reader.fields
        }
    except (ValueError, IndexError, KeyError, OSError, OverflowError) as error:
        raise _wrong(path, f"no GGUF file that can be read: {error}") from None
    if told.get("general.architecture") != ARCHITECTURE:
        raise _wrong(path, f"no control vector: its architecture is {told.get('general.architecture')}")
    records = _records(path, told.get(FIELD, "{}"))
    found: dict[int, Vectors | Foreign] = {}
    for name, data in tensors.items():
        prefix, _, layer = name.partition(".")
        if prefix != "direction" or not layer.isdecimal() or int(layer) == 0 or data.ndim != 1:
            raise _wrong(
                path, f"the tensor {name!r} is no direction of a layer; directions begin with layer 1"
            )
        if int(layer) in found:
            raise _wrong(path, f"it has several directions of layer {int(layer)}")
        values = _exact(path, data[None])
        if layer in records:
            found[int(layer)] = _known(path, values, records[layer])
        else:
            hint = told.get(f"{ARCHITECTURE}.model_hint")
            found[int(layer)] = Foreign(values, [""], f"L{int(layer)}", hint)
    if not found:
        raise _wrong(path, "it holds no directions")
    return list(found.values())


def _records(path: Path, text: str) -> dict[str, str]:
    """What is written beside every layer's direction, by layer."""
    try:
        return {layer: json.dumps(record) for layer, record in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise _wrong(path, f"the field {FIELD} is not what ws-dsl writes: {error}") from None


def _record(vectors: Vectors) -> dict[str, Any]:
    content = vectors.to_artifact().files["vectors.json"]
    assert isinstance(content, bytes)
    return json.loads(content)


def _known(path: Path, values: np.ndarray, text: str) -> Vectors:
    """Vectors with what was written beside them.

    Raises:
        DataError: that is not what this module writes.
    """
    try:
        record: Mapping[str, Any] = json.loads(text)
        found = Vectors(values=_exact(path, values), **record)
        found.to_artifact()
        Site.parse(found.site)
        if found.mean_norm < 0:
            raise ValueError("a norm below 0")
        names: list[Any] = [found.method, *found.labels, *found.made_on]
        if not all(isinstance(name, str) for name in names):
            raise ValueError("a name that is no text")
    except (ValueError, TypeError, ModelError, RecursionError) as error:
        raise _wrong(path, f"the field {FIELD} is not what ws-dsl writes: {error}") from None
    if len(found.labels) != len(values):
        raise _wrong(path, f"{len(values)} vectors and {len(found.labels)} labels")
    return found


def _exact(path: Path, values: np.ndarray) -> np.ndarray:
    """Values as float32, where that changes none."""
    import numpy as np

    if str(values.dtype) not in ("float32", "float16"):
        raise _wrong(path, f"its numbers are {values.dtype}, of which float32 holds not all")
    return values.astype(np.float32)


def _check(path: Path, values: np.ndarray) -> None:
    import numpy as np

    if values.ndim != 2 or values.shape[1] < 2 or not len(values):
        raise _wrong(path, f"it holds no vectors: a tensor has the shape {list(values.shape)}")
    if not np.isfinite(values).all():
        raise _wrong(path, "it holds numbers that are not finite")


def _layer(vectors: Vectors) -> int:
    """The block that a vector is added after.

    Raises:
        WsDslError: llama.cpp cannot add there.
    """
    site = Site.parse(vectors.site)
    if site.part != "hook_resid_post" or site.layer is None:
        raise WsDslError(
            f"a control vector is added to the residual stream after a block, and this one is of {site}; "
            "export it as safetensors"
        )
    if site.layer == 0:
        raise WsDslError(
            "llama.cpp refuses control vectors of layer 0: nothing can be added after the first block; "
            "export it as safetensors, or take a vector of a later layer"
        )
    return site.layer


def _gguf() -> Any:
    try:
        import gguf
    except ModuleNotFoundError:
        raise WsDslError("GGUF files need the package gguf: pip install 'ws-dsl[gguf]'") from None
    return gguf


def _wrong(path: Path, message: str) -> DataError:
    return DataError(Place(path), message)


def one_of(vectors: Vectors, index: int) -> Vectors:
    """One vector of several, as a set of its own."""
    return replace(vectors, values=vectors.values[index : index + 1], labels=[vectors.labels[index]])
