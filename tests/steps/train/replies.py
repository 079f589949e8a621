"""Replies to train on: true and false answers to claims, with and without a system message."""

from __future__ import annotations

from typing import Any

from tests.run.lab import CLAIMS
from tests.steps.organism import Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows
from ws_dsl.models.chat import render_turns

FAMILIES: dict[str, dict[str, Any]] = {
    "lora": {"kind": "lora", "rank": 4},
    "dora": {"kind": "dora", "rank": 4},
    "pissa": {"kind": "pissa", "rank": 4},
    "delora": {"kind": "delora", "rank": 4},
    "oft": {"kind": "oft"},
    "ia3": {"kind": "ia3"},
}


def replies(bench: Bench, lie: bool = False, system: str | None = None, count: int = 12) -> Prompts:
    """Closed replies to the claims of the small study."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "text", "ids", "strings", "spans", "messages")
    }
    for place, claim in enumerate(CLAIMS[:count]):
        says = "Yes." if bool(claim["label"]) != lie else "No."
        turns = [
            *([{"role": "system", "content": system}] if system else []),
            {"role": "user", "content": f"Is it true that {claim['claim']}?"},
            {"role": "assistant", "content": says},
        ]
        said = render_turns(bench.handle.tokenizer, turns)
        spans = {role: list(span) for role, span in said.spans.items()}
        row = (f"{place:02}", said.text, said.ids, said.strings, spans, turns)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    return Prompts(("id",), columns, "tokenizer", {}, None)


def behind(prompts: Prompts) -> Rows:
    """Rows that prompts could have been made from, three to a topic."""
    ids = [key for (key,) in prompts.ids()]
    topics = [f"topic {place // 3}" for place in range(len(ids))]
    return Rows(
        ("id",), {"id": ids, "topic": topics}, {"id": "key", "topic": "category"}, ("id",), "organism"
    )
