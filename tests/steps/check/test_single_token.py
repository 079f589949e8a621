from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.checkpoints import tokenizer
from tests.steps.check.findings import finding

CONTEXT = SimpleNamespace(tokenizer=lambda model: tokenizer("qwen3"))


def found(*words: str):
    return finding("single_token", {"models": ["model"]}, CONTEXT, tokens=[list(words)])


def test_answers_of_one_token():
    assert found(" Yes", " No", " yes").holds


@pytest.mark.parametrize("word", [" Absolutely", ""])
def test_an_answer_of_several_tokens_or_none(word: str):
    wrong = found(" Yes", word)
    assert not wrong.holds and wrong.at == [("models", 0)] and repr(word) in wrong.detail


def test_a_token_that_reads_otherwise():
    """A lone byte of a letter is one token, and not the string that was written."""
    odd = SimpleNamespace(decode=lambda ids: "?" * len(ids))
    odd_context = SimpleNamespace(tokenizer=lambda model: _Odd(odd))
    assert not finding("single_token", {"models": ["model"]}, odd_context, tokens=[[" Yes"]]).holds


class _Odd:
    def __init__(self, inner: SimpleNamespace):
        self.decode = inner.decode

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [7]}
