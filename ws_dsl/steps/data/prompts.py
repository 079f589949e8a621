"""Rows as prompts.

What it does
    Renders every row through the tokenizer's own chat template (`system`, `user`, `assistant`, `reply`),
    or as raw text (`text`), and makes token ids once, with the string of every token and the place of
    every role. BOS is there once, where the model has one. A `chat` is carried on: its turns come first, the
    reply that was written or generated there among them.

What it cannot show
    What another template would have done: paraphrases are an axis, and a finding under one template is a
    finding about that template.

Inputs and output
    `rows`: Rows. `chat`: instead, Prompts whose conversation goes on; `rows` then names a part of them.
    `system`, `user`, `assistant` (the beginning of the answer, left open), `reply` (a closed answer), or
    `text` (no chat template); all with `{{column}}` slots. After a chat, a `system` that is not written is
    kept, null removes it, and another takes its place; without `user` the conversation is as it was but for
    that; `{{reply}}` is what was said last. `answers`: token strings, or token string to value. `sign`: +1 or
    −1 per row, or a column of signs. `model`: whose tokenizer and chat template are used. Gives Prompts.

Reference
    https://huggingface.co/docs/transformers/chat_templating
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from ws_dsl.artifacts import prompts as artifact
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.prompts import Turn
from ws_dsl.artifacts.rows import Rows, show
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._template import fill, slots

_ROLES = ("system", "user", "assistant", "reply", "text")


class Kept(BaseModel):
    """The system message of the chat that is carried on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kept: Literal[True]


class Prompts(Kind[types.Prompts]):
    """Rows rendered as token ids."""

    row_columns: ClassVar[bool] = True

    rows: Ref[types.Rows] | None = None
    chat: Ref[types.Prompts] | None = None
    system: str | Kept | None = None
    user: str | None = None
    assistant: str | None = None
    reply: str | None = None
    text: str | None = None
    answers: dict[str, float | str] | list[str | int | float] | None = None
    sign: Literal[1, -1] | str | None = None
    model: Ref[types.Model] = Named("model")

    @model_validator(mode="before")
    @classmethod
    def _goes_on(cls, written: Any) -> Any:
        if isinstance(written, dict) and written.get("chat") is not None and "system" not in written:
            return {**written, "system": {"kept": True}}
        return written  # pyright: ignore[reportUnknownVariableType]

    @model_validator(mode="after")
    def _one_form(self) -> Prompts:
        if self.rows is None and self.chat is None:
            raise ValueError("write rows, or chat to carry on a conversation")
        if isinstance(self.system, Kept) and self.chat is None:
            raise ValueError("a system message is kept where a chat is carried on; there is none")
        if self.chat is not None:
            if self.text is not None:
                raise ValueError("text is the whole prompt; a chat is carried on with user")
            if self.user is None and (self.assistant or self.reply):
                raise ValueError("an answer needs a question: write user")
        elif (self.text is None) == (self.user is None):
            raise ValueError("write either user (through the chat template) or text (raw)")
        if self.text is not None and (self.system or self.assistant or self.reply):
            raise ValueError("text is the whole prompt; system, assistant and reply go with user")
        if self.assistant is not None and self.reply is not None:
            raise ValueError("an answer is either left open (assistant) or closed (reply)")
        for role in _ROLES:
            slots(_template(self, role))
        return self

    @classmethod
    def looks_behind(cls, spec: Any) -> bool:
        return spec.rows is None

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("chat" if spec.rows is None else "rows") or {}
        said = () if spec.chat is None else ("reply",)
        for role in _ROLES if columns else ():
            for name in slots(_template(spec, role)):
                if name not in columns and name not in said:
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

_SPOKEN = {"user": "user", "reply": "assistant", "assistant": "prefill"}
"""Role of what is said, by field."""


def _template(spec: Any, role: str) -> str:
    written = getattr(spec, role)
    return written if isinstance(written, str) else ""


def _turns(spec: Prompts, row: Mapping[str, Any], before: Sequence[Turn]) -> list[Turn]:
    """What is said in a row, turn by turn, after what was said before."""
    keeps = isinstance(spec.system, Kept)
    turns = [turn for turn in before if keeps or turn["role"] != "system"]
    if isinstance(spec.system, str):
        turns.insert(0, {"role": "system", "content": fill(spec.system, row)})
    written = [(role, getattr(spec, name)) for name, role in _SPOKEN.items()]
    return turns + [
        {"role": role, "content": fill(words, row)} for role, words in written if words is not None
    ]


def _before(chat: artifact.Prompts, ends: bool) -> dict[tuple[Any, ...], list[Turn]]:
    """What was said by row.

    Raises:
        MeasurementError: a row is raw text, or has no reply where it should end with one.
    """
    found: dict[tuple[Any, ...], list[Turn]] = {}
    for key, turns in zip(chat.ids(), chat.messages, strict=True):
        if turns is None:
            raise MeasurementError(f"row {show(key)} of the chat is raw text, which has no turns to carry on")
        if ends and turns[-1]["role"] != "assistant":
            raise MeasurementError(f"row {show(key)} of the chat has no reply yet, after which one could ask")
        found[key] = turns
    return found


def declared(answers: dict[str, float | str] | list[str | int | float] | None) -> dict[str, float | str]:
    """Answers as token string to value; a list stands for itself."""
    if isinstance(answers, dict):
        return answers
    return {str(answer): answer for answer in answers or []}


def run(cells: Sequence[Cell[Prompts]], context: Context) -> Iterator[tuple[Cell[Prompts], Artifact]]:
    """Renders every row of every cell."""
    from ws_dsl.models.chat import render_text, render_turns

    for cell in cells:
        spec, chat = cell.spec, cell.get("chat")
        rows: Rows = cell.open("row_columns" if cell.get("rows") is None else "rows")
        before = _before(chat.open(), ends=spec.user is not None) if chat else {}
        if chat:
            rows = rows.take([place for place, key in enumerate(rows.ids()) if key in before])
        model: Model = cell.open("model")
        tokenizer = context.tokenizer(cell.one("model"))
        columns: dict[str, list[Any]] = {name: rows.columns[name] for name in rows.keys}
        columns |= {"text": [], "ids": [], "strings": [], "spans": [], "messages": []}
        for index, key in enumerate(rows.ids()):
            row = {name: values[index] for name, values in rows.columns.items()}
            said = before.get(key, [])
            if said:
                row = {**row, "reply": said[-1]["content"]}
            if spec.text is not None:
                turns, rendered = None, render_text(tokenizer, fill(spec.text, row))
            else:
                turns = _turns(spec, row, said)
                rendered = render_turns(tokenizer, turns)
            columns["messages"].append(turns)
            columns["text"].append(rendered.text)
            columns["ids"].append(rendered.ids)
            columns["strings"].append(rendered.strings)
            columns["spans"].append({role: list(span) for role, span in rendered.spans.items()})
        signs = (
            rows.columns[spec.sign] if isinstance(spec.sign, str) else spec.sign and [spec.sign] * len(rows)
        )
        made = artifact.Prompts(rows.keys, columns, model.tokenizer, declared(spec.answers), signs)
        yield cell, made.to_artifact()
