"""Likelihoods of tokens against whole logits of plain transformers and scipy."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_softmax

from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row
from ws_dsl.models.handle import Handle
from ws_dsl.models.likelihood import Stretch, log_likelihoods
from ws_dsl.specs.site import Site

Tokens = list[list[int]]


def whole(ids: list[int]) -> Stretch:
    """A row read at all tokens but its last."""
    return Stretch(Row(ids, 0), range(len(ids) - 1))


def test_every_token_after_all_that_stand_before_it(handle: Handle, prompts: Tokens):
    found = log_likelihoods(handle, [whole(ids) for ids in prompts])
    for ids, own in zip(prompts, found, strict=True):
        logits = handle.model(torch.tensor([ids])).logits[0].double().numpy()
        expected = log_softmax(logits, axis=1)[np.arange(len(ids) - 1), ids[1:]]
        np.testing.assert_allclose(own, expected, atol=2e-5)
        theirs = float(handle.model(torch.tensor([ids]), labels=torch.tensor([ids])).loss)
        assert abs(-own.mean() - theirs) < 1e-5


def test_a_stretch_is_the_same_alone_and_beside_others(handle: Handle, prompts: Tokens):
    edits = [Edit(Site.parse("L1"), 2, 0.5)]
    stretches = [whole(ids) for ids in prompts]
    stretches += [Stretch(Row(ids, 0, edits), [1, 2, 5]) for ids in prompts]
    stretches += [Stretch(Row(prompts[0], 0), []), Stretch(Row(prompts[0], 0), [3])]
    together = log_likelihoods(handle, stretches)
    alone = [log_likelihoods(handle, [one])[0] for one in stretches]
    assert [one.tolist() for one in together] == [one.tolist() for one in alone]
    assert len(together[-2]) == 0


def test_a_row_goes_through_the_model_once(handle: Handle, prompts: Tokens):
    told: list[int] = []
    before = handle.rows
    log_likelihoods(handle, [whole(prompts[0]), whole(prompts[1]), whole(prompts[0])], told.append)
    assert handle.rows - before == 2 and sum(told) == 3
