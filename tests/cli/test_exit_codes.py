"""How commands end: 0 done, 1 failed, 2 usage or bad spec, 3 nothing matched, 70 our own fault."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import Lab, small


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["check", "small.yaml"], 0, "no mistakes"),
        (["run", "nowhere.yaml"], 2, "there is no nowhere.yaml"),
        (["run", "claims.jsonl"], 2, "no study"),
        (["run", "folder"], 3, "no study in folder"),
        (["run", "small.yaml", "--model", "nowhere"], 2, "no such folder"),
        (["run", "small.yaml", "--nonsense"], 2, "No such option"),
        (["run"], 2, "Missing argument"),
        (["show", "small:nothing"], 3, "no step 'nothing'"),
        (["show", "small:score[tone=loud]"], 3, "tone"),
        (["show", "other:score"], 3, "no study 'other'"),
        (["show", "ffffffff"], 3, "begins with ffffffff"),
        (["show", "no key"], 2, "is no key"),
        (["explain", "clmap"], 3, "Did you mean 'clamp'?"),
        (["verify", "ffffffff"], 3, "begins with ffffffff"),
        (["verify"], 0, "orphaned"),
        (["ls", "nothing"], 3, "no artifact of kind nothing"),
    ],
)
def test_ends_with(ws: Terminal, lab: Lab, words: list[str], code: int, said: str):
    (lab.root / "folder").mkdir()
    (lab.root / "experiments").mkdir()
    for name in ("small.yaml", "claims.jsonl"):
        shutil.copy(lab.root / name, lab.root / "experiments" / name)
    if said == "orphaned":
        orphan = lab.project.registry / "objects" / "00" / ("0" * 64)
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"left by an interrupted run")
    ended = ws(*words)
    assert ended.code == code, ended
    assert said in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_a_bad_study_is_told_by_line(ws: Terminal, lab: Lab):
    study = small()
    study["steps"]["score"]["tokens"]["plus"] = [" Absolutely"]
    study["steps"]["named"]["sight"] = "L1N3"
    file = lab.study(study)
    for command in ("check", "run", "plan"):
        said = ws(command, file.name)
        assert said.code == 2 and "error[unknown-field] steps.named.sight" in said.err
        assert f"{file.name}:" in said.err and "Traceback" not in said.err


KIND = '''"""A kind.

What it does
    {what}

What it cannot show
    Anything.

Inputs and output
    `of`: Rows. Gives Rows.

Reference
    None.
"""

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Trouble(Kind[types.Rows]):
    """Trouble."""

    of: Ref[types.Rows]


version = 1


def run(cells, context):
    {body}
'''


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("raise ZeroDivisionError('in the kind')", 70, "Please report it"),
        ("return iter(())", 1, "did not make: wrong[level=one]"),
        (
            "yield from [(cell, cell.open('of').to_artifact()) for cell in cells[:1]]",
            1,
            "did not make: wrong[level=two]",
        ),
        ("yield from [(cells[0], cells[0].open('of').to_artifact())] * 2", 1, "gave a cell twice"),
    ],
    ids=["raises", "makes nothing", "makes too few", "makes one twice"],
)
def test_a_kind_that_goes_wrong(ws: Terminal, lab: Lab, body: str, code: int, said: str):
    (lab.root / "kinds").mkdir()
    (lab.root / "kinds" / "trouble.py").write_text(KIND.format(what=said, body=body), encoding="utf-8")
    study = small()
    halves = {"one": "halves[split=search]", "two": "halves[split=verify]"}
    study["steps"]["wrong"] = {"kind": "trouble", "over": {"of as level": halves}}
    lab.study(study)
    ended = ws("run", "small.yaml")
    assert ended.code == code and said in ended.err
    assert ("Traceback" in ended.err) == (code == 70)
    if code == 70:
        assert "in the kind" in ended.err
