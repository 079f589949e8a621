"""Divergences against scipy on whole logits of plain transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from ws_dsl.models import readout
from ws_dsl.models.divergence import kl, states
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row
from ws_dsl.models.handle import Handle
from ws_dsl.models.likelihood import Stretch
from ws_dsl.models.readout import CHUNK
from ws_dsl.specs.site import Site

Tokens = list[list[int]]
LAYER = 1


def read(prompts: Tokens, change: float | None = None, tokens: slice = slice(None)) -> list[Stretch]:
    """Rows read at tokens, with a number added to the stream after a layer at all of them, or as they are."""
    found: list[Stretch] = []
    for ids in prompts:
        places = range(len(ids))
        site = Site(LAYER, "hook_resid_post", None)
        edits = [] if change is None else [Edit(site, place, change, "add") for place in places]
        found.append(Stretch(Row(ids, 0, edits), places[tokens]))
    return found


def softmax(handle: Handle, ids: list[int], change: float = 0.0) -> np.ndarray:
    """Distributions at all tokens by plain transformers, float64 of shape (tokens, vocabulary)."""
    layer = handle.model.model.layers[LAYER]
    hook = layer.register_forward_hook(lambda _module, _inputs, output: output + change)
    logits = handle.model(torch.tensor([ids])).logits[0]
    hook.remove()
    return logits.double().softmax(-1).numpy()


@pytest.mark.parametrize("change", [0.2, -0.4])
def test_against_scipy(handle: Handle, prompts: Tokens, change: float):
    found = kl(handle, read(prompts, change), states(handle, read(prompts)))
    for ids, own in zip(prompts, found, strict=True):
        expected = entropy(softmax(handle, ids, change), softmax(handle, ids), axis=1)
        np.testing.assert_allclose(own, expected, rtol=1e-3, atol=1e-5)
    assert max(own.max() for own in found) > 1e-2


def test_no_change_is_exactly_nothing_and_none_is_below(handle: Handle, prompts: Tokens):
    references = states(handle, read(prompts))
    assert all((own == 0).all() for own in kl(handle, read(prompts), references))
    assert all((own >= 0).all() for own in kl(handle, read(prompts, 1e-4), references))


def test_a_stretch_is_the_same_alone_and_beside_others(handle: Handle, prompts: Tokens):
    """Over several interventions, whose references are made once."""
    references = states(handle, read(prompts))
    changed = [*read(prompts, 0.2), *read(prompts, -0.1)]
    together = kl(handle, changed, references * 2)
    for one, ids, own in zip(changed, prompts * 2, together, strict=True):
        (alone,) = kl(handle, [one], states(handle, read([ids])))
        assert alone.tolist() == own.tolist()


def test_distributions_are_there_a_chunk_at_a_time(
    handle: Handle, prompts: Tokens, monkeypatch: pytest.MonkeyPatch
):
    """However many tokens there are; and sums are of one shape, so that no bit depends on the rows beside."""
    sizes: list[int] = []
    unembedding = handle.unembedding

    def told(states: torch.Tensor) -> torch.Tensor:
        sizes.append(len(states))
        return unembedding(states)

    references = states(handle, read(prompts))
    monkeypatch.setattr(handle, "unembedding", told)
    kl(handle, read(prompts, 0.1), references)
    assert set(sizes) == {CHUNK} and CHUNK * len(sizes) / 2 < 2 * sum(map(len, references))


def test_what_torch_is_set_to_is_left_as_it_was(handle: Handle) -> None:
    """Two readings side by side end in another order than they began."""
    states = np.zeros((40, handle.shape.width), np.float32)
    before = torch.get_num_threads()
    pairs = zip(readout.distributions(handle, states), readout.distributions(handle, states), strict=True)
    for (chunk, _), (other, _) in pairs:
        assert chunk == other and torch.is_grad_enabled()
    assert torch.is_grad_enabled() and torch.get_num_threads() == before
