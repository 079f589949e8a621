"""`export` and `import`: a study cached elsewhere, refused whole where anything is wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab, small
from ws_dsl.plan import environment
from ws_dsl.registry import Store


@pytest.fixture
def elsewhere(tmp_path: Path) -> Lab:
    """Another project, with an empty store."""
    root = tmp_path / "elsewhere"
    root.mkdir()
    (root / "ws-dsl.toml").touch()
    return Lab(root)


@pytest.fixture
def bundle(lab: Lab, ws: Terminal) -> Path:
    (lab.root / "ws-dsl.toml").touch()
    assert ws("export", "small.yaml", "-o", "small.wsz").code == 0
    return lab.root / "small.wsz"


def there(ws: Terminal, elsewhere: Lab) -> Terminal:
    return replace(ws, lab=elsewhere)


def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another torch than the bundle was made with."""
    monkeypatch.setattr(environment, "_minor", lambda package: "99.0")


def test_one_store_gives_one_bundle(lab: Lab, ws: Terminal, bundle: Path, tmp_path: Path):
    shutil.copytree(lab.root, tmp_path / "copy")
    copied = replace(ws, lab=Lab(tmp_path / "copy"))
    told = copied("export", "small.yaml", "-o", "again.wsz", "--json").json
    assert (tmp_path / "copy" / "again.wsz").read_bytes() == bundle.read_bytes()
    assert told["bytes"] == bundle.stat().st_size and told["artifacts"] > 10


def test_an_imported_study_computes_nothing(lab: Lab, ws: Terminal, bundle: Path, elsewhere: Lab):
    at = there(ws, elsewhere)
    told = at("import", str(bundle), "--json").json
    assert told["new"] == told["artifacts"] and told["foreign"] == 0 and told["kept"] == []
    (ran,) = at("run", told["file"], "--json").json["studies"]
    assert ran["made"] == 0 and ran["cells"] > 10
    (here,) = ws("run", "small.yaml", "--json").json["studies"]
    assert ran["verdicts"] == here["verdicts"]
    assert at("verify").code == 0
    again = at("import", str(bundle), "--json").json
    assert again["new"] == 0


def test_what_was_registered_stays_registered(lab: Lab, ws: Terminal, bundle: Path, elsewhere: Lab):
    told = there(ws, elsewhere)("import", str(bundle), "--json").json
    lock = Path(told["file"]).with_name("STUDY.lock")
    assert lock.read_text() == (lab.root / "STUDY.lock").read_text()


KIND = '''\
"""A copy of rows.

What it does
    Gives rows as they are.

What it cannot show
    Anything.

Inputs and output
    `rows`. Gives Rows.

Reference
    None.
"""

from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Copied(Kind[types.Rows]):
    rows: Ref[types.Rows]


version = 1


def run(cells, context):
    for cell in cells:
        yield cell, cell.inputs["rows"][0].open().to_artifact()
'''


def test_kinds_of_ones_own_travel_and_are_named(lab: Lab, ws: Terminal, elsewhere: Lab):
    (lab.root / "ws-dsl.toml").touch()
    (lab.root / "kinds").mkdir()
    (lab.root / "kinds" / "copied.py").write_text(KIND, encoding="utf-8")
    study = small()
    study["steps"]["copy"] = {"kind": "copied", "rows": "claims"}
    lab.study(study)
    assert ws("run", "small.yaml").code == 0
    assert ws("export", "small.yaml", "-o", "own.wsz").code == 0
    at = there(ws, elsewhere)
    told = at("import", str(lab.root / "own.wsz"), "--json").json
    (program,) = told["code"]
    assert Path(program).read_text(encoding="utf-8") == KIND
    (ran,) = at("run", told["file"], "--json").json["studies"]
    assert ran["made"] == 0


def test_a_study_outside_of_the_project_is_not_exported(lab: Lab, ws: Terminal):
    (lab.root / "project").mkdir()
    (lab.root / "project" / "ws-dsl.toml").touch()
    within = replace(ws, lab=Lab(lab.root / "project"))
    assert within("run", "../small.yaml").code == 0
    said = within("export", "../small.yaml")
    assert said.code == 2 and "outside of the project" in said.err


def test_a_damaged_foreign_hit_is_made_anew(
    ws: Terminal, bundle: Path, elsewhere: Lab, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch)
    at = there(ws, elsewhere)
    told = at("import", str(bundle), "--json").json
    store = Store(elsewhere.project.registry)
    states = next(one for one in store.catalogue.artifacts() if one.kind == "final_states")
    manifest = store.manifest(states.key)
    assert manifest is not None
    for record in manifest.files.values():
        path = store.layout.object(record.sha256)
        path.chmod(0o644)
        path.write_bytes(bytes(record.bytes))
    shutil.rmtree(elsewhere.root / "site", ignore_errors=True)
    study = Path(told["file"])
    study.write_text(study.read_text().replace('" Yes"', '" yes"'), encoding="utf-8")
    (ran,) = at("run", told["file"], "--json").json["studies"]
    assert ran["made"] > 0
    assert not [damage for damage in store.verify() if damage.what != "orphaned"]


def test_another_torch_shows_foreign_hits(
    ws: Terminal, bundle: Path, elsewhere: Lab, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch)
    at = there(ws, elsewhere)
    told = at("import", str(bundle), "--json").json
    assert told["foreign"] > 0
    planned = at("plan", told["file"])
    assert "foreign" in planned.out and "here 99.0" in planned.out and "small.wsz" in planned.out
    ran = at("run", told["file"], "--json")
    (study,) = ran.json["studies"]
    assert study["made"] == 0 and study["foreign"] > 0 and "made elsewhere with" in ran.err
    assert "foreign" in at("why", "small:score", "--study", told["file"]).out
    assert "made elsewhere with" in at("report", told["file"]).err
    page = Path(study["page"]).read_text(encoding="utf-8")
    (mark,) = [line for line in page.splitlines() if "in another environment: " in line]
    assert "score/states" in mark and "(here 99.0)" in mark and "small.wsz" not in mark
    assert at("run", told["file"], "--json").json["studies"][0]["page"] == study["page"]
    assert Path(study["page"]).read_text(encoding="utf-8") == page


def test_a_page_of_what_was_made_here_marks_nothing(ws: Terminal, bundle: Path, elsewhere: Lab):
    at = there(ws, elsewhere)
    told = at("import", str(bundle), "--json").json
    (study,) = at("run", told["file"], "--json").json["studies"]
    assert study["foreign"] == 0
    assert "another environment" not in Path(study["page"]).read_text(encoding="utf-8")


def test_the_same_environment_can_be_asked_for(
    ws: Terminal, bundle: Path, elsewhere: Lab, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch)
    at = there(ws, elsewhere)
    told = at("import", str(bundle), "--json").json
    (planned,) = at("plan", told["file"], "--same-environment", "--json").json["studies"]
    assert planned["to_make"] > 0 and planned["foreign"] == []


def test_what_was_made_here_is_stale_and_not_foreign_under_another_torch(
    ws: Terminal, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch)
    (planned,) = ws("plan", "small.yaml", "--json").json["studies"]
    assert planned["to_make"] > 0 and planned["foreign"] == []


def test_a_study_that_changed_since_its_run_is_not_exported(lab: Lab, ws: Terminal):
    study = json.loads((lab.root / "small.yaml").read_text())
    study["question"] = "Another one?"
    (lab.root / "small.yaml").write_text(json.dumps(study))
    said = ws("export", "small.yaml")
    assert said.code == 2 and "ws-dsl run small.yaml" in said.err
    assert not (lab.root / "small.wsz").exists()


def test_a_study_that_never_ran_is_not_exported(lab: Lab, ws: Terminal):
    shutil.rmtree(lab.project.registry)
    assert ws("export", "small.yaml").code == 3


def test_files_that_are_there_are_never_replaced(ws: Terminal, bundle: Path, elsewhere: Lab):
    (elsewhere.root / "claims.jsonl").write_text("mine\n")
    said = there(ws, elsewhere)("import", str(bundle), "--to", ".")
    assert said.code == 2 and "claims.jsonl is there with another content" in said.err
    assert (elsewhere.root / "claims.jsonl").read_text() == "mine\n"
    assert not list(Store(elsewhere.project.registry).layout.manifests.glob("*/*"))


def test_a_damaged_bundle_is_refused_whole(ws: Terminal, bundle: Path, elsewhere: Lab):
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    said = there(ws, elsewhere)("import", str(bundle))
    assert said.code == 1
    assert not list(Store(elsewhere.project.registry).layout.manifests.glob("*/*"))
    assert not (elsewhere.root / "imported").exists()
