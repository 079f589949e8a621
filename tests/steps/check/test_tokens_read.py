from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding, prompts
from ws_dsl.specs.kinds import find
from ws_dsl.steps.check.tokens_read import TokensRead

CHAT = ["<user>", "Is", "it", "?", "<end>", "A", "<end>", "\n"]


def answered(*lengths: int, digest: str = "one") -> Given:
    """Chats with a reply of so many tokens each."""
    rows = [[*CHAT[:5], *(f"A{place}" for place in range(length)), *CHAT[6:]] for length in lengths]
    asked = prompts({str(place): list(range(len(row))) for place, row in enumerate(rows)})
    spans = [{"prompt": [0, 5], "reply": [5, 5 + length]} for length in lengths]
    return Given(replace(asked, columns={**asked.columns, "strings": rows, "spans": spans}), digest=digest)


def read(*at: Any, of: Given | None = None):
    return finding("tokens_read", {"prompts": [of or answered(1, 3)] * len(at)}, at=list(at))


def test_the_tokens_are_told():
    found = read("prompt_last", "reply_last", "reply_mean")
    assert found.holds
    assert found.detail == (
        "prompt_last is '<end>' (2); reply_last is 'A0' (1), 'A2' (1); "
        "reply_mean is 'A0' (2), 'A1' (1), 'A2' (1)"
    )


def test_behind_a_reply_there_are_control_tokens_and_white_space():
    for at, token in ((-2, "<end>"), ("last", "\\n")):
        found = read("reply_last", at)
        assert not found.holds and found.at == [("prompts", 1)]
        assert f"{at} is '{token}' (2)" in found.detail and "2 of 2 rows are read after" in found.detail


def test_two_names_of_one_token():
    assert read("reply_first", "reply_last", of=answered(1, 3, 2)).holds
    found = read("reply_first", "reply_last", of=answered(1, 1, 2))
    assert not found.holds and "reply_first and reply_last are one token in 2 of 3 rows" in found.detail
    other = finding(
        "tokens_read",
        {"prompts": [answered(1), answered(1, digest="other")]},
        at=["reply_first", "reply_last"],
    )
    assert other.holds, "other prompts are other tokens"


def test_what_is_looked_at(tmp_path):
    """Every position of every prompts once, whatever the layers."""
    lab = Lab(tmp_path)
    lab.data()
    study = small()
    study["steps"]["seen"] = {
        "kind": "states",
        "prompts": "prompts[condition=neutral]",
        "over": {"layer": [0, 1], "at": {"end": "last", "word": {"token": " is", "count": -1}}},
    }
    _, opened = lab.open(study)
    gathered = TokensRead.gather([node for node in opened.plan.nodes if node.kind.verb != "check"])
    assert gathered is not None
    assert gathered.settings == {"at": ["last", {"token": " is", "count": -1}]}
    assert len(gathered.inputs["prompts"]) == 2
    assert find("tokens_read").spec.severity == "warn"  # pyright: ignore
