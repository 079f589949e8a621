"""`push`, `pull`, and a run that looks in a remote before it computes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, process
from tests.run.lab import Lab
from ws_dsl.plan import environment


@pytest.fixture
def elsewhere(lab: Lab, tmp_path: Path) -> Lab:
    """A second project with the same study, an empty store, and the remote of the first."""
    root = tmp_path / "elsewhere"
    root.mkdir()
    for place in (lab.root, root):
        (place / "ws-dsl.toml").write_text(f'remote = "{(tmp_path / "shared").as_uri()}"\n', encoding="utf-8")
    for name in ("small.yaml", "claims.jsonl"):
        shutil.copy(lab.root / name, root / name)
    return Lab(root)


@pytest.fixture
def there(ws: Terminal, elsewhere: Lab) -> Terminal:
    return replace(ws, lab=elsewhere)


def test_a_study_that_was_pushed_is_cached_where_it_is_pulled(ws: Terminal, there: Terminal):
    sent = ws("push", "small.yaml", "--json").json
    came = there("pull", "small", "--json").json
    assert came["artifacts"] == sent["artifacts"] > 10 and came["refused"] == []
    (study,) = there("run", "small.yaml", "--json").json["studies"]
    assert study["made"] == 0 and study["foreign"] == 0
    assert ws("push", "--json").json["artifacts"] == 0
    assert there("pull", "--json").json["artifacts"] == 0


def test_a_run_takes_from_the_remote_what_it_lacks(ws: Terminal, there: Terminal):
    assert ws("push").code == 0
    ran = there("run", "small.yaml", "--json")
    (study,) = ran.json["studies"]
    assert study["made"] == 0
    assert "missing artifacts came from file://" in ran.err


def test_a_warm_run_asks_no_remote(ws: Terminal, there: Terminal, lab: Lab, tmp_path: Path):
    (tmp_path / "shared").write_text("no folder")
    again = ws("run", "small.yaml")
    assert again.code == 0 and "remote" not in again.err
    code = """
import sys
from ws_dsl.cli.main import app
app(["run", "small.yaml"], standalone_mode=False)
print([name for name in ("fsspec", "numpy", "pyarrow", "torch") if name in sys.modules])
"""
    out, err = process(lab, code).communicate()
    assert out == "[]\n", err


def test_a_remote_out_of_reach_is_said_and_left_alone(there: Terminal, tmp_path: Path):
    (tmp_path / "shared").write_text("no folder")
    ran = there("run", "small.yaml", "--json")
    (study,) = ran.json["studies"]
    assert study["made"] == study["cells"] > 10
    assert ran.err.count("left alone for the rest of this run") == 1


def test_a_wrong_object_is_made_anew(ws: Terminal, there: Terminal, tmp_path: Path):
    assert ws("push").code == 0
    for path in (tmp_path / "shared" / "objects").glob("*/*"):
        path.write_bytes(b"x" * path.stat().st_size)
    assert there("pull").code == 1
    ran = there("run", "small.yaml", "--json")
    (study,) = ran.json["studies"]
    assert study["made"] > 10 and "it was refused" in ran.err
    assert there("verify").code == 0


def test_pulled_from_another_torch_is_foreign(ws: Terminal, there: Terminal, monkeypatch: pytest.MonkeyPatch):
    assert ws("push", "small").code == 0
    monkeypatch.setattr(environment, "_minor", lambda package: "99.0")
    assert there("pull", "small").code == 0
    (study,) = there("run", "small.yaml", "--json").json["studies"]
    assert study["made"] == 0 and study["foreign"] > 0


def test_what_is_not_there_exits_3_and_no_remote_2(ws: Terminal, there: Terminal, lab: Lab):
    assert ws("push", "large").code == 3
    assert there("pull", "small").code == there("pull").code == 3
    (lab.root / "ws-dsl.toml").write_text("")
    said = ws("push")
    assert said.code == 2 and "--remote" in said.err
    (lab.root / "ws-dsl.toml").write_text("remote = 3")
    assert ws("plan", "small.yaml").code == 2
