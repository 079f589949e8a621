"""`vectors` as a user meets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.terminal import ROOT, Terminal
from tests.registry.directions import MODEL, WIDTH, build_draft, build_vectors
from tests.run.lab import Lab
from ws_dsl.artifacts.model import Model
from ws_dsl.registry import Store
from ws_dsl.registry.manifest import Draft

KEYS = ("honest", "sly", "single", "wide")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A project whose store has vectors, of a model that it knows and of one that it does not."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "ws-dsl.toml").touch()
    lab = Lab(root)
    store = Store(lab.project.registry)
    model = Model({}, "t" * 64, "organism", "float32", None, "hugging_face", "small-one").to_artifact()
    (made,) = store.commit([Draft(**{**vars(build_draft("model", build_vectors(0))), "artifact": model})])
    honest = build_vectors(1, labels=["honest", "brave"], model=made.digest)
    sly = build_vectors(2, values=-honest.values[:1], labels=["sly"], method="pca_diff")
    drafts = [honest, sly, build_vectors(0, count=1), build_vectors(3, width=64)]
    store.commit([build_draft(name, one) for name, one in zip(KEYS, drafts, strict=True)])
    return lab


@pytest.fixture
def keys(lab: Lab) -> dict[str, str]:
    return {name: build_draft(name, build_vectors(0)).key for name in KEYS} | {
        "sly": build_draft("sly", build_vectors(0, method="pca_diff")).key
    }


@pytest.fixture
def ws(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(lab, monkeypatch, capsys)


def listed(ws: Terminal, *words: str) -> set[str]:
    return {one["key"] for one in ws("vectors", "ls", "--json", *words).json["vectors"]}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], KEYS),
        (["--model", "small-one"], ["honest"]),
        (["--model", MODEL[:8]], ["sly", "single", "wide"]),
        (["--layer", "1", "--layer", "3"], ["honest", "wide"]),
        (["--site", "L2"], ["sly"]),
        (["--method", "pca_diff"], ["sly"]),
        (["--label", "brave"], ["honest"]),
        (["--label", "brave", "--layer", "2"], []),
        (["--study", "nowhere"], []),
    ],
)
def test_ls_filters(ws, keys, words, names):
    assert listed(ws, *words) == {keys[name] for name in names}
    assert ws("vectors", "ls", *words).code == (0 if names else 3)


def test_ls_names_the_model(ws, keys):
    said = ws("vectors", "ls", "--label", "honest")
    assert keys["honest"][:12] in said.out and "small-one" in said.out and "honest, brave" in said.out
    assert ws("vectors", "ls", "--model", "unheard").code == 3


def test_show_tells_of_every_vector(ws, lab, keys):
    told = ws("vectors", "show", keys["honest"][:8], "--json").json
    assert [one["label"] for one in told["listed"]] == ["honest", "brave"]
    assert told["listed"][0]["of_mean_norm"] == pytest.approx(told["norms"][0] / 2.5)
    assert told["model_name"] == "small-one" and told["made_on"] == ["d" * 64]
    (one,) = ws("vectors", "show", f"{keys['honest'][:8]}:brave", "--json").json["listed"]
    assert one["index"] == 1
    assert "mean_norm: 2.5" in ws("vectors", "show", keys["honest"]).out


def test_near_finds_what_points_alike(ws, keys):
    told = ws("vectors", "near", f"{keys['honest']}:honest", "--json").json
    assert told["searched"] == 3 and told["width"] == WIDTH
    assert {(one["key"], one["index"]) for one in told["near"]} == {
        (keys["honest"], 1),
        (keys["sly"], 0),
        (keys["single"], 0),
    }
    last = told["near"][-1]
    assert last["key"] == keys["sly"] and last["cosine"] == pytest.approx(-1) and last["p"] < 1e-12
    said = ws("vectors", "near", keys["single"], "-n", "1", "--method", "pca_diff")
    assert f"{keys['sly'][:12]}:0" in said.out and "1 vector searched" in said.err


def test_near_needs_one_vector(ws, keys):
    said = ws("vectors", "near", keys["honest"])
    assert said.code == 2 and "0 'honest', 1 'brave'" in said.err
    assert ws("vectors", "near", f"{keys['honest']}:cruel").code == 3
    assert ws("vectors", "near", keys["single"], "--layer", "17").code == 3


def test_near_survives_the_loss_of_its_index(ws, lab, keys):
    words = ("vectors", "near", f"{keys['honest']}:0", "--json")
    before = ws(*words).out
    shutil.rmtree(lab.project.registry / "vectors")
    assert ws(*words).out == before


def test_near_names_what_is_damaged(ws, lab, keys):
    store = Store(lab.project.registry)
    manifest = store.manifest(keys["sly"])
    assert manifest is not None
    path = store.layout.object(manifest.files["vectors.safetensors"].sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x77")
    said = ws("vectors", "near", f"{keys['honest']}:0", "--json")
    assert said.json["damaged"] == [keys["sly"]] and keys["sly"][:12] in said.err
    assert keys["sly"] not in {one["key"] for one in said.json["near"]}
    assert ws("vectors", "show", keys["sly"]).code == 1


def test_compare_gives_the_null(ws, keys):
    told = ws("vectors", "compare", f"{keys['honest']}:0", keys["sly"], "--json").json
    assert told["cosine"] == pytest.approx(-1) and told["p"] < 1e-12 and 0.1 < told["expected"] < 0.2
    assert told["same_model"] is False and told["same_site"] is False
    said = ws("vectors", "compare", keys["honest"], keys["sly"])
    assert "principal angles in degrees: 0.0" in said.out and "different models" in said.err
    refused = ws("vectors", "compare", keys["honest"], keys["wide"])
    assert refused.code == 2 and "they have no cosine" in refused.err


@pytest.mark.parametrize("format", ["safetensors", "gguf"])
def test_out_and_in_again(ws, lab, keys, format):
    path = f"out.{format}"
    assert ws("vectors", "export", f"{keys['honest']}:1", "--format", format, "-o", path).code == 0
    (made,) = ws("vectors", "import", path, "--registry", "elsewhere", "--json").json["vectors"]
    assert made["site"] == "L1" and made["method"] == "mean_diff" and made["kind"] == "imported_vectors"
    sent = ws("vectors", "show", f"{keys['honest']}:1", "--json").json
    came = ws("vectors", "show", made["key"], "--registry", "elsewhere", "--json").json
    assert came["norms"][0] == sent["listed"][0]["norm"] and came["model"] == sent["model"]
    assert came["manifest_notes"] == [f"imported from {path}"]
    assert ws("verify", "--deep", "--registry", "elsewhere").code == 0


def test_a_control_vector_has_one_direction_for_each_layer(ws, lab, keys):
    words = ("--format", "gguf", "-o", "out.gguf", "--model-hint", "qwen3")
    assert ws("vectors", "export", f"{keys['honest']}:1", keys["sly"], *words).code == 0
    assert ws("vectors", "export", f"{keys['honest']}:1", f"{keys['honest']}:0", *words).code == 2
    refused = ws("vectors", "export", keys["single"], *words)
    assert refused.code == 2 and "refuses control vectors of layer 0" in refused.err


@pytest.mark.parametrize("format", ["safetensors", "gguf"])
@pytest.mark.parametrize(("path", "why"), [("no/such/v", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_written_is_told(ws, keys, format, path, why):
    refused = ws("vectors", "export", f"{keys['honest']}:1", "--format", format, "-o", path)
    assert refused.code == 2 and f"{path} cannot be written: {why}" in refused.err


def test_a_file_of_another_program(ws, lab):
    from safetensors.numpy import save_file

    save_file({"joy": np.ones(WIDTH, np.float32)}, lab.root / "theirs.safetensors")
    refused = ws("vectors", "import", "theirs.safetensors")
    assert refused.code == 2 and "--model, --site, --at, --mean-norm" in refused.err
    told = ("--model", "small-one", "--site", "L5", "--at", "last", "--mean-norm", "3")
    assert ws("vectors", "import", "theirs.safetensors", *told).code == 0
    (made,) = [one for one in ws("vectors", "ls", "--json").json["vectors"] if one["site"] == "L5"]
    assert made["model_name"] == "small-one" and made["mean_norm"] == 3 and made["method"] == "imported"
    assert "vectors-" + made["key"][:12] in ws("tag").out


@pytest.mark.parametrize(
    ("width", "site", "said"),
    [
        (WIDTH, "L99", "L99 is outside the model: it has layers L0 to L2"),
        (WIDTH + 1, "L2", f"the vectors are {WIDTH + 1} wide, and L2 of this model has a width of {WIDTH}"),
        (WIDTH, "L2", ""),
    ],
)
@pytest.mark.parametrize("shipped", [True, False], ids=["shipped", "vendored"])
def test_vectors_that_lie_nowhere_in_the_model(
    ws, lab, shipped: bool, width: int, site: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    """Where the sizes of the model are known; of `small-one` they are not."""
    from safetensors.numpy import save_file

    folder = lab.root / "checkpoint"
    folder.mkdir()
    sizes = {"num_hidden_layers": 3, "hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 9}
    config = folder / "config.json"
    config.write_text(json.dumps({**sizes, "vocab_size": 7, "max_position_embeddings": 64}))
    store = Store(lab.project.registry)
    digest = store.hash_file(config) if shipped else store.import_file(config)
    record = Model({"config.json": digest}, "t" * 64, "organism", "float32", None, "hugging_face", "sized")
    draft = build_draft("sized", build_vectors(0))
    monkeypatch.setattr("ws_dsl.organism.folder", lambda family: folder)
    own = {"kind": "organism", "params": {"family": "qwen3"}, "artifact": record.to_artifact()}
    store.commit([Draft(**{**vars(draft), **own})])
    save_file({"joy": np.ones(width, np.float32)}, lab.root / "theirs.safetensors")
    told = ("--model", "sized", "--site", site, "--at", "last", "--mean-norm", "3")
    came = ws("vectors", "import", "theirs.safetensors", *told)
    assert came.code == (2 if said else 0) and said in came.err


def test_what_holds_no_vectors_is_said(ws, lab):
    (key,) = [
        entry.key for entry in Store(lab.project.registry).catalogue.artifacts() if not _holds(lab, entry.key)
    ]
    said = ws("vectors", "show", key)
    assert said.code == 3 and "holds no vectors" in said.err


def _holds(lab: Lab, key: str) -> bool:
    return key in {one.key for one in Store(lab.project.registry).catalogue.vectors()}


def test_listing_imports_nothing_heavy(lab):
    script = """
import sys
sys.argv = ["ws-dsl", "vectors", "ls", "--json"]
from ws_dsl.cli.main import main
try:
    main()
except SystemExit:
    pass
sys.stderr.write(repr({"numpy", "pyarrow", "lancedb", "torch", "transformers"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=lab.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(done.stdout)["vectors"]) == 4 and done.stderr == "set()"
