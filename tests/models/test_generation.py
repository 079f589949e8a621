"""Replies against transformers and TransformerLens, one row at a time and from scratch for every token."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.conftest import agree
from tests.models.test_parity import hook_of
from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models import generation
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, capture
from ws_dsl.models.generation import generate
from ws_dsl.models.handle import Handle
from ws_dsl.models.readout import logits
from ws_dsl.models.replies import (
    Reply,
    Request,
    Throughout,
    continuation,
    edits_between,
    end_tokens,
)
from ws_dsl.models.sampling import choose, uniform
from ws_dsl.specs.position import During
from ws_dsl.specs.site import FINAL, Site

Tokens = list[list[int]]


@pytest.fixture(scope="module")
def uneven(handle: Handle, prompts: Tokens) -> Tokens:
    """Prompts of one token up to several buckets, shorter and longer than a window."""
    draw = np.random.default_rng(3)
    return [
        prompts[0],
        *(draw.integers(3, handle.shape.vocabulary, size).tolist() for size in (1, 7, 8, 40)),
    ]


def traced(
    handle: Handle, requests: Sequence[Request], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Reply], dict[Any, np.ndarray]]:
    """Replies, and the logits that every token was chosen by, by stream and place."""
    kept: dict[Any, np.ndarray] = {}
    original = generation._Flight.choose

    def record(flight: Any) -> list[int]:
        for row in flight.live():
            stream = flight.streams[row]
            kept[stream.request.stream, len(stream.ids)] = flight.batch.logits[row].numpy().copy()
        return original(flight)

    with monkeypatch.context() as patch:
        patch.setattr(generation._Flight, "choose", record)
        return generate(handle, requests), kept


def alone(handle: Handle, ids: list[int], tokens: int) -> list[int]:
    """The greedy reply by transformers, without padding and without the end token."""
    with handle.arithmetic():
        whole = handle.model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=tokens,
            do_sample=False,
        )
    reply = whole[0, len(ids) :].tolist()
    ends = [place for place, token in enumerate(reply) if token in end_tokens(handle)]
    return reply[: ends[0]] if ends else reply


def test_greedy_is_that_of_transformers(handle: Handle, uneven: Tokens):
    ours = generate(handle, [Request(ids, 16) for ids in uneven])
    assert [reply.ids for reply in ours] == [alone(handle, ids, 16) for ids in uneven]
    assert len({tuple(reply.ids) for reply in ours}) == len(uneven)


def test_an_end_token_ends_a_reply_and_is_no_part_of_it(
    handle: Handle, uneven: Tokens, monkeypatch: pytest.MonkeyPatch
):
    free = generate(handle, [Request(ids, 12) for ids in uneven])
    end = max((reply.ids for reply in free), key=len)[5]
    monkeypatch.setattr(handle.model.generation_config, "eos_token_id", [end, end + 1])
    for reply, whole, ids in zip(
        generate(handle, [Request(ids, 12) for ids in uneven]), free, uneven, strict=True
    ):
        assert reply.ids == alone(handle, ids, 12)
        assert reply.finish == ("length" if len(reply.ids) == 12 else "stop")
        assert reply.ids == whole.ids[: len(reply.ids)]


def test_the_end_tokens_are_the_configured_ones_and_the_templates(
    handle: Handle, monkeypatch: pytest.MonkeyPatch
):
    turn = handle.tokenizer.eos_token_id
    assert end_tokens(handle) == {turn}
    other = copy.deepcopy(handle.tokenizer)
    other.eos_token = next(token for token in other.all_special_tokens if token != other.eos_token)
    monkeypatch.setattr(handle.model.generation_config, "eos_token_id", [7, 9])
    # What the template writes after the assistant's words is still an end.
    assert end_tokens(replace(handle, tokenizer=other)) == {7, 9, turn, other.eos_token_id}


DURING: tuple[During, ...] = ("prompt", "generated", "both")


def steered(handle: Handle, uneven: Tokens) -> list[Request]:
    """Requests with edits at single tokens, before and in the reply, and at all tokens of a kind."""
    draw = np.random.default_rng(5)

    def values(address: str) -> np.ndarray:
        return draw.normal(size=Site.parse(address).width(handle.shape)).astype(np.float32)

    found: list[Request] = []
    for place, ids in enumerate(uneven):
        during = DURING[place % 3]
        last = len(ids) - 1
        edits = [
            Edit(Site.parse("L1H2"), last, values("L1H2")),
            Edit(Site.parse("L2N41"), last + 2, 3.0),
            Edit(Site.parse("L0V1"), last, 0.5, "scale"),
        ]
        throughout = [
            Throughout(Site.parse("L1"), values("L1"), "add", during),
            Throughout(Site.parse("L2K0"), 1.2, "scale", during),
            Throughout(Site.parse("L3R1"), values("L3R1"), "set", "generated"),
            Throughout(Site.parse("L2mid"), 0.3, "add", during),
        ]
        found.append(Request(ids, 8, edits, throughout if place else (), stream=(place,)))
    return found


def test_edits_under_the_cache_are_those_of_whole_passes(
    handle: Handle, bridge: Any, uneven: Tokens, monkeypatch: pytest.MonkeyPatch
):
    """Prompt and reply run anew from the first token, by TransformerLens and by our own uncached pass."""
    requests = steered(handle, uneven)
    replies, seen = traced(handle, requests, monkeypatch)
    free = generate(handle, [Request(ids, 8) for ids in uneven])
    assert sum(one.ids != other.ids for one, other in zip(replies, free, strict=True)) >= 3
    for request, reply in zip(requests, replies, strict=True):
        whole = [*request.ids, *reply.ids]
        places = [place for stream, place in seen if stream == request.stream]
        reads = [len(request.ids) - 1 + place for place in places]
        ours = np.stack([seen[request.stream, place] for place in places])
        edits = edits_between(request, 0, len(whole))
        hooks = [(edit.site.hook, hook_of(edit)) for edit in edits]
        with torch.no_grad():
            theirs = bridge.run_with_hooks(torch.tensor([whole]), fwd_hooks=hooks)[0, reads].numpy()
        agree(ours, theirs)
        rows = [Row(whole, read, edits) for read in reads]
        agree(ours, logits(handle, capture(handle, rows, [FINAL])[FINAL]))


@pytest.mark.parametrize("during", DURING)
def test_what_an_edit_of_a_kind_of_tokens_reaches(
    handle: Handle, prompts: Tokens, monkeypatch: pytest.MonkeyPatch, during: During
):
    """The first token is decided within the prompt; only edits there can move it."""
    strong = [Throughout(Site.parse("L1"), 4.0, "add", during)]
    edited = Request(prompts[0], 4, throughout=strong, stream=("edited",))
    _, seen = traced(handle, [Request(prompts[0], 4, stream=("free",)), edited], monkeypatch)
    moved = [np.abs(seen[("edited",), place] - seen[("free",), place]).max() > 1e-3 for place in (0, 1)]
    assert moved == [during != "generated", True]


def test_a_reply_does_not_depend_on_its_company(
    handle: Handle, uneven: Tokens, monkeypatch: pytest.MonkeyPatch
):
    """To the last bit of the logits, alone, in any order, greedy and sampled, edited and not."""
    draw = np.random.default_rng(0)
    requests = [
        request._replace(stream=(place, "edited"), temperature=place % 2 * 1.5)
        for place, request in enumerate(steered(handle, uneven))
    ]
    requests += [
        Request(ids, int(draw.integers(1, 12)), temperature=1.5, stream=(place, seed))
        for place, ids in enumerate(uneven)
        for seed in range(3)
    ]
    together, seen = traced(handle, requests, monkeypatch)
    order = draw.permutation(len(requests)).tolist()
    shuffled, again = traced(handle, [requests[place] for place in order], monkeypatch)
    assert shuffled == [together[place] for place in order]
    assert all(again[token].tobytes() == values.tobytes() for token, values in seen.items())
    for place in range(0, len(requests), 5):
        (reply,), own = traced(handle, [requests[place]], monkeypatch)
        assert reply == together[place]
        assert all(values.tobytes() == seen[token].tobytes() for token, values in own.items())


def test_rows_that_are_done_change_no_others(handle: Handle, monkeypatch: pytest.MonkeyPatch):
    """More prompts of one length than a batch holds: batches close up again and again."""
    draw = np.random.default_rng(1)
    ids = draw.integers(3, handle.shape.vocabulary, (70, 9)).tolist()
    limits = draw.integers(1, 10, 70).tolist()
    many, seen = traced(
        handle,
        [
            Request(own, limit, stream=(place,))
            for place, (own, limit) in enumerate(zip(ids, limits, strict=True))
        ],
        monkeypatch,
    )
    before = handle.passes
    longer, whole = traced(
        handle, [Request(own, 10, stream=(place,)) for place, own in enumerate(ids)], monkeypatch
    )
    assert handle.passes - before == 3 * 10
    assert [reply.ids for reply in many] == [
        reply.ids[:limit] for reply, limit in zip(longer, limits, strict=True)
    ]
    assert all(values.tobytes() == whole[token].tobytes() for token, values in seen.items())


def test_batches_close_up(handle: Handle):
    ids = np.random.default_rng(2).integers(3, handle.shape.vocabulary, (64, 5)).tolist()
    before = handle.passes
    generate(handle, [Request(own, 1 + 8 * (place % 2)) for place, own in enumerate(ids)])
    # Two batches over the prompts, then the odd half of both in one.
    assert handle.passes - before == 2 + 8


def test_requests_of_one_prompt_share_the_pass_over_it(handle: Handle, prompts: Tokens):
    before = handle.passes
    edits = [Edit(Site.parse("L1"), 2, 1.0, "add")]
    draws = [Request(prompts[0], 1, edits, temperature=1.0, stream=(seed,)) for seed in range(100)]
    assert len({reply.ids[0] for reply in generate(handle, draws) if reply.ids}) > 5
    assert handle.passes - before == 1


def test_first_tokens_are_drawn_from_the_exact_distribution(handle: Handle, prompts: Tokens):
    from scipy.stats import chisquare

    draws, temperature = 2000, 0.7
    requests = [Request(prompts[1], 1, temperature=temperature, stream=(7, row)) for row in range(draws)]
    (end,) = end_tokens(handle)
    drawn = [reply.ids[0] if reply.ids else end for reply in generate(handle, requests)]
    with torch.no_grad():
        last = handle.model(torch.tensor([prompts[1]])).logits[0, -1].double()
    expected = draws * (last / temperature).softmax(-1).numpy()
    counts = np.bincount(drawn, minlength=len(expected))
    often = expected >= 5
    found = chisquare([*counts[often], counts[~often].sum()], [*expected[often], expected[~often].sum()])
    assert found.pvalue > 1e-3 and often.sum() > 5


def test_every_token_is_drawn_with_a_number_of_its_own(
    handle: Handle, uneven: Tokens, monkeypatch: pytest.MonkeyPatch
):
    requests = [Request(ids, 6, temperature=0.8, stream=(1, row)) for row, ids in enumerate(uneven)]
    replies, seen = traced(handle, requests, monkeypatch)
    for request, reply in zip(requests, replies, strict=True):
        for place, token in enumerate(reply.ids):
            values = seen[request.stream, place].astype(np.float64) / 0.8
            below = np.cumsum(np.exp(values - values.max()))
            assert token == np.searchsorted(below / below[-1], uniform(request.stream, place), "right")


def test_seeds(handle: Handle, uneven: Tokens):
    def drawn(seed: int) -> list[Reply]:
        return generate(
            handle,
            [Request(ids, 8, temperature=1.0, stream=(seed, row)) for row, ids in enumerate(uneven)],
        )

    assert drawn(0) == drawn(0)
    assert sum(one.ids != other.ids for one, other in zip(drawn(0), drawn(1), strict=True)) >= 4


def test_numbers_are_uniform_and_do_not_follow_from_one_another():
    from scipy.stats import kstest, pearsonr

    numbers = np.array([[uniform((seed, "row"), place) for place in range(40)] for seed in range(100)])
    assert kstest(numbers.ravel(), "uniform").pvalue > 0.01
    assert pearsonr(numbers[:, :-1].ravel(), numbers[:, 1:].ravel()).pvalue > 0.01
    assert pearsonr(numbers[:-1].ravel(), numbers[1:].ravel()).pvalue > 0.01


def test_the_inverse_distribution_function():
    values = torch.log(torch.tensor([[0.25, 0.0, 0.5, 0.25]])).repeat(8, 1)
    numbers = [0.0, 0.2499, 0.2501, 0.5, 0.7499, 0.7501, 1 - 2**-48, 0.9]
    assert choose(values, [1.0] * 8, numbers) == [0, 0, 2, 2, 2, 3, 3, 3]
    assert choose(values, [1e-300] * 8, numbers) == choose(values, [0.0] * 8, numbers) == [2] * 8


def test_stop_strings_cut_to_the_letter(handle: Handle, uneven: Tokens):
    """Within a token, across tokens, and at the very beginning."""
    tokenizer = handle.tokenizer
    for ids in uneven[::2]:
        (free,) = generate(handle, [Request(ids, 12)])
        for start, stop in ((0, 2), (3, 5), (4, 9), (7, 8)):
            string = free.text[start:stop]
            (reply,) = generate(handle, [Request(ids, 12, stop=("never said", string))])
            assert reply.text == free.text[: free.text.find(string)]
            assert reply.finish == "stop"
            assert reply.ids == free.ids[: len(reply.ids)]
            assert continuation(tokenizer, ids[-1], reply.ids).startswith(reply.text)
            if reply.ids:
                assert not continuation(tokenizer, ids[-1], reply.ids[:-1]).startswith(reply.text)


def test_the_first_of_several_stop_strings_ends_it(handle: Handle, prompts: Tokens):
    (free,) = generate(handle, [Request(prompts[0], 12)])
    stops = tuple(free.text[start : start + 3] for start in (6, 4, 9))
    (reply,) = generate(handle, [Request(prompts[0], 12, stop=stops)])
    assert reply.text == free.text[: min(free.text.find(string) for string in stops)]


def test_what_cannot_be_meant(handle: Handle, prompts: Tokens):
    with pytest.raises(MeasurementError, match="without tokens"):
        generate(handle, [Request([], 4)])
    with pytest.raises(ModelError, match=f"context is {handle.shape.context}"):
        generate(handle, [Request(prompts[0], 250)])
    with pytest.raises(MeasurementError, match="outside"):
        generate(handle, [Request([5, 6], 4, [Edit(Site.parse("L1"), 6)])])
    both = Request([5, 6], 4, [Edit(Site.parse("L1"), 1)], [Throughout(Site.parse("L1"))])
    with pytest.raises(MeasurementError, match="two edits of L1 at token 1"):
        generate(handle, [both])
    with pytest.raises(ModelError, match="outside the model"):
        generate(handle, [Request([5, 6], 4, throughout=[Throughout(Site.parse("L9"), during="generated")])])


def test_no_hook_outlives_its_pass(handle: Handle, uneven: Tokens):
    generate(handle, steered(handle, uneven)[:2])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in handle.model.modules())
