"""A kind of a user's own, with as little in it as a kind can have."""

from __future__ import annotations

import json

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import STUDY, Lab

KIND = '''
"""The share of rows with a value above a limit."""

from ws_dsl import Kind, Ref
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.specs import types


class Above(Kind[types.Estimate]):
    of: Ref[types.Table]
    limit: float = 0.0


version = 1


def run(cells, context):
    for cell in cells:
        values = cell.open("of").columns["value"]
        share = sum(value > cell.spec.limit for value in values) / len(values)
        yield cell, Estimate({"value": Stat(share, None, None, None, len(values))}, {}, "", "").to_artifact()
'''


@pytest.fixture
def own(empty: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    (empty.root / "kinds").mkdir()
    (empty.root / "kinds" / "above.py").write_text(KIND)
    steps = {name: STUDY["steps"][name] for name in ("claims", "prompts")} | {
        "score": {
            "kind": "logit_diff",
            "prompts": "prompts[condition=neutral]",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
        },
        "share": {"kind": "above", "of": "score"},
    }
    study = {name: STUDY[name] for name in ("ws", "question", "model")} | {"id": "own", "steps": steps}
    study["report"] = {"tables": {"share": {"of": "share"}}}
    (empty.root / "own.yaml").write_text(json.dumps(study))
    return Terminal(empty, monkeypatch, capsys)


def test_it_runs_and_is_on_the_page(own: Terminal):
    """Without the headings that ours have, too."""
    ran = own("run", "own.yaml", "--json")
    assert ran.code == 0, ran
    assert own("show", "own:share", "--study", "own.yaml").code == 0
    assert own("run", "own.yaml", "--json").json["studies"][0]["made"] == 0


def test_a_changed_helper_of_a_kind_is_noticed(own: Terminal, monkeypatch: pytest.MonkeyPatch):
    """What other engines serve as it was: the function that is called lies in another file."""
    root = own.lab.root
    kind = KIND.replace("value > cell.spec.limit", "passes(value, cell.spec.limit)")
    (root / "kinds" / "above.py").write_text(
        kind.replace("from ws_dsl import", "from limits import passes\nfrom ws_dsl import")
    )
    (root / "limits.py").write_text("def passes(value, limit):\n    return value > limit\n")
    monkeypatch.syspath_prepend(str(root))
    first = own("run", "own.yaml", "--json").json["studies"][0]
    assert first["made"] > 0 and own("run", "own.yaml", "--json").json["studies"][0]["made"] == 0
    (root / "limits.py").write_text("def passes(value, limit):\n    return value <= limit\n")
    planned = own("plan", "own.yaml", "--json").json["studies"][0]
    assert [step["step"] for step in planned["steps"] if "stale" in step["cells"]] == ["share"]
