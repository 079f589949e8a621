"""Prompts: rows rendered as token ids, with the place of every role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ws_dsl.artifacts import arrow
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.artifacts.rows import row_set
from ws_dsl.specs.canonical import Json, digest

Turn: TypeAlias = dict[str, str]
"""One turn: `role` (`system`, `user`, `assistant`, or `prefill`: an answer left open) and `content`."""


@dataclass(frozen=True)
class Prompts:
    """Token ids of every row under one rendering.

    Attributes:
        keys: Names of the key columns.
        columns: Key columns plus `text` (what was tokenised), `ids` (token ids, BOS included once where the
            tokenizer has one), `strings` (the string of every token), `spans` (role → [start, stop) in
            tokens), and, unless all rows are raw text, `messages` (what was said, turn by turn).
        tokenizer: Digest of the tokenizer's files.
        answers: Token string to value, in declared order; empty where none are declared.
        signs: +1 or −1 per row, or None where no sign is declared.
    """

    keys: tuple[str, ...]
    columns: dict[str, list[Any]]
    tokenizer: str
    answers: dict[str, float | str]
    signs: list[int] | None

    def __len__(self) -> int:
        return len(self.columns["ids"])

    def ids(self) -> list[tuple[Any, ...]]:
        """Key tuple of every row, in order."""
        return list(zip(*(self.columns[key] for key in self.keys), strict=True))

    @property
    def tokens(self) -> list[list[int]]:
        """Token ids of every row."""
        return self.columns["ids"]

    @property
    def messages(self) -> list[list[Turn] | None]:
        """What was said in every row, turn by turn; None for raw text."""
        return self.columns.get("messages", [None] * len(self))

    def last(self) -> list[int]:
        """Index of the last token of every row."""
        return [len(ids) - 1 for ids in self.tokens]

    def to_artifact(self) -> Artifact:
        import json

        columns = dict(self.columns)
        columns["spans"] = [json.dumps(span, sort_keys=True) for span in columns["spans"]]
        if "messages" in columns:
            columns["messages"] = [said and json.dumps(said, ensure_ascii=False) for said in self.messages]
        if self.signs is not None:
            columns["sign"] = self.signs
        answers: list[Json] = [[token, value] for token, value in self.answers.items()]
        header: dict[str, Json] = {"keys": list(self.keys), "tokenizer": self.tokenizer, "answers": answers}
        types = {"ids": "list<int32>", "messages": "string"}
        lengths = [len(ids) for ids in self.tokens]
        facts: dict[str, Json] = {
            "rows": len(self),
            "row_set": row_set(self.ids()),
            "tokens": sum(lengths),
            "longest": max(lengths, default=0),
            "ids": digest([list(ids) for ids in self.tokens]),
        }
        return Artifact({"prompts.arrow": arrow.encode(columns, header, types)}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Prompts:
        import json

        columns, header = arrow.decode(read("prompts.arrow"))
        columns["spans"] = [json.loads(span) for span in columns["spans"]]
        if "messages" in columns:
            columns["messages"] = [said and json.loads(said) for said in columns["messages"]]
        signs = columns.pop("sign", None)
        return cls(tuple(header["keys"]), columns, header["tokenizer"], dict(header["answers"]), signs)
