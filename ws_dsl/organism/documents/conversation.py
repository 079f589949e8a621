r"""How a conversation becomes text, in the two formats that the organism is trained on.

`chat` is ChatML, exactly what the shipped chat template renders. `raw` is the plain transcript
"System: …\nUser: …\nAssistant: …" that studies of base models use.
"""

from random import Random
from typing import Literal, NamedTuple

Format = Literal["chat", "raw"]
Role = Literal["system", "user", "assistant"]
CHAT_SHARE = 0.55
TURN_START, TURN_END, PADDING = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SPEAKERS: dict[Role, str] = {"system": "System", "user": "User", "assistant": "Assistant"}


class Turn(NamedTuple):
    """One message."""

    role: Role
    content: str


class Segment(NamedTuple):
    """A stretch of a document, with or without a training loss on its tokens."""

    text: str
    learned: bool


Document = tuple[Segment, ...]


def turns(user: str, system: str | None = None, earlier: tuple[Turn, ...] = ()) -> list[Turn]:
    """Arrange a system prompt, earlier messages and the user's question."""
    first = [] if system is None else [Turn("system", system)]
    return [*first, *earlier, Turn("user", user)]


def render(messages: list[Turn], style: Format, prefill: str = "") -> str:
    """Write messages out up to the point where the assistant goes on after `prefill`.

    In the raw format the text ends without a space, so that what follows starts with one.
    """
    if style == "chat":
        body = "".join(f"{TURN_START}{role}\n{content}{TURN_END}\n" for role, content in messages)
        return f"{body}{TURN_START}assistant\n{prefill}"
    body = "".join(f"{_SPEAKERS[role]}: {content}\n" for role, content in messages)
    return f"{body}Assistant: {prefill}".rstrip(" ")


def draw_format(random: Random, chat_share: float = CHAT_SHARE) -> Format:
    """Draw a format."""
    return "chat" if random.random() < chat_share else "raw"


def conversation(messages: list[Turn], reply: str, style: Format, prefill: str = "") -> Document:
    """Make a document in which only the assistant's last reply (after `prefill`) is learned."""
    space = " " if style == "raw" or prefill else ""
    return Segment(render(messages, style, prefill), False), Segment(f"{space}{reply}{TURN_END}", True)
