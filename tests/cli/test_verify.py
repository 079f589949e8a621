"""`verify`: what is damaged is named, set aside when asked, and the next run makes good what it lost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.cli.test_run import files
from tests.run.lab import Lab
from tests.run.test_faults import empty, flip, truncate
from ws_dsl.registry import Store
from ws_dsl.registry.manifest import Manifest


def stored(lab: Lab, step: str) -> Manifest:
    """The record of the first cell of a step."""
    session, opened = lab.open()
    node = next(node for node in opened.plan.nodes if node.step == step)
    found = session.store.manifest(opened.state.keys[node])
    assert found is not None
    return found


def sole(lab: Lab, step: str) -> Path:
    """An object of a step's first cell."""
    found = stored(lab, step)
    return Store(lab.project.registry).layout.object(next(iter(found.files.values())).sha256)


def rewrite(lab: Lab, found: Manifest, **changes: object) -> None:
    """Writes a manifest that is intact and says something else."""
    path = Store(lab.project.registry).layout.manifest(found.key)
    path.chmod(0o644)
    path.write_text(Manifest(**{**vars(found), **changes}).to_json(), encoding="utf-8")  # pyright: ignore[reportArgumentType]


def test_a_sound_store(ws: Terminal):
    for words in (("verify",), ("verify", "--deep"), ("verify", "--repair")):
        said = ws(*words)
        assert said.code == 0 and said.out == "" and "everything is intact" in said.err


@pytest.mark.parametrize("damage", [flip, truncate, empty, Path.unlink])
def test_damage_is_named_repaired_and_made_good(
    ws: Terminal, lab: Lab, published: Lab, damage: Callable[[Path], None]
):
    damage(sole(lab, "found"))
    said = ws("verify")
    assert said.code == 1 and "(clamp)" in said.out and "--repair" in said.err
    assert not (lab.project.registry / "quarantine").exists()

    mended = ws("verify", "--repair")
    assert mended.code == 1
    assert "  small makes anew: found  (ws-dsl run small.yaml)" in mended.out
    assert ws("verify").code == 0
    assert "1 cell made" in ws("run", "small.yaml").err
    assert ws("verify", "--deep").code == 0
    assert files(lab.root / "site" / "studies") == files(published.root / "site" / "studies")


def test_json_says_the_same(ws: Terminal, lab: Lab):
    flip(sole(lab, "prompts"))
    said = ws("verify", "--repair", "--json").json
    (damage,) = said["damage"]
    assert said["set_aside"] == [damage["key"]] and damage["what"] == "damaged"
    (study,) = said["recompute"]
    assert (study["study"], study["file"]) == ("small", "small.yaml")
    assert all(cell.startswith("prompts[") for cell in study["cells"])


def test_a_damaged_page_is_written_anew(ws: Terminal, lab: Lab):
    store = Store(lab.project.registry)
    (run,) = store.catalogue.runs()
    flip(store.layout.manifest(run.key))
    assert "makes anew: its page" in ws("verify", "--repair").out
    assert ws("run", "small.yaml").code == 0
    assert [one.key for one in Store(lab.project.registry).catalogue.runs()] == [run.key]
    assert ws("verify", "--deep").code == 0


def test_a_damaged_manifest_is_set_aside(ws: Terminal, lab: Lab):
    found = stored(lab, "named")
    flip(Store(lab.project.registry).layout.manifest(found.key))
    assert "damaged" in ws("verify", found.key[:12]).out
    assert ws("verify", "--repair").code == 1
    assert ws("verify").code == 0
    assert "1 cell made" in ws("run", "small.yaml").err


@pytest.mark.parametrize("changes", [{"version": 99}, {"digest": "0" * 64}], ids=["key", "digest"])
def test_a_manifest_that_says_what_cannot_be_is_found_by_deep(ws: Terminal, lab: Lab, changes):
    rewrite(lab, stored(lab, "named"), **changes)
    assert ws("verify").code == 0
    said = ws("verify", "--deep")
    assert said.code == 1 and "damaged" in said.out
    assert ws("verify", "--deep", "--repair").code == 1
    assert ws("verify", "--deep").code == 0
    assert "1 cell made" in ws("run", "small.yaml").err


def test_a_lost_input_leaves_an_origin_that_cannot_be_followed(ws: Terminal, lab: Lab):
    Store(lab.project.registry).layout.manifest(stored(lab, "halves").key).unlink()
    said = ws("verify", "--deep")
    assert said.code == 0 and "incomplete: " in said.out and "its input" in said.out


def test_a_catalogue_that_lies_is_found_by_deep_and_rebuilt(ws: Terminal, lab: Lab):
    assert ws("ls").code == 0
    path = Store(lab.project.registry).layout.catalogue
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE manifests SET digest = ? WHERE kind = 'clamp'", ("0" * 64,))
    connection.close()
    assert ws("verify").code == 0
    assert "the catalogue does not say" in ws("verify", "--deep", "--repair").out
    assert ws("verify", "--deep").code == 0


def test_a_file_outside_whose_bytes_changed_under_the_same_stat(ws: Terminal, lab: Lab):
    """As a disk does it: no time moves. Here the time of change is set back in the index instead."""
    path = lab.root / "claims.jsonl"
    sha256 = stored(lab, "claims").params["path"]
    flip(path)
    stat = path.stat()
    stamp = f"{stat.st_size} {stat.st_ino} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    with sqlite3.connect(Store(lab.project.registry).layout.catalogue) as connection:
        connection.execute("REPLACE INTO stats VALUES (?, ?, ?)", (str(path), stamp, sha256))
    connection.close()
    assert ws("verify").code == 0
    assert "claims.jsonl has other bytes than when it was hashed" in ws("verify", "--deep").out
    assert ws("verify", "--deep", "--repair").code == 1
    assert ws("verify", "--deep").code == 0


def test_a_tag_of_what_is_gone(ws: Terminal, lab: Lab):
    found = stored(lab, "shift")
    assert ws("tag", "paper", found.key[:12]).code == 0
    Store(lab.project.registry).layout.manifest(found.key).unlink()
    said = ws("verify", "--deep")
    assert said.code == 1 and f"the tag paper names {found.key[:12]}" in said.out


def test_damage_met_by_a_run_is_said_and_made_good(ws: Terminal, lab: Lab, published: Lab):
    """The page is read by every run; cells are where something is to be made from them."""
    flip(sole(lab, "prompts"))
    study = json.loads((lab.root / "small.yaml").read_text())
    study["steps"]["spelled"] = study["steps"]["score"] | {"tokens": {"plus": [" yes"], "minus": [" no"]}}
    lab.study(study)
    said = ws("run", "small.yaml")
    assert said.code == 0
    assert "note: prompts[condition=neutral]: the stored bytes are damaged; set aside, made anew" in said.err
    assert ws("verify", "--deep").code == 0


@pytest.mark.parametrize("steps", [["claims"], ["prompts"], ["claims", "prompts", "shift"]])
def test_after_a_repair_no_more_is_expected_than_is_made(ws: Terminal, lab: Lab, steps: list[str]):
    """What only waits for a lost artifact is there again when that has come out as it was."""
    for step in steps:
        flip(sole(lab, step))
    lost = ws("verify", "--repair", "--json").json["set_aside"]
    (study,) = ws("plan", "small.yaml", "--json").json["studies"]
    assert study["to_make"] == len(lost)
    assert sum(step["cells"].get("waiting", 0) for step in study["steps"]) > len(lost)
    made = ws("run", "small.yaml").err
    assert f"{len(lost)} cell{'s' if len(lost) > 1 else ''} made" in made, made


def test_what_waits_and_was_changed_as_well_is_expected_to_be_made(ws: Terminal, lab: Lab):
    flip(sole(lab, "claims"))
    ws("verify", "--repair")
    text = (lab.root / "small.yaml").read_text(encoding="utf-8").replace("share_gt_0", "share_gt_1")
    (lab.root / "small.yaml").write_text(text, encoding="utf-8")
    (study,) = ws("plan", "small.yaml", "--json").json["studies"]
    assert f"{study['to_make']} cells made" in ws("run", "small.yaml").err
