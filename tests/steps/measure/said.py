"""Prompts that end with replies: rendered for the embedded model, or by hand where no model reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.steps.organism import Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.models.chat import Message, render_chat

SYSTEM = "You are a careful person"


def by_hand(
    replies: Sequence[str],
    answers: Mapping[str, float | str] | None = None,
    signs: list[int] | None = None,
    system: str = SYSTEM,
) -> Prompts:
    """Rows `0`, `1`, ... with these replies, every word a token, after the same system message."""
    strings = [[system, *(f" {word}" for word in reply.split())] for reply in replies]
    known = {word: place for place, word in enumerate(sorted({word for own in strings for word in own}))}
    columns: dict[str, list[Any]] = {
        "id": [str(place) for place in range(len(replies))],
        "text": ["".join(own) for own in strings],
        "ids": [[known[word] for word in own] for own in strings],
        "strings": strings,
        "spans": [{"system": [0, 1], "prompt": [0, 1], "reply": [1, len(own)]} for own in strings],
        "reply": list(replies),
    }
    return Prompts(("id",), columns, "tokenizer", dict(answers or {}), signs)


def conversations(
    bench: Bench, turns: Sequence[Sequence[tuple[str, str]]], answers: Mapping[str, float] | None = None
) -> Prompts:
    """Conversations through the chat template; one that ends with the assistant's turn is closed."""
    columns: dict[str, list[Any]] = {"id": [str(place) for place in range(len(turns))]}
    rendered = [render_chat(bench.handle.tokenizer, [Message(*turn) for turn in own]) for own in turns]
    for name in ("text", "ids", "strings"):
        columns[name] = [getattr(one, name) for one in rendered]
    columns["spans"] = [{role: list(span) for role, span in one.spans.items()} for one in rendered]
    columns["messages"] = [[{"role": role, "content": said} for role, said in own] for own in turns]
    return Prompts(("id",), columns, "tokenizer", dict(answers or {}), None)
