from __future__ import annotations

import numpy as np
import pytest

from tests.steps.measure.test_logit_diff import logits
from tests.steps.organism import PRESSURE, Bench
from tests.steps.plain import Plain


def test_the_likeliest_tokens_of_plain_transformers(bench: Bench, plain: Plain):
    prompts = bench.prompts(PRESSURE)
    table = bench.scores(prompts, kind="next_token", top=3)
    best = logits(plain, prompts).softmax(-1).topk(3)
    words = [bench.handle.tokenizer.decode([ids[0]]) for ids in best.indices.tolist()]
    assert [token.strip() for token in table.columns["token"]] == [word.strip() for word in words]
    np.testing.assert_allclose(table.columns["value"], best.values[:, 0], atol=1e-6)
    assert all(row.count("  '") == 2 for row in table.columns["tokens"])


@pytest.mark.parametrize("top", [1, 5])
def test_how_many_are_listed(bench: Bench, top: int):
    table = bench.scores(bench.prompts(PRESSURE, ["2 + 3 = 5"]), kind="next_token", top=top)
    assert len(table.columns["tokens"][0].split("  ")) == top


def test_it_answers_with_the_tokens_that_are_scored(bench: Bench):
    table = bench.scores(bench.prompts(PRESSURE), kind="next_token")
    assert set(table.columns["token"]) <= {" Yes", " No"}
