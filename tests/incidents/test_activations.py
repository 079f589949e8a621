"""What reads, moves or keeps activations wrongly without a word, and how that shows here.

Silent faults of the tools in this field, most of them met before this project began; each test is named after
one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints import tokenizer
from tests.steps.extract.places import hidden, residual, unit
from tests.steps.organism import NEUTRAL, Bench
from tests.steps.plain import Plain
from tests.steps.train.replies import FAMILIES, replies
from ws_dsl.artifacts.vector_files import write_gguf
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import ModelError, WsDslError
from ws_dsl.models.chat import Message, render_chat, render_text
from ws_dsl.models.handle import Handle


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def direction(width: int) -> Vectors:
    """A random vector of norm 1."""
    values = unit(width)[None].astype("float32")
    return Vectors(values, "L1", "last", "random", 1.0, "model", [""], [])


def test_the_last_token_was_padding(bench: Bench):
    """Rows of unequal length were padded on the right, and the last column read: a pad."""
    prompts = bench.prompts(NEUTRAL, ["3 is more than 2", "the sum of 10 and 12 is 22", "2 + 2 = 4"])
    found = residual(bench, prompts, 2).tensors["L2"]
    lengths = [len(ids) for ids in prompts.tokens]
    assert len(set(lengths)) > 1
    np.testing.assert_allclose(found, [hidden(bench, ids)[3, -1] for ids in prompts.tokens], atol=1e-5)
    short = prompts.tokens[int(np.argmin(lengths))]
    pad = bench.handle.tokenizer.pad_token_id or 0
    padded = hidden(bench, [*short, *[pad] * (max(lengths) - min(lengths))])[3, -1]
    assert np.abs(found[int(np.argmin(lengths))] - padded).max() > 0.1


def test_bos_was_there_twice():
    """The template wrote it, and the tokenizer put another before it."""
    words: Any = tokenizer("llama")
    said = render_chat(words, [Message("user", "Is iron heavy?")])
    raw = words.apply_chat_template([{"role": "user", "content": "Is iron heavy?"}], tokenize=False)
    assert words(raw)["input_ids"].count(words.bos_token_id) == 2
    assert said.ids.count(words.bos_token_id) == render_text(words, "Iron").ids.count(words.bos_token_id) == 1
    with pytest.raises(ModelError, match="twice"):
        render_text(words, 2 * words.bos_token + "Iron")


def test_a_position_meant_another_token_while_generating(bench: Bench):
    """With keys and values kept, the last token is the only one: an edit of the prompt went on in replies."""
    prompts = bench.prompts("User: Is it true that {}?\nAssistant:", ["4 plus 2 is 9", "0 + 5 = 8"])
    made = direction(64)
    plain = Plain(bench)
    added = torch.from_numpy(200 * made.units()[0])
    wrong: list[bool] = []
    for during in ("prompt", "generated"):
        arm = bench("add_vector", {"vector": made}, coeff=200.0, unit="raw", during=during)
        found = bench("generate", {"prompts": prompts, "arm": arm}, max_tokens=4, temperature=0, seed=0)
        for ids, all_ids in zip(prompts.tokens, found.tokens, strict=True):
            expected = [_greedy(plain, ids, added, side) for side in ("prompt", "generated")]
            new = all_ids[len(ids) : len(ids) + 4]
            assert new == expected[during == "generated"][: len(new)]
            wrong.append(new == expected[during == "prompt"][: len(new)])
    assert not all(wrong), "the two are not the same"


def _greedy(plain: Plain, ids: list[int], added: torch.Tensor, side: str) -> list[int]:
    """Four tokens, without anything kept: all are read again each time."""
    said: list[int] = []

    def after(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        here = torch.zeros(output.shape[1], 1, dtype=output.dtype)
        here[slice(0, len(ids)) if side == "prompt" else slice(len(ids), None)] = 1
        return output + here * added

    hook = plain.model.model.layers[1].register_forward_hook(after)
    for _ in range(4):
        said.append(int(plain.logits([*ids, *said]).argmax()))
    hook.remove()
    return said


def test_an_edit_was_left_behind(bench: Bench):
    """An edited weight stayed in the model, and the next baseline was another."""
    handle: Handle = bench.handle
    prompts = bench.prompts(NEUTRAL)
    before = {name: one.clone() for name, one in handle.model.state_dict().items()}
    base = bench.scores(prompts).columns["value"]
    vector = direction(64)
    adapter = bench(
        "train_adapter",
        {"data": replies(bench, count=4)},
        family={**FAMILIES["lora"], "lr": 0.05},
        steps=2,
        seed=0,
    )
    arms = [
        bench("add_vector", {"vector": vector}, coeff=5.0, unit="raw", during="both"),
        bench("project_out", {"vector": vector}, during="both"),
        bench("add_adapter", {"adapter": replace(adapter, model="model")}),
    ]
    for arm in arms:
        assert bench.scores(prompts, arm).columns["value"] != base
        assert bench.scores(prompts).columns["value"] == base
    assert all(torch.equal(one, before[name]) for name, one in handle.model.state_dict().items())


def test_a_control_vector_of_layer_zero(tmp_path: Path):
    """llama.cpp refuses it when it loads the file; here nothing is written."""
    pytest.importorskip("gguf")
    one = direction(8)
    with pytest.raises(WsDslError, match="layer 0"):
        write_gguf(tmp_path / "zero.gguf", [replace(one, site="L0")], "qwen3")
    assert not (tmp_path / "zero.gguf").exists()
    write_gguf(tmp_path / "one.gguf", [one], "qwen3")
