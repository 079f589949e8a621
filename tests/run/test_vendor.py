"""Checkpoints in the store: a study runs where its folder, or the cache of the Hub, is gone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints import build
from tests.run.lab import CLAIMS, Lab, small
from ws_dsl.errors import SpecError
from ws_dsl.registry import Store
from ws_dsl.registry.gc import Wish
from ws_dsl.registry.remote import Remote
from ws_dsl.registry.transfer import pull, push
from ws_dsl.run.session import Session
from ws_dsl.run.sharing import export_study, import_bundle
from ws_dsl.run.vendor import told, vendor

REVISION = "a" * 40


def study(model: dict[str, str], template: str = "{{claim}} is") -> dict[str, Any]:
    steps = {
        "claims": small()["steps"]["claims"],
        "prompts": {"kind": "prompts", "rows": "claims", "text": template},
        "score": {
            "kind": "logit_diff",
            "prompts": "prompts",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
        },
    }
    return {"ws": 1, "id": "real", "question": "?", "model": {"kind": "hf_model", **model}, "steps": steps}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    build(folder, "llama", layers=2)
    return folder


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    (tmp_path / "lab").mkdir()
    lab = Lab(tmp_path / "lab")
    lab.data([claim | {"world": "real"} for claim in CLAIMS])
    return lab


@pytest.fixture(params=["folder", "hub"])
def source(request: Any, lab: Lab, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The checkpoint in a folder of the project, and in the cache of the Hub."""
    if request.param == "folder":
        shutil.copytree(checkpoint, lab.root / "tiny")
        return {"path": "tiny"}
    monkeypatch.setenv("HF_HUB_CACHE", str(lab.root / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.copytree(checkpoint, lab.root / "cache" / "models--some--tiny" / "snapshots" / REVISION)
    return {"repo": "some/tiny", "revision": REVISION}


def lose(lab: Lab) -> None:
    for name in ("tiny", "cache"):
        shutil.rmtree(lab.root / name, ignore_errors=True)


def test_what_is_in_the_store_takes_the_place_of_what_is_gone(lab: Lab, source: dict[str, str]):
    first = lab.run(study(source))
    session, opened = lab.open(study(source))
    copied = vendor(opened.plan, session.store)
    assert copied.files >= 3 and vendor(opened.plan, session.store) == copied
    assert session.store.verify() == [] and told(opened.plan, session.store) == []
    lose(lab)
    again = lab.run(study(source))
    assert (again.made, again.digests) == (set(), first.digests)
    (line,) = told(again.opened.plan, session.store)
    assert "model: its folder is not there" in line
    changed = lab.run(study(source, "It is said that {{claim}}, and that is"))
    assert changed.computed >= {"prompts", "score"} and "model" not in changed.made
    assert Store(lab.project.registry).verify() == []


def test_what_was_not_vendored_is_missing(lab: Lab, checkpoint: Path):
    shutil.copytree(checkpoint, lab.root / "tiny")
    lab.run(study({"path": "tiny"}))
    lose(lab)
    with pytest.raises(SpecError):
        lab.open(study({"path": "tiny"}))


@pytest.mark.parametrize("way", ["bundle", "remote"])
def test_it_travels(lab: Lab, checkpoint: Path, tmp_path: Path, way: str):
    from ws_dsl.cli.main import app

    shutil.copytree(checkpoint, lab.root / "tiny")
    lab.study(study({"path": "tiny"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(lab.root)
        (lab.root / "ws-dsl.toml").touch()
        app(["run", "real.yaml", "--vendor"], standalone_mode=False)
    session, opened = lab.open(study({"path": "tiny"}))
    (tmp_path / "other").mkdir()
    other = Lab(tmp_path / "other")
    other.data([claim | {"world": "real"} for claim in CLAIMS])
    elsewhere = Session(other.project)
    if way == "bundle":
        export_study(session, opened, tmp_path / "real.wsz")
        import_bundle(elsewhere, tmp_path / "real.wsz", None)
    else:
        push(session.store, Remote(str(tmp_path / "there")), session.store.keys(), lambda text: None)
        pull(elsewhere.store, Remote(str(tmp_path / "there")), session.store.keys(), lambda text: None)
    again = other.run(study({"path": "tiny"}))
    assert not again.made and not (other.root / "tiny").exists()
    assert other.run(study({"path": "tiny"}, "Is it true? {{claim}}")).computed >= {"prompts", "score"}


def test_another_revision_is_another_model(lab: Lab, checkpoint: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(lab.root / "cache"))
    shutil.copytree(checkpoint, lab.root / "cache" / "models--some--tiny" / "snapshots" / REVISION)
    lab.run(study({"repo": "some/tiny", "revision": REVISION}))
    session, opened = lab.open(study({"repo": "some/tiny", "revision": REVISION}))
    vendor(opened.plan, session.store)
    lose(lab)
    for other in ({"repo": "some/tiny", "revision": "b" * 40}, {"repo": "any/tiny", "revision": REVISION}):
        _, opened = lab.open(study(other))
        assert opened.state.status(next(n for n in opened.plan.nodes if n.step == "model")) == "waiting"


def test_damaged_files_are_not_taken(lab: Lab, checkpoint: Path):
    shutil.copytree(checkpoint, lab.root / "tiny")
    lab.run(study({"path": "tiny"}))
    session, opened = lab.open(study({"path": "tiny"}))
    vendor(opened.plan, session.store)
    weights = session.store.layout.object(session.store.hash_file(lab.root / "tiny" / "model.safetensors"))
    lose(lab)
    weights.chmod(0o644)
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(SpecError):
        lab.open(study({"path": "tiny"}))
    assert [damage.what for damage in session.store.verify()] == ["damaged"]


def test_two_models_of_one_name_are_not_told_apart(lab: Lab, checkpoint: Path):
    for layers in (2, 3):
        lose(lab)
        build(lab.root / "tiny", "llama", layers=layers)
        lab.run(study({"path": "tiny"}))
        session, opened = lab.open(study({"path": "tiny"}))
        vendor(opened.plan, session.store)
    lose(lab)
    with pytest.raises(SpecError):
        lab.open(study({"path": "tiny"}))


def test_garbage_takes_the_links_with_the_files(lab: Lab, checkpoint: Path):
    shutil.copytree(checkpoint, lab.root / "tiny")
    lab.run(study({"path": "tiny"}))
    session, opened = lab.open(study({"path": "tiny"}))
    vendor(opened.plan, session.store)
    lose(lab)
    lab.open(study({"path": "tiny"}))
    store = Store(lab.project.registry)
    assert not [one for one in store.survey(Wish()).rubbish if one.what == "index"]
    assert [one.name for one in store.collect(Wish(grace=0.0)).rubbish if one.what == "index"] == ["models"]
    assert not store.layout.models.exists() and list(store.layout.objects.rglob("*/*")) == []
