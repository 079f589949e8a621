"""Prompts rendered through chat templates, and where the roles are in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checkpoints import tokenizer
from ws_dsl.errors import ModelError
from ws_dsl.models.chat import Message, Rendered, render_chat, render_text
from ws_dsl.models.positions import position

QWEN3, LLAMA = tokenizer("qwen3"), tokenizer("llama")
SYSTEM, USER = Message("system", "You are careful."), Message("user", "Is it true that iron is cork?")
REPLY = Message("assistant", "No.")
both = pytest.mark.parametrize("words", [QWEN3, LLAMA], ids=["qwen3", "llama"])


def said(rendered: Rendered, role: str) -> str:
    start, stop = rendered.spans[role]
    return "".join(rendered.strings[start:stop])


@both
def test_roles_are_where_the_words_are(words: Any):
    rendered = render_chat(words, [SYSTEM, USER], prefill="The answer is")
    assert said(rendered, "system") == SYSTEM.content
    assert said(rendered, "user") == USER.content
    assert said(rendered, "prefill") == "The answer is"
    assert said(rendered, "prompt") == rendered.text
    assert rendered.spans["prefill"][1] == len(rendered.ids)


@both
@pytest.mark.parametrize("turns", [[USER], [SYSTEM, USER], [USER, REPLY, USER]], ids=len)
def test_the_text_is_the_templates_own(words: Any, turns: list[Message]):
    messages = [turn._asdict() for turn in turns]
    plain = words.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    rendered = render_chat(words, turns)
    assert rendered.text == plain
    assert rendered.ids == words(plain, add_special_tokens=False)["input_ids"]
    assert render_chat(words, turns, prefill="The answer").text == plain + "The answer"


@both
def test_words_that_also_stand_in_the_frame_are_told_apart(words: Any):
    rendered = render_chat(words, [Message("system", "system"), Message("user", "user")], prefill="assistant")
    assert [said(rendered, role) for role in ("system", "user", "prefill")] == ["system", "user", "assistant"]
    assert rendered.spans["user"][0] > rendered.spans["system"][1] + 2


@both
def test_bos_is_never_doubled(words: Any):
    rendered = render_chat(words, [USER])
    assert rendered.ids.count(words.bos_token_id) == (0 if words.bos_token_id is None else 1)


@both
def test_a_prefill_keeps_its_bytes(words: Any):
    for prefill in ("The answer is ", " The", "The\n\n", "a  b"):
        assert render_chat(words, [USER], prefill=prefill).text.endswith(prefill)


def test_a_template_that_trims_is_followed():
    spaced = Message("user", "  Is it true?  ")
    assert said(render_chat(LLAMA, [spaced]), "user") == "Is it true?"
    assert "".join(render_chat(QWEN3, [spaced]).strings).count("  Is it true?  ") == 1


@both
def test_a_closed_reply(words: Any):
    rendered = render_chat(words, [USER, REPLY])
    assert said(rendered, "reply") == "No."
    assert rendered.spans["prompt"] == (0, rendered.spans["reply"][0])
    assert position("prompt_last", rendered.ids, rendered.spans) == rendered.spans["reply"][0] - 1
    assert position("last", rendered.ids, rendered.spans) == len(rendered.ids) - 1


@both
def test_positions_without_a_reply_are_one(words: Any):
    rendered = render_chat(words, [USER], prefill="The answer is")
    assert position("last", rendered.ids, rendered.spans) == position(
        "prompt_last", rendered.ids, rendered.spans
    )
    assert rendered.strings[position("last", rendered.ids, rendered.spans)] == " is"


def test_an_open_thinking_block_is_closed_with_the_real_token():
    words = tokenizer("qwen3")
    words.chat_template = (
        "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<think>\n{% endif %}"
    )
    rendered = render_chat(words, [USER])
    assert rendered.text == USER.content + "<think>\n\n</think>\n\n"
    assert rendered.ids.count(words.convert_tokens_to_ids("</think>")) == 1


def test_the_date_is_always_the_same():
    words = tokenizer("llama")
    words.chat_template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        "{{ date_string }}{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    assert render_chat(words, [USER]).text == "26 Jul 2024" + USER.content


@pytest.mark.parametrize(
    "body", ["{{ m.content | upper }}", "{{ m.role }}", "{{ m.content | length }}{{ m.content }}"]
)
def test_a_template_that_rewrites_words_is_refused(body: str):
    words = tokenizer("llama")
    words.chat_template = "{% for m in messages %}" + body + "{% endfor %}"
    with pytest.raises(ModelError, match="chat template"):
        render_chat(words, [USER])


def test_no_template_is_refused():
    words = tokenizer("llama")
    words.chat_template = None
    with pytest.raises(ModelError, match="has no chat template"):
        render_chat(words, [USER])


@both
def test_raw_text(words: Any):
    rendered = render_text(words, "User: Is it true?\nAssistant: The answer is")
    assert rendered.text == "User: Is it true?\nAssistant: The answer is"
    assert rendered.spans == {"prompt": (0, len(rendered.ids))}
    assert rendered.ids == words(rendered.text)["input_ids"]
