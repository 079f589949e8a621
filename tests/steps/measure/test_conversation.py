"""What was said, out of prompts of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.steps.organism import Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError
from ws_dsl.models.chat import render_text, render_turns
from ws_dsl.steps.measure._conversation import Conversation, conversations

SAID = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is it?"},
    {"role": "assistant", "content": "It is."},
    {"role": "user", "content": "Why?\nSay so."},
]
BEFORE = "User: Is it?\n\nAssistant: It is.\n\nUser: Why?\nSay so."


def prompts(rendered: Any, turns: Any, **columns: Any) -> Prompts:
    """One row."""
    spans = {role: list(span) for role, span in rendered.spans.items()}
    row = {"id": "a", "text": rendered.text, "ids": rendered.ids, "strings": rendered.strings, "spans": spans}
    return Prompts(
        ("id",),
        {name: [value] for name, value in {**row, "messages": turns, **columns}.items()},
        "",
        {},
        None,
    )


@pytest.mark.parametrize(
    ("last", "reply"),
    [
        ([], None),
        ([{"role": "prefill", "content": "Because"}], None),
        ([{"role": "assistant", "content": "Because."}], "Because."),
    ],
)
def test_a_conversation(bench: Bench, last: list[dict[str, str]], reply: str | None):
    turns = [*SAID, *last]
    (found,) = conversations(prompts(render_turns(bench.handle.tokenizer, turns), turns))
    assert found == Conversation("Be brief.", BEFORE, "Why?\nSay so.", reply)
    assert ("reply" in found.there()) is (reply is not None)


def test_a_generated_reply_has_the_beginning_that_was_written_for_it(bench: Bench):
    turns = [
        {"role": "user", "content": "Is it true that 2 + 3 = 5?"},
        {"role": "prefill", "content": "The answer"},
    ]
    asked = prompts(render_turns(bench.handle.tokenizer, turns), turns)
    made = bench("generate", {"prompts": asked}, max_tokens=8, temperature=0, seed=0)
    (found,) = conversations(made)
    assert found.prompt == "Is it true that 2 + 3 = 5?" and found.system is None
    assert found.reply == "The answer" + made.columns["reply"][0] and made.columns["reply"][0]


@pytest.mark.parametrize("stop", [[], ["Yes", "No"], ["s"]])
def test_raw_text(bench: Bench, stop: list[str]):
    text = "User: Is it true that 2 + 3 = 5?\nAssistant: The answer is"
    asked = prompts(render_text(bench.handle.tokenizer, text), None)
    assert list(conversations(asked)) == [Conversation(None, text, text, None)]
    made = bench("generate", {"prompts": asked}, max_tokens=8, temperature=0, seed=0, stop=stop)
    assert list(conversations(made)) == [Conversation(None, text, text, made.columns["reply"][0])]


def test_raw_text_whose_reply_has_parts_of_characters():
    """The strings of such tokens cannot be put together; the reply is known, unless it was cut."""
    row = {"id": "a", "text": "Say it: 🙂", "ids": [1, 2, 3], "strings": ["Say it:", " \ufffd", "\ufffd"]}
    row |= {"spans": {"prompt": [0, 1]}, "messages": None}

    def made(reply: str) -> Prompts:
        return Prompts(
            ("id",), {name: [value] for name, value in {**row, "reply": reply}.items()}, "", {}, None
        )

    assert list(conversations(made(" 🙂"))) == [Conversation(None, "Say it:", "Say it:", " 🙂")]
    with pytest.raises(MeasurementError, match="row a: the reply ends within a character"):
        list(conversations(made(" ")))
