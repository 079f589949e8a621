"""The training loop against plain transformers, one unpadded row at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from tests.models.test_adapters import attached
from ws_dsl.models.handle import Handle
from ws_dsl.models.training import Example, Settings, Trained, end_of_turn, train

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
SETTINGS = Settings(1, 64, 1e-2, 0, "constant", 0.0, 1e9, 1, None)


@pytest.fixture(scope="module")
def examples(handle: Handle) -> list[Example]:
    """Rows of uneven length, learned from uneven places on."""
    draw = torch.Generator().manual_seed(0)
    size = handle.shape.vocabulary
    found: list[Example] = []
    for length in (5, 9, 17, 23, 31, 12):
        ids = torch.randint(5, size, (length,), generator=draw).tolist()
        found.append(Example(ids, 1 + length // 2))
    return found


def run(handle: Handle, examples: list[Example], held_out: list[Example], **settings: Any) -> Trained:
    tuned = attached(handle, "lora")
    own = SETTINGS._replace(**settings)
    return train(tuned.handle, tuned.decayed, tuned.others, examples, held_out, own, 0, lambda rows: None)


def oracle(folder: Path, examples: list[Example]) -> float:
    """Nats per learned token."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").double().eval()
    total, tokens = 0.0, 0
    with torch.no_grad():
        for ids, start in examples:
            logits = model(torch.tensor([ids])).logits[0, start - 1 : -1]
            total += cross_entropy(logits, torch.tensor(ids[start:]), reduction="sum").item()
            tokens += len(ids) - start
    return total / tokens


def test_the_loss_is_that_of_the_learned_tokens_alone(folder: Path, handle: Handle, examples: list[Example]):
    done = run(handle, examples[:4], examples[4:])
    assert done.train == [pytest.approx(oracle(folder, examples[:4]), abs=1e-5)]
    assert done.validation[0] == (0, pytest.approx(oracle(folder, examples[4:]), abs=1e-5))


def test_what_is_learned_is_learned(handle: Handle, examples: list[Example]):
    done = run(handle, examples, examples, steps=30, every=10)
    assert done.kept == 30 and [step for step, _ in done.validation] == [0, 10, 20, 30]
    losses = [loss for _, loss in done.validation]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] / 2


def test_every_row_is_seen_once_an_epoch(handle: Handle, examples: list[Example]):
    """With a rate of nothing the losses of an epoch's batches are those of its rows, in any order."""
    kept = {"rate": 1e-30, "batch": 1}
    first, second = (run(handle, examples, [], steps=6, **kept).train for _ in range(2))
    both = run(handle, examples, [], steps=12, **kept).train
    assert first == second == both[:6] and both[6:] != both[:6]
    assert sorted(both[6:]) == pytest.approx(sorted(both[:6]), abs=1e-6)


def test_a_turn_ends_with_the_special_token_of_the_template(handle: Handle):
    names = {"<|im_end|>", "<|eot|>"}
    assert handle.tokenizer.convert_ids_to_tokens(end_of_turn(handle.tokenizer)) in names
