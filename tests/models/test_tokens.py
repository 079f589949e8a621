"""Token ids are made once, with BOS once."""

from __future__ import annotations

import pytest

from tests.checkpoints import tokenizer
from ws_dsl.errors import ModelError
from ws_dsl.models.tokens import encode, single_token, strings

QWEN3, LLAMA = tokenizer("qwen3"), tokenizer("llama")


def test_bos_is_put_in_front_once():
    bare, written = encode(LLAMA, "The answer is"), encode(LLAMA, "<|bos|>The answer is")
    assert bare.ids == written.ids == LLAMA("The answer is")["input_ids"]
    assert bare.ids.count(LLAMA.bos_token_id) == 1
    assert LLAMA("<|bos|>The answer is")["input_ids"].count(LLAMA.bos_token_id) == 2


def test_no_bos_where_the_tokenizer_adds_none():
    assert encode(QWEN3, "The answer is").ids == QWEN3("The answer is")["input_ids"]


def test_a_doubled_bos_is_refused():
    with pytest.raises(ModelError, match="twice"):
        encode(LLAMA, "<|bos|><|bos|>The answer is")


@pytest.mark.parametrize("words", [QWEN3, LLAMA], ids=["qwen3", "llama"])
@pytest.mark.parametrize("text", ["The answer is Yes.", " a  b\n\n c ", "naïve — 木"])
def test_strings_of_tokens_spell_the_text(words, text: str):
    ids = encode(words, text).ids
    spelled = strings(words, ids)
    assert len(spelled) == len(ids)
    assert "".join(spelled).removeprefix("<|bos|>").replace("\ufffd", "") == "".join(
        c for c in text if c.isascii()
    )


def test_offsets_cut_the_text_at_tokens():
    text = "The answer is No"
    encoded = encode(LLAMA, text)
    assert "".join(text[start:stop] for start, stop in encoded.offsets) == text


def test_single_token():
    assert strings(LLAMA, [single_token(LLAMA, " Yes"), single_token(LLAMA, "Yes")]) == [" Yes", "Yes"]
    with pytest.raises(
        ModelError, match="' cork iron' is 2 tokens of this model, not one: ' cork' \\+ ' iron'"
    ):
        single_token(LLAMA, " cork iron")
    with pytest.raises(ModelError, match="'' is no token"):
        single_token(LLAMA, "")


def test_a_decoder_that_strips_leading_spaces_loses_none():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({"▁Yes": 0, "▁No": 1, "s": 2}, unk_token="s"))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    core.decoder = decoders.Metaspace(prepend_scheme="first")
    words = PreTrainedTokenizerFast(tokenizer_object=core)
    assert words.decode([0]) == "Yes"
    assert strings(words, [0, 1, 2]) == [" Yes", " No", "s"]
