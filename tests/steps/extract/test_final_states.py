"""States after the final norm, against plain transformers; arms made together and alone."""

from __future__ import annotations

import numpy as np
import torch

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.states import States
from ws_dsl.specs.site import FINAL


def test_the_state_at_the_last_token_of_plain_transformers(bench: Bench, plain: Plain):
    prompts = bench.prompts(PRESSURE)
    states: States = bench("final_states", {"prompts": prompts})
    with bench.handle.arithmetic():
        theirs = [plain.model.model(torch.tensor([ids])).last_hidden_state[0, -1] for ids in prompts.tokens]
    np.testing.assert_allclose(states.tensors[FINAL], torch.stack(theirs), atol=1e-4, rtol=1e-5)
    assert states.ids() == prompts.ids() and states.tensors[FINAL].dtype == np.float32


def test_arms_made_together_are_those_made_alone(bench: Bench):
    """They share the pass without an edit; their bytes do not show it."""
    prompts, source = bench.prompts(PRESSURE), bench.prompts(NEUTRAL)
    sites = [["L3N17"], ["L0N3", "L2H1"], ["L2"]]
    arms = bench.cells("clamp", [({"source": source}, {"sites": own, "at": "last"}) for own in sites])
    inputs = [{"prompts": prompts}, *({"prompts": prompts, "arm": arm} for arm in arms)]
    together = bench.cells("final_states", [(own, {}) for own in inputs])
    backwards = bench.cells("final_states", [(own, {}) for own in reversed(inputs)])
    for own, first, second in zip(inputs, together, reversed(backwards), strict=True):
        alone = bench("final_states", own)
        for other in (first, second):
            assert np.array_equal(alone.tensors[FINAL], other.tensors[FINAL])
    assert len({states.tensors[FINAL].tobytes() for states in together}) == len(inputs)
