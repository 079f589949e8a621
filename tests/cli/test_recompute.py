"""`run --recompute`: cells made once more, compared with what is stored; the first bytes stay."""

from __future__ import annotations

import json

from tests.cli.terminal import Terminal
from tests.run.lab import Lab, small
from ws_dsl.registry import Store

UNSURE = '''"""Rows with a number that nobody declared.

What it does
    Adds what it finds in a file.

What it cannot show
    Anything.

Inputs and output
    `of`: Rows. Gives Rows.

Reference
    None.
"""

from pathlib import Path

from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Unsure(Kind[types.Rows]):
    """Rows and a secret."""

    of: Ref[types.Rows]


version = 1


def run(cells, context):
    for cell in cells:
        rows = cell.open("of")
        secret = Path("secret").read_text()
        columns = {**rows.columns, "secret": [secret] * len(rows)}
        made = Rows(rows.keys, columns, {**rows.types, "secret": "text"}, rows.unit, rows.world)
        yield cell, made.to_artifact()
'''


def digests(lab: Lab) -> dict[str, str]:
    return {entry.key: entry.digest for entry in Store(lab.project.registry).catalogue.artifacts()}


def test_what_is_deterministic_comes_out_the_same(ws: Terminal, lab: Lab):
    before = digests(lab)
    said = ws("run", "small.yaml", "--recompute", "score", "--recompute", "ranked")
    assert said.code == 0
    assert "score/states (final_states): making its cells once more" in said.err
    audited = ws("run", "small.yaml", "--recompute", "score", "--json").json["studies"][0]["audit"]
    assert f"made once more: {len(audited) + 2} cells, {len(audited) + 2} with the same bytes" in said.err
    assert {cell["cell"].partition("[")[0] for cell in audited} == {"score", "score/states"}
    assert all(cell["kept"] == cell["offered"] and cell["differing"] == [] for cell in audited)
    assert digests(lab) == before and Store(lab.project.registry).conflicts() == []


def test_what_depends_on_more_than_its_key_is_found_out(ws: Terminal, lab: Lab):
    (lab.root / "kinds").mkdir()
    (lab.root / "kinds" / "unsure.py").write_text(UNSURE, encoding="utf-8")
    study = small()
    study["steps"]["doubt"] = {"kind": "unsure", "of": "claims"}
    lab.study(study)
    (lab.root / "secret").write_text("one")
    assert ws("run", "small.yaml").code == 0
    assert ws("run", "small.yaml", "--recompute", "doubt").code == 0

    before = digests(lab)
    (lab.root / "secret").write_text("two")
    said = ws("run", "small.yaml", "--recompute", "doubt")
    assert said.code == 1
    assert "failed: doubt came out with other bytes in rows.arrow; the first stay" in said.err
    assert digests(lab) == before
    (conflict,) = Store(lab.project.registry).conflicts()
    assert conflict.differing == ("rows.arrow",)

    assert f"nondeterministic: {conflict.key[:12]} was made again" in ws("verify").out
    assert "with other bytes in rows.arrow" in ws("why", "small:doubt", "--study", "small.yaml").out
    assert ws("run", "small.yaml").code == 0
    (cell,) = ws("run", "small.yaml", "--recompute", "doubt", "--json").json["studies"][0]["audit"]
    assert (cell["cell"], cell["kept"], cell["offered"]) == ("doubt", conflict.kept, conflict.offered)


def test_a_step_that_does_not_exist(ws: Terminal):
    said = ws("run", "small.yaml", "--recompute", "scores")
    assert said.code == 3 and "score, " in said.err


def test_what_is_missing_is_made_first(ws: Terminal, empty: Lab, monkeypatch):
    said = Terminal(empty, monkeypatch, ws.capsys)("run", "small.yaml", "--recompute", "shift", "--json")
    assert said.code == 0 and len(json.loads(said.out)["studies"][0]["audit"]) > 1
