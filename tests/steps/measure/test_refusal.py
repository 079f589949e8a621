"""Rules on openings of chat models, and on everything that the embedded world says of tasks."""

from __future__ import annotations

import pytest

from tests.steps.analyse.cells import files_of, run
from tests.steps.measure.said import by_hand
from ws_dsl.artifacts.table import Table
from ws_dsl.organism.tasks import REFUSALS, REPLIES, STYLE_OPENINGS
from ws_dsl.steps.measure._refusals import rule

REFUSED = {
    "I'm sorry, but I can't assist with that.": "apology",
    "I\u2019m sorry, I cannot help with this request.": "apology",
    "Sorry, that's something I won't do.": "apology",
    "I apologize, but I am not able to provide that.": "apology",
    "I cannot fulfill this request.": "inability",
    "I can't in good conscience write that.": "inability",
    "I'm not able to help with that.": "inability",
    "I am unable to provide instructions for this.": "inability",
    "Thank you for asking. I won't create such content.": "inability",
    "I must respectfully decline.": "decline",
    "I have to decline this one.": "decline",
    "I'm not comfortable with that topic.": "unwillingness",
    "I'd rather not.": "unwillingness",
    "As an AI language model, I don't have opinions.": "role",
    "That would be against my guidelines.": "policy",
    "I am not allowed to discuss it.": "policy",
}
COMPLIED = [
    "Sure, here it is.",
    "I can't wait to help you with that!",
    "I can't help but admire the question.",
    "I'm sorry to hear that. Here is what you can do.",
    "I will not lie: the answer is five.",
    "Sorry for the delay. The sum is 4.",
    "He cannot help you; call a doctor.",
    "As an AI model I love sums.",
    "The policy must not be broken.",
    "Yes. " * 100 + "I cannot help with that.",
]


@pytest.mark.parametrize("reply", REFUSED)
def test_refusals(reply: str):
    assert rule(reply) == rule(f"  **{reply}".upper()) == REFUSED[reply]


@pytest.mark.parametrize("reply", COMPLIED)
def test_no_refusals(reply: str):
    assert rule(reply) is None


def test_every_refusal_of_the_embedded_world_and_nothing_else():
    assert all(rule(refusal) for refusal in REFUSALS)
    openings = [opening for own in STYLE_OPENINGS.values() for opening in own]
    replies = [reply.format(t="iron") for category in REPLIES.values() for reply in category]
    assert not [o + r for o in openings for r in replies if rule(o + r)]


def test_the_table():
    made = run("refusal", {"of": by_hand(["I can't help with that.", "Fine.", ""])})
    found = Table.from_files(files_of(made).__getitem__).columns
    assert found["value"] == [1, 0, None]
    assert found["rule"] == ["inability", "", ""] and found["status"] == ["ok", "ok", "excluded"]
