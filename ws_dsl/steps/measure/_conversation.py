"""What was said in rows of Prompts, as words: no template, no tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ws_dsl.artifacts.prompts import Prompts, Turn
from ws_dsl.artifacts.rows import show
from ws_dsl.errors import MeasurementError

NAMES = ("system", "conversation", "prompt", "reply")

_INCOMPLETE = "\ufffd"


class Conversation(NamedTuple):
    """The words of one row.

    Attributes:
        system: The system message; None where there is none.
        conversation: Everything that users and assistants said before the reply, each turn under its role;
            of raw text, the whole prompt.
        prompt: The last words of the user; of raw text, the whole prompt.
        reply: The reply, with the beginning that was written for it; None where there is none.
    """

    system: str | None
    conversation: str
    prompt: str
    reply: str | None

    def there(self) -> dict[str, str]:
        """What there is, by name."""
        return {name: words for name, words in self._asdict().items() if words is not None}


def conversations(prompts: Prompts) -> Iterator[Conversation]:
    """The words of every row, in order.

    Raises:
        MeasurementError: raw text of which the reply cannot be told from the prompt.
    """
    generated = prompts.columns.get("reply", [None] * len(prompts))
    for place, (turns, reply) in enumerate(zip(prompts.messages, generated, strict=True)):
        if turns is not None:
            yield _of_turns(turns)
        else:
            asked = _raw(prompts, place, reply)
            yield Conversation(None, asked, asked, reply)


def _of_turns(turns: Sequence[Turn]) -> Conversation:
    system = next((turn["content"] for turn in turns if turn["role"] == "system"), None)
    before, reply = [turn for turn in turns if turn["role"] != "system"], None
    if before[-1]["role"] == "assistant":
        reply = before.pop()["content"]
    spoken = [turn for turn in before if turn["role"] != "prefill"]
    users = [turn["content"] for turn in spoken if turn["role"] == "user"]
    told = "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in spoken)
    return Conversation(system, told, users[-1], reply)


def _raw(prompts: Prompts, place: int, reply: str | None) -> str:
    """Raw text without its reply."""
    text, end = prompts.columns["text"][place], prompts.columns["spans"][place]["prompt"][1]
    tail = "".join(prompts.columns["strings"][place][end:])
    if _INCOMPLETE not in tail:
        return text[: len(text) - len(tail)]
    if reply is not None and text.endswith(reply):
        return text.removesuffix(reply)
    raise MeasurementError(
        f"row {show(prompts.ids()[place])}: the reply ends within a character, and cannot be told from the "
        f"prompt"
    )
