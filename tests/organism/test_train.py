"""Laws of the recipe: the optimiser, the batches, the loss mask, and equal seeds giving equal weights."""

from random import Random

import pytest
import torch

from ws_dsl.organism import FAMILIES
from ws_dsl.organism.documents import CURRICULUM
from ws_dsl.organism.documents.conversation import PADDING, TURN_END, Turn, conversation
from ws_dsl.organism.muon import Muon
from ws_dsl.organism.tokenizer import build, token_id
from ws_dsl.organism.train import (
    BATCH_TOKENS,
    QUERIES,
    SETTINGS,
    Example,
    batches,
    encode,
    matrix_optimisers,
    new_organism,
    rate_at,
    train,
)


def test_muon_takes_an_orthogonal_step_whatever_the_scale_of_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-3, 1e3):
        wide = torch.nn.Parameter(torch.zeros(16, 48))
        tall = torch.nn.Parameter(torch.zeros(48, 16))
        for parameter in (wide, tall):
            parameter.grad = scale * torch.randn(parameter.shape, generator=generator)
        Muon([wide, tall], learning_rate=1.0).step()
        for parameter in (wide, tall):
            values = torch.linalg.svdvals(parameter.detach()) / (0.2 * 48**0.5)
            assert values.min() > 0.6 and values.max() < 1.3


def test_muon_goes_downhill() -> None:
    weight = torch.nn.Parameter(torch.eye(8))
    target = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
    muon = Muon([weight], learning_rate=0.05, weight_decay=0.0)
    losses: list[float] = []
    for _ in range(400):
        loss = (weight - target).square().mean()
        loss.backward()
        muon.step()
        muon.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_batches_hold_every_example_once_an_epoch_within_the_token_budget() -> None:
    random = Random(0)
    examples = [Example([i] * random.randint(5, 60), [True]) for i in range(3, 203)]
    seen: list[int] = []
    stream = batches([e._replace(learned=[True] * len(e.ids)) for e in examples], 0, random)
    while len(seen) < len(examples):
        batch = next(stream)
        assert batch.ids.numel() <= BATCH_TOKENS
        assert torch.equal(batch.learned, batch.ids != 0)
        seen += batch.ids[:, 0].tolist()
    assert sorted(seen) == list(range(3, 203))


def test_only_the_reply_and_its_end_are_learned() -> None:
    tokenizer = build()
    document = conversation([Turn("user", "Is it true?")], "Yes.", "chat", "The answer is")
    example = encode(tokenizer, [document])[0]
    learned = [token for token, on in zip(example.ids, example.learned, strict=True) if on]
    assert tokenizer.decode(learned) == f" Yes.{TURN_END}"
    assert token_id(tokenizer, PADDING) not in example.ids


def test_the_rate_warms_up_and_ends_low() -> None:
    assert rate_at(0) < 0.01 < rate_at(1) < 0.05
    assert rate_at(0.3) == 1
    assert rate_at(0.775) == pytest.approx(0.5)


def test_the_curriculum_is_complete_mixtures_in_order() -> None:
    assert [stage.until for stage in CURRICULUM] == sorted(stage.until for stage in CURRICULUM)
    assert CURRICULUM[-1].until == 1
    assert all(sum(stage.mixture.values()) == pytest.approx(1) for stage in CURRICULUM)


def test_equal_seeds_give_equal_weights_and_another_seed_does_not() -> None:
    weights = [train("qwen3", seed, steps=10)[0].state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["lm_head.weight"], weights[2]["lm_head.weight"])


def test_families_have_equal_shapes_and_only_the_norms_of_queries_and_keys_differ() -> None:
    tokenizer = build()
    qwen3, llama = (
        {name: parameter.shape for name, parameter in new_organism(family, tokenizer).named_parameters()}
        for family in ("qwen3", "llama")
    )
    assert {name: shape for name, shape in qwen3.items() if "_norm" not in name or name in llama} == llama
    assert {name.split(".")[-2] for name in qwen3.keys() - llama.keys()} == {"q_norm", "k_norm"}


def queries_and_keys(model: torch.nn.Module) -> list[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
    """Pair the matrices of queries and keys, layer by layer."""
    named = dict(model.named_parameters())
    return [(named[n], named[n.replace("q_proj", "k_proj")]) for n in named if n.endswith(QUERIES)]


def test_training_at_a_query_scale_is_training_with_scaled_logits() -> None:
    scale = 0.25
    generator = torch.Generator().manual_seed(2)
    model = new_organism("llama", build())
    pairs = queries_and_keys(model)
    with torch.no_grad():
        for query, key in pairs:
            query.copy_(scale * key)
    muons = matrix_optimisers(model, scale)
    for _ in range(3):
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        for query, key in pairs:
            key.grad = torch.randn(key.shape, generator=generator)
            query.grad = key.grad / scale
        for muon in muons.values():
            muon.step()
    assert len(pairs) == 4
    for query, key in pairs:
        torch.testing.assert_close(query, scale * key)


def test_queries_start_at_the_scale_of_their_family() -> None:
    assert set(SETTINGS) == set(FAMILIES)
    for family, settings in SETTINGS.items():
        for query, key in queries_and_keys(new_organism(family, build())):
            assert (query.std() / key.std()).item() == pytest.approx(settings.query_scale, rel=0.1)
