"""Conversations that go on, and system messages put in place, against the tokenizer's own template."""

from __future__ import annotations

from typing import Any

import pytest

from tests import checkpoints
from tests.steps.data.test_prompts import ROWS, Given, render
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.prompts import Prompts as Rendered
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError
from ws_dsl.plan.params import params_of
from ws_dsl.steps.cell import Cell
from ws_dsl.steps.data import prompts
from ws_dsl.steps.rows import rendered_with, under


@pytest.fixture(scope="module", params=["qwen3", "llama"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return checkpoints.tokenizer(request.param)


def carry_on(tokenizer: Any, chat: Rendered, rows: Rows | None = None, **fields: Any) -> Rendered:
    spec = prompts.Prompts.model_validate({"chat": "chat", **fields} | ({"rows": "rows"} if rows else {}))
    model = Model({}, "digest of the tokenizer", "organism", "float32", None, "hugging_face", "tiny")

    class Context:
        def tokenizer(self, source: Any) -> Any:
            return tokenizer

    inputs = {"chat": [Given(chat)], "model": [Given(model)], "row_columns": [Given(ROWS)]}
    inputs |= {"rows": [Given(rows)]} if rows else {}
    ((_, made),) = prompts.run([Cell(spec, inputs)], Context())  # pyright: ignore[reportArgumentType]
    return Rendered.from_files(lambda name: bytes(made.files[name]))  # pyright: ignore[reportArgumentType]


def own(tokenizer: Any, *turns: tuple[str, str]) -> str:
    said = [{"role": role, "content": words} for role, words in turns]
    opened = turns[-1][0] == "user"
    return tokenizer.apply_chat_template(
        said, tokenize=False, add_generation_prompt=opened, enable_thinking=False
    )


def same(made: Rendered, expected: str) -> None:
    # An open thinking block is closed by us.
    assert made.columns["text"][0].startswith(expected.rstrip())


def test_a_question_follows_the_reply(tokenizer: Any):
    chat = render(tokenizer, system="Be brief.", user="{{claim}}?", reply="Yes.")
    said = [("system", "Be brief."), ("user", "iron is heavy?"), ("assistant", "Yes.")]
    asked = carry_on(tokenizer, chat, user="Why {{reply}} about {{claim}}?", assistant="Because")
    assert asked.ids() == chat.ids()
    same(asked, own(tokenizer, *said, ("user", "Why Yes. about iron is heavy?")))
    assert all(text.endswith("Because") for text in asked.columns["text"])
    other = carry_on(tokenizer, chat, user="Why?", system="Be verbose.")
    same(other, own(tokenizer, ("system", "Be verbose."), *said[1:], ("user", "Why?")))
    none = carry_on(tokenizer, chat, user="Why?", system=None)
    same(none, own(tokenizer, *said[1:], ("user", "Why?")))


def test_without_a_question_only_the_system_message_changes(tokenizer: Any):
    chat = render(tokenizer, system="Be brief.", user="{{claim}}?", reply="Yes.")
    again = carry_on(tokenizer, chat)
    assert again.columns["ids"] == chat.columns["ids"]
    assert again.columns["spans"] == chat.columns["spans"]
    bare = carry_on(tokenizer, chat, system=None)
    assert bare.columns["ids"] == render(tokenizer, user="{{claim}}?", reply="Yes.").columns["ids"]


def test_some_of_its_rows(tokenizer: Any):
    chat = render(tokenizer, user="{{claim}}?", reply="Yes.")
    some = carry_on(tokenizer, chat, ROWS.take([1]), user="Why?")
    assert some.ids() == [("b",)]
    assert some.columns["ids"] == carry_on(tokenizer, chat, user="Why?").columns["ids"][1:]


@pytest.mark.parametrize(
    ("fields", "chat", "message"),
    [
        ({"user": "Why?"}, {"user": "x"}, "no reply yet"),
        ({"user": "Why?"}, {"user": "x", "assistant": "I"}, "no reply yet"),
        ({"user": "Why?"}, {"text": "x"}, "raw text"),
        ({"system": "Be brief."}, {"text": "x"}, "raw text"),
    ],
)
def test_what_does_not_go_on(tokenizer: Any, fields: dict[str, str], chat: dict[str, str], message: str):
    with pytest.raises(MeasurementError, match=message):
        carry_on(tokenizer, render(tokenizer, **chat), **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"chat": "c", "text": "x"},
        {"chat": "c", "reply": "x"},
        {"rows": "r", "user": "x", "system": {"kept": True}},
    ],
    ids=str,
)
def test_what_is_no_conversation_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValueError, match="Prompts"):
        prompts.Prompts.model_validate(fields)


def test_a_kept_message_and_none_are_not_the_same():
    """Left out, it is kept; written as null, it is removed: keys must tell them apart."""
    kept, removed = (
        prompts.Prompts.model_validate({"chat": "c", "user": "x", **fields})
        for fields in ({}, {"system": None})
    )
    params = [params_of(prompts.Prompts, spec, ("chat", "model"))[0] for spec in (kept, removed)]
    assert params[0]["system"] != params[1]["system"]


@pytest.mark.parametrize("end", [{}, {"reply": "Yes."}, {"assistant": "The answer is"}])
@pytest.mark.parametrize("before", [{}, {"system": "Be verbose."}])
def test_a_system_message_in_place(tokenizer: Any, before: dict[str, str], end: dict[str, str]):
    chat = render(tokenizer, user="{{claim}}?", **before, **end)
    for message in ("Be brief.", None):
        expected = render(tokenizer, user="{{claim}}?", **({"system": message} if message else {}), **end)
        found = rendered_with(chat, message, tokenizer)
        for column in ("ids", "strings", "spans", "text", "messages"):
            assert found.columns[column] == expected.columns[column]
    assert under(chat, None, tokenizer) is chat
