"""Readout against scipy on the logits of a plain forward pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp

from tests.models.conftest import last
from ws_dsl.models.forward import final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.readout import log_probabilities, score, top


@pytest.fixture(scope="module")
def states(handle: Handle, prompts: list[list[int]]) -> np.ndarray:
    return final_states(handle, [last(ids) for ids in prompts])


@pytest.fixture(scope="module")
def plain(handle: Handle, prompts: list[list[int]]) -> np.ndarray:
    return torch.stack([handle.model(torch.tensor([ids])).logits[0, -1] for ids in prompts]).double().numpy()


def test_score_of_two_tokens_is_their_logit_difference(handle: Handle, states: np.ndarray, plain: np.ndarray):
    found = score(handle, states, [7], [9])
    assert np.allclose(found.score, plain[:, 7] - plain[:, 9], atol=1e-5)
    assert np.allclose(found.pmass, np.exp(log_softmax(plain, axis=1))[:, [7, 9]].sum(1), atol=1e-6)


def test_sides_are_log_sum_exp(handle: Handle, states: np.ndarray, plain: np.ndarray):
    found = score(handle, states, [7, 8, 11], [9, 12])
    assert np.allclose(
        found.score, logsumexp(plain[:, [7, 8, 11]], 1) - logsumexp(plain[:, [9, 12]], 1), atol=1e-5
    )
    assert np.allclose(np.exp(found.plus) + np.exp(found.minus), found.pmass, rtol=1e-12)
    assert np.allclose(score(handle, states, [9, 12], [7, 8, 11]).score, -found.score)


def test_the_whole_vocabulary_has_all_the_mass(handle: Handle, states: np.ndarray):
    logs = log_probabilities(handle, states, range(handle.shape.vocabulary))
    assert np.allclose(np.exp(logs).sum(1), 1, rtol=1e-12)


def test_top(handle: Handle, states: np.ndarray, plain: np.ndarray):
    found = top(handle, states, 5)
    assert found.ids.tolist() == np.argsort(-plain, axis=1)[:, :5].tolist()
    assert np.allclose(
        found.log_probabilities, np.take_along_axis(log_softmax(plain, axis=1), found.ids, 1), atol=1e-5
    )
