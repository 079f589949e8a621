"""Vectors to files and back, bit by bit; and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.registry.directions import WIDTH, build_vectors
from ws_dsl.artifacts.vector_files import Foreign, format_of, one_of, read, write_gguf, write_safetensors
from ws_dsl.errors import DataError, ModelError, WsDslError
from ws_dsl.registry import Store
from ws_dsl.registry.cross_check import cross_check, expected_key
from ws_dsl.registry.vectors import VectorIndex
from ws_dsl.run.vector_import import Told, import_vectors

gguf = pytest.importorskip("gguf")

ODD = np.array([-0.0, 1e-45, 3.4e38, np.nextafter(1, 2), *np.ones(WIDTH - 4)], np.float32)
TOLD = Told("a" * 64, "L3", "last", 2.0, "by_hand")


def same(first, second) -> bool:
    """Whether two sets are equal, their numbers bit by bit."""
    told = [{**vars(one), "values": one.values.tobytes()} for one in (first, second)]
    return told[0] == told[1]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def several():
    values = np.stack([ODD, *build_vectors(5).values])
    return build_vectors(
        5, values=values, labels=["a", "", "ü'☃"], at=[{"token": " Yes", "count": -1}], notes={"rows": 4}
    )


def test_safetensors_come_back_bit_by_bit(several, tmp_path):
    write_safetensors(tmp_path / "v.safetensors", several)
    (found,) = read(tmp_path / "v.safetensors", format_of(tmp_path / "v.safetensors"))
    assert same(found, several)


def test_gguf_comes_back_bit_by_bit(several, tmp_path):
    sent = [one_of(several, 0), replace(one_of(several, 2), site="L7")]
    write_gguf(tmp_path / "v.gguf", sent, "qwen3")
    found = read(tmp_path / "v.gguf", format_of(tmp_path / "v.gguf"))
    assert len(found) == 2 and all(map(same, found, sent))


def test_gguf_is_what_llama_cpp_and_repeng_read(several, tmp_path):
    """common_control_vector_load_one: `direction.N` from 1 on, one axis, F32; repeng: the hint, the count."""
    write_gguf(tmp_path / "v.gguf", [replace(one_of(several, 1), site="blocks.12.hook_resid_post")], "qwen3")
    reader = gguf.GGUFReader(tmp_path / "v.gguf")
    (tensor,) = reader.tensors
    assert tensor.name == "direction.12" and tensor.tensor_type == gguf.GGMLQuantizationType.F32
    assert list(tensor.shape) == [WIDTH] and tensor.data.tobytes() == several.values[1].tobytes()
    told = {name: reader.fields[name].contents() for name in reader.fields}
    assert told["general.architecture"] == "controlvector"
    assert told["controlvector.model_hint"] == "qwen3" and told["controlvector.layer_count"] == 1


def test_repeng_reads_a_control_vector_without_a_hint(several, tmp_path):
    """repeng looks for the field, whatever it holds."""
    write_gguf(tmp_path / "v.gguf", [one_of(several, 0)], "")
    hint = gguf.GGUFReader(tmp_path / "v.gguf").get_field("controlvector.model_hint")
    assert hint is not None and hint.contents() == ""
    assert same(read(tmp_path / "v.gguf", "gguf")[0], one_of(several, 0))


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        (["L0"], "refuses control vectors of layer 0"),
        (["L3mlp"], "residual stream after a block"),
        (["final"], "residual stream after a block"),
        (["L3", "blocks.3.hook_resid_post"], "several vectors for one layer"),
    ],
)
def test_what_llama_cpp_cannot_add_is_refused(tmp_path, sites, message):
    with pytest.raises(WsDslError, match=message):
        write_gguf(tmp_path / "v.gguf", [build_vectors(1, count=1, site=site) for site in sites], "")
    assert not (tmp_path / "v.gguf").exists()


def test_a_control_vector_of_another_program_needs_what_it_does_not_tell(tmp_path, store):
    path = tmp_path / "theirs.gguf"
    writer = gguf.GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", "mistral")
    writer.add_uint32("controlvector.layer_count", 2)
    for layer in (1, 14):
        writer.add_tensor(f"direction.{layer}", ODD * layer if layer == 1 else ODD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    first, second = read(path, format_of(path))
    assert isinstance(first, Foreign) and [first.site, second.site] == ["L1", "L14"]
    with pytest.raises(WsDslError, match="--model, --at, --mean-norm"):
        import_vectors(store, path, Told(None, None, None, None, "imported"))
    made = import_vectors(store, path, TOLD)
    assert [(one.site, one.layer, one.method, one.mean_norm) for one in made] == [
        ("L1", 1, "by_hand", 2.0),
        ("L14", 14, "by_hand", 2.0),
    ]
    stored = VectorIndex(store).vectors(made[1].key)
    assert stored.values.tobytes() == ODD.tobytes() and stored.notes == {"model_hint": "mistral"}


def test_safetensors_of_another_program(tmp_path, store):
    from safetensors.numpy import save_file

    half = np.arange(WIDTH, dtype=np.float16)
    save_file({"joy": ODD, "fear": np.stack([half, -half])}, tmp_path / "theirs.safetensors")
    (made,) = import_vectors(store, tmp_path / "theirs.safetensors", TOLD._replace(at="-2"))
    assert made.labels == ["fear[0]", "fear[1]", "joy"] and made.at == -2
    stored = VectorIndex(store).vectors(made.key).values
    assert stored.tobytes() == np.stack([half, -half, ODD]).astype(np.float32).tobytes()


def test_an_import_is_an_artifact_with_its_file(several, tmp_path, store):
    write_safetensors(tmp_path / "v.safetensors", several)
    (made,) = import_vectors(store, tmp_path / "v.safetensors", Told(None, None, None, None, "imported"))
    manifest = store.manifest(made.key)
    assert manifest is not None and expected_key(manifest) == made.key
    assert same(VectorIndex(store).vectors(made.key), several)
    file = store.object_path(manifest.params["file"])
    assert file.read_bytes() == (tmp_path / "v.safetensors").read_bytes()
    assert manifest.notes == ["imported from v.safetensors"] and made.key in store.tags().values()
    again = import_vectors(store, tmp_path / "v.safetensors", Told(None, None, None, None, "imported"))
    assert [one.key for one in again] == [made.key]
    assert store.verify() == [] and store.survey().rubbish == []
    assert list(cross_check(store.layout, store.catalogue, store._digests)) == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"site": "nowhere"}, ModelError),
        ({"at": "somewhere"}, WsDslError),
        ({"mean_norm": 0.0}, WsDslError),
        ({"mean_norm": float("nan")}, WsDslError),
    ],
)
def test_what_is_told_wrongly_is_refused(tmp_path, store, changes, error):
    from safetensors.numpy import save_file

    save_file({"joy": ODD}, tmp_path / "v.safetensors")
    with pytest.raises(error):
        import_vectors(store, tmp_path / "v.safetensors", TOLD._replace(**changes))
    assert store.keys() == []


def _gguf_of(path: Path, *names: str, architecture: str = "controlvector", record: str = "") -> None:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("ws_dsl.vectors", record)
    for name in names:
        writer.add_tensor(name, ODD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("direction.0", "controlvector"),
        ("direction.-1", "controlvector"),
        ("weight", "controlvector"),
        ("direction.x", "controlvector"),
        ("direction.3", "llama"),
    ],
)
def test_gguf_that_is_no_control_vector_is_refused(tmp_path, name, architecture):
    _gguf_of(tmp_path / "v.gguf", name, architecture=architecture)
    with pytest.raises(DataError):
        read(tmp_path / "v.gguf", format_of(tmp_path / "v.gguf"))


@pytest.mark.parametrize("record", ["no JSON", "[1]", '{"3": 5}', "[" * 5000])
def test_a_record_of_another_make_in_gguf_is_refused(tmp_path, record):
    _gguf_of(tmp_path / "v.gguf", "direction.3", record=record)
    with pytest.raises(DataError, match="is not what ws-dsl writes"):
        read(tmp_path / "v.gguf", "gguf")


@pytest.mark.parametrize(
    ("names", "message"), [((), "no directions"), (("direction.3", "direction.03"), "several directions")]
)
def test_gguf_has_one_direction_for_a_layer(tmp_path, names, message):
    """Both would have one key, and one of them would be lost."""
    _gguf_of(tmp_path / "v.gguf", *names)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "v.gguf", "gguf")


@pytest.mark.parametrize("suffix", ["safetensors", "gguf"])
@pytest.mark.parametrize("content", [b"", b"GGUF", b"\xff" * 400, b"GGUF" + b"\xff" * 400, bytes(400)])
def test_rubbish_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"v.{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read(path, format_of(path))


@pytest.mark.parametrize("name", ["v.safetensors", "v.gguf"])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path / name, format_of(tmp_path / name))


def test_a_position_may_be_the_mean_of_the_reply(tmp_path, store):
    from safetensors.numpy import save_file

    save_file({"joy": ODD}, tmp_path / "v.safetensors")
    (made,) = import_vectors(store, tmp_path / "v.safetensors", TOLD._replace(at="reply_mean"))
    assert made.at == "reply_mean"


def test_a_truncated_file_is_refused(several, tmp_path):
    write_gguf(tmp_path / "v.gguf", [one_of(several, 0)], "qwen3")
    data = (tmp_path / "v.gguf").read_bytes()
    for length in range(0, len(data), 37):
        (tmp_path / "v.gguf").write_bytes(data[:length])
        with pytest.raises(DataError):
            read(tmp_path / "v.gguf", format_of(tmp_path / "v.gguf"))


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": np.array([np.nan, 1], np.float32)},
        {"a": np.array([np.inf, 1], np.float32)},
        {"a": np.ones(4, np.float64)},
        {"a": np.ones(4, np.int32)},
        {"a": np.ones(4, np.float32), "b": np.ones(5, np.float32)},
        {"a": np.ones((2, 2, 2), np.float32)},
        {"a": np.ones((0, 4), np.float32)},
        {},
    ],
)
def test_tensors_that_are_no_vectors_are_refused(tmp_path, tensors):
    from safetensors.numpy import save_file

    save_file(tensors, tmp_path / "v.safetensors")
    with pytest.raises(DataError):
        read(tmp_path / "v.safetensors", format_of(tmp_path / "v.safetensors"))


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["one"]},
        {"surprise": 1},
        {"site": 3},
        {"site": "nowhere"},
        {"mean_norm": "long"},
        {"labels": [1, "", "b"]},
        {"made_on": [3]},
        {"method": 5},
        "text",
        None,
    ],
)
def test_a_record_of_another_make_is_refused(several, tmp_path, change):
    from safetensors.numpy import save_file

    record = json.loads(several.to_artifact().files["vectors.json"])
    text = json.dumps({**record, **change}) if isinstance(change, dict) else json.dumps(change)
    save_file({"vectors": several.values}, tmp_path / "v.safetensors", {"ws_dsl.vectors": text})
    with pytest.raises(DataError):
        read(tmp_path / "v.safetensors", format_of(tmp_path / "v.safetensors"))


def test_a_store_keeps_what_was_imported_elsewhere(several, tmp_path):
    """Out of one store, into another: the same bytes."""
    write_safetensors(tmp_path / "v.safetensors", several)
    stores = [Store(tmp_path / name) for name in ("one", "two")]
    told = Told(None, None, None, None, "imported")
    made = [import_vectors(store, tmp_path / "v.safetensors", told)[0] for store in stores]
    assert made[0].key == made[1].key and made[0].digest == made[1].digest
