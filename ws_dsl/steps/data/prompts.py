"""Rows as prompts.

What it does
    Renders every row through the tokenizer's own chat template (`system`, `user`, `assistant`, `reply`),
    or as raw text (`text`), and makes token ids once, with the string of every token and the place of
    every role. BOS is there once, where the model has one.

What it cannot show
    What another template would have done: paraphrases are an axis, and a finding under one template is a
    finding about that template.

Inputs and output
    `rows`: Rows. `system`, `user`, `assistant` (the beginning of the answer, left open), `reply` (a
    closed answer), or `text` (no chat template); all with `{{column}}` slots. `answers`: token strings,
    or token string to value. `sign`: +1 or −1 per row, or a column of signs. Gives Prompts.

Reference
    https://huggingface.co/docs/transformers/chat_templating
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import model_validator

from ws_dsl.artifacts import prompts as artifact
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._template import fill, slots

_ROLES = ("system", "user", "assistant", "reply", "text")


class Prompts(Kind[types.Prompts]):
    """Rows rendered as token ids."""

    rows: Ref[types.Rows]  # pyright: ignore[reportGeneralTypeIssues]
    system: str | None = None
    user: str | None = None
    assistant: str | None = None
    reply: str | None = None
    text: str | None = None
    answers: dict[str, float | str] | list[str | int | float] | None = None
    sign: Literal[1, -1] | str | None = None
    model: Ref[types.Model] = Named("model")

    @model_validator(mode="after")
    def _one_form(self) -> Prompts:
        if (self.text is None) == (self.user is None):
            raise ValueError("write either user (through the chat template) or text (raw)")
        if self.text is not None and (self.system or self.assistant or self.reply):
            raise ValueError("text is the whole prompt; system, assistant and reply go with user")
        if self.assistant is not None and self.reply is not None:
            raise ValueError("an answer is either left open (assistant) or closed (reply)")
        for role in _ROLES:
            slots(getattr(self, role) or "")
        return self

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("rows") or {}
        for role in _ROLES if columns else ():
            for name in slots(getattr(spec, role) or ""):
                if name not in columns:
                    yield Complaint(
                        role,
                        "unknown-column",
                        f"the rows have no column {name!r} (columns: {', '.join(columns)})",
                    )
        if isinstance(spec.sign, str) and columns and columns.get(spec.sign) != "sign":
            yield Complaint(
                "sign",
                "unknown-column",
                f"{spec.sign!r} is no column of signs (columns: {', '.join(columns)})",
            )
        for token in declared(spec.answers):
            parts = inspection.split(token)
            if parts is not None and len(parts) != 1:
                yield Complaint("answers", "not-one-token", f"{token!r} is {len(parts)} tokens: {parts}")


version = 1


def declared(answers: dict[str, float | str] | list[str | int | float] | None) -> dict[str, float | str]:
    """Answers as token string to value; a list stands for itself."""
    if isinstance(answers, dict):
        return answers
    return {str(answer): answer for answer in answers or []}


def run(cells: Sequence[Cell[Prompts]], context: Context) -> Iterator[tuple[Cell[Prompts], Artifact]]:
    """Renders every row of every cell."""
    from ws_dsl.models.chat import Message, render_chat, render_text

    for cell in cells:
        spec, rows = cell.spec, cell.open("rows")
        assert isinstance(rows, Rows)
        model: Model = cell.open("model")
        tokenizer = context.tokenizer(cell.one("model"))
        columns: dict[str, list[Any]] = {name: rows.columns[name] for name in rows.keys}
        columns |= {"text": [], "ids": [], "strings": [], "spans": []}
        for index in range(len(rows)):
            row = {name: values[index] for name, values in rows.columns.items()}
            if spec.text is not None:
                rendered = render_text(tokenizer, fill(spec.text, row))
            else:
                said = [("system", spec.system), ("user", spec.user), ("assistant", spec.reply)]
                turns = [Message(role, fill(words, row)) for role, words in said if words is not None]
                rendered = render_chat(
                    tokenizer, turns, None if spec.assistant is None else fill(spec.assistant, row)
                )
            columns["text"].append(rendered.text)
            columns["ids"].append(rendered.ids)
            columns["strings"].append(rendered.strings)
            columns["spans"].append({role: list(span) for role, span in rendered.spans.items()})
        signs = (
            rows.columns[spec.sign] if isinstance(spec.sign, str) else spec.sign and [spec.sign] * len(rows)
        )
        made = artifact.Prompts(rows.keys, columns, model.tokenizer, declared(spec.answers), signs)
        yield cell, made.to_artifact()
