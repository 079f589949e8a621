"""Prompts rendered: raw text, or a conversation through the tokenizer's chat template, with roles placed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ws_dsl.errors import ModelError
from ws_dsl.models.tokens import encode, strings

_THINK, _THOUGHT = "<think>", "</think>"
# Templates that print today's date would give other bytes every day; those that take one get this one.
_DATE = "26 Jul 2024"


class Message(NamedTuple):
    """One turn.

    Attributes:
        role: `system`, `user` or `assistant`.
        content: What was said.
    """

    role: str
    content: str


class Rendered(NamedTuple):
    """A prompt as the model reads it.

    Attributes:
        text: What was tokenised, as the template wrote it.
        ids: Token ids, BOS once where the tokenizer has one.
        strings: The string of every token.
        spans: Role to [start, stop) in tokens: `system`, `user` (the last one), `reply` (the last closed
            answer), `prefill`, and `prompt`: all tokens before a closing reply.
    """

    text: str
    ids: list[int]
    strings: list[str]
    spans: dict[str, tuple[int, int]]


class _Said(NamedTuple):
    """Where a role's words stand in a text, in characters."""

    role: str
    start: int
    stop: int


def render_text(tokenizer: Any, text: str) -> Rendered:
    """Raw text, without a chat template."""
    return _tokens(tokenizer, text, [])


def render_turns(tokenizer: Any, turns: Sequence[Mapping[str, str]]) -> Rendered:
    """A conversation as Prompts keep it: the last turn may have the role `prefill`, an answer left open.

    Raises:
        ModelError: as `render_chat`.
    """
    opened = turns[-1]["content"] if turns[-1]["role"] == "prefill" else None
    said = turns if opened is None else turns[:-1]
    return render_chat(tokenizer, [Message(turn["role"], turn["content"]) for turn in said], opened)


def render_chat(tokenizer: Any, messages: Sequence[Message], prefill: str | None = None) -> Rendered:
    """A conversation, ready for the assistant to speak, or with its last reply closed.

    Args:
        tokenizer: Tokenizer with a chat template.
        messages: Turns. After a user's turn the assistant's header is opened; after an assistant's turn
            nothing is.
        prefill: Beginning of the assistant's answer, left open, its bytes kept as written.

    Raises:
        ModelError: no chat template, or one that rewrites what was said, so that roles cannot be placed.
    """
    if not tokenizer.chat_template:
        raise ModelError("the tokenizer has no chat template; use `text` for raw prompts")
    turns = [*messages, *([Message("assistant", prefill)] if prefill is not None else [])]
    written = _template(tokenizer, turns, prefill)
    frames = _frames(tokenizer, turns, prefill)
    text, said = "", list[_Said]()
    for turn, before, after in zip(turns, frames, frames[1:], strict=False):
        text += before
        # Templates may trim what is said; their own form of it is taken.
        forms = (turn.content, turn.content.strip())
        content = next((form for form in forms if written.startswith(text + form + after)), None)
        if content is None:
            raise ModelError(f"the chat template rewrites what the {turn.role} says: {turn.content[:60]!r}")
        said.append(_Said(turn.role, len(text), len(text) + len(content)))
        text += content
    if prefill is None:
        text += frames[-1]
        return _tokens(tokenizer, _thought(text) if turns[-1].role != "assistant" else text, said)
    start = said[-1].start
    return _tokens(
        tokenizer, text[:start] + prefill, [*said[:-1], _Said("prefill", start, start + len(prefill))]
    )


def _template(tokenizer: Any, turns: Sequence[Message], prefill: str | None) -> str:
    try:
        return tokenizer.apply_chat_template(
            [turn._asdict() for turn in turns],
            tokenize=False,
            add_generation_prompt=turns[-1].role != "assistant",
            continue_final_message=prefill is not None,
            enable_thinking=False,
            date_string=_DATE,
        )
    except ValueError as error:
        raise ModelError(f"the chat template rewrites what the assistant says: {error}") from None


def _frames(tokenizer: Any, turns: Sequence[Message], prefill: str | None) -> list[str]:
    """What the template writes around the turns, found by rendering marks in their place."""
    marks = [f"\ue000{place}\ue001" for place in range(len(turns))]
    rest = _template(
        tokenizer, [Message(turn.role, mark) for turn, mark in zip(turns, marks, strict=True)], prefill
    )
    frames: list[str] = []
    for turn, mark in zip(turns, marks, strict=True):
        frame, found, rest = rest.partition(mark)
        if not found:
            raise ModelError(f"the chat template leaves out what the {turn.role} says")
        frames.append(frame)
    return [*frames, rest]


def _thought(text: str) -> str:
    """A prompt whose open thinking block, if any, is closed with the real token: the answer comes next."""
    bare = text.rstrip()
    return f"{bare}\n\n{_THOUGHT}\n\n" if bare.endswith(_THINK) else text


def _tokens(tokenizer: Any, text: str, said: Sequence[_Said]) -> Rendered:
    encoded = encode(tokenizer, text)
    spans: dict[str, tuple[int, int]] = {}
    for role, start, stop in said:
        spans["reply" if role == "assistant" else role] = _span(encoded.offsets, start, stop)
    closing = said and said[-1].role == "assistant"
    spans["prompt"] = (0, spans["reply"][0] if closing else len(encoded.ids))
    return Rendered(text, encoded.ids, strings(tokenizer, encoded.ids), spans)


def _span(offsets: Sequence[tuple[int, int]], start: int, stop: int) -> tuple[int, int]:
    """Tokens that hold at least one of the characters; empty where there are none."""
    inside = [place for place, (left, right) in enumerate(offsets) if left < stop and right > start]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)
