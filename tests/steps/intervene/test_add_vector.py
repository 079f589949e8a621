"""Steering, against plain transformers with hooks of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.steps.extract.places import sides
from tests.steps.organism import PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError


def streamed(plain: Plain, ids: list[int], layers: list[int], change: Callable[[Tensor], Tensor]) -> float:
    """Log-odds of the answers with the stream after some layers changed at every token."""

    def after(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        return change(output)

    hooks = [plain.model.model.layers[layer].register_forward_hook(after) for layer in layers]
    logits = plain.logits(ids)
    for hook in hooks:
        hook.remove()
    return float(logits[plain.token(" Yes")] - logits[plain.token(" No")])


@pytest.fixture(scope="module")
def vector(bench: Bench) -> Vectors:
    plus, minus = sides(bench, 1)
    return bench("mean_diff", {"plus": plus, "minus": minus})


@pytest.mark.parametrize("coeff", [-0.7, 0.4])
@pytest.mark.parametrize("unit", ["mean_norm", "raw"])
def test_it_is_added_at_every_token(bench: Bench, plain: Plain, vector: Vectors, coeff: float, unit: str):
    prompts = bench.prompts(PRESSURE)
    arm = bench("add_vector", {"vector": vector}, coeff=coeff, unit=unit, during="both")
    added = coeff * vector.values[0].astype(np.float64)
    if unit == "mean_norm":
        added *= vector.mean_norm / vector.norms()[0]
    found = bench.scores(prompts, arm).columns["value"]
    expected = [streamed(plain, ids, [1], lambda h: h + torch.from_numpy(added)) for ids in prompts.tokens]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.abs(np.subtract(found, bench.scores(prompts).columns["value"])).max() > 1e-2


def test_it_is_what_a_hook_of_transformer_lens_adds(bench: Bench, vector: Vectors):
    from transformer_lens.model_bridge import TransformerBridge

    bridge: Any = TransformerBridge.boot_transformers(str(bench.folder), device="cpu", dtype=torch.float32)
    prompts = bench.prompts(PRESSURE)
    arm = bench("add_vector", {"vector": vector}, coeff=0.6, during="both")
    added = torch.from_numpy((0.6 * vector.mean_norm * vector.units()[0]).astype(np.float32))

    def steered(ids: list[int]) -> float:
        hooks = [("blocks.1.hook_out", lambda stream, hook: stream + added)]
        with bench.handle.arithmetic():
            logits = bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0, -1]
        yes, no = (bench.handle.tokenizer(text)["input_ids"][-1] for text in (" Yes", " No"))
        return float(logits[yes] - logits[no])

    found = bench.scores(prompts, arm).columns["value"]
    np.testing.assert_allclose(found, [steered(ids) for ids in prompts.tokens], atol=1e-4)


def test_vectors_add_up(bench: Bench, vector: Vectors):
    """Several at once at one place are their sum."""
    prompts = bench.prompts(PRESSURE)
    arms = [bench("add_vector", {"vector": vector}, coeff=coeff, during="both") for coeff in (0.3, 0.2)]
    whole = bench("add_vector", {"vector": vector}, coeff=0.5, during="both")
    found, expected = (
        bench.scores(prompts, arm).columns["value"] for arm in (bench("combine", {"of": arms}), whole)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_coefficients_made_together_are_those_made_alone(bench: Bench, vector: Vectors):
    prompts = bench.prompts(PRESSURE)
    arms = [bench("add_vector", {"vector": vector}, coeff=coeff, during="both") for coeff in (-1, 0.5, 2)]
    together = bench.cells("final_states", [({"prompts": prompts, "arm": arm}, {}) for arm in arms])
    for arm, made in zip(arms, together, strict=True):
        alone = bench("final_states", {"prompts": prompts, "arm": arm})
        assert (
            alone.to_artifact().files["states.safetensors"] == made.to_artifact().files["states.safetensors"]
        )


def test_what_cannot_be_added(bench: Bench, vector: Vectors):
    narrow = replace(vector, values=vector.values[:, :8])
    with pytest.raises(MeasurementError, match="width 8 is put at L1, which has 64"):
        bench("add_vector", {"vector": narrow}, during="both")
    with pytest.raises(MeasurementError, match="no direction"):
        bench("add_vector", {"vector": replace(vector, values=0 * vector.values)}, during="both")
    with pytest.raises(MeasurementError, match="1e\\+39 makes numbers that float32 does not hold"):
        bench("add_vector", {"vector": vector}, during="both", coeff=1e39)
    several = replace(vector, values=np.repeat(vector.values, 2, 0), labels=["1", "2"])
    with pytest.raises(MeasurementError, match="2 vectors, where one is needed"):
        bench("add_vector", {"vector": several}, during="both")
    with pytest.raises(ValueError, match="nothing is shared"):
        bench("add_vector", {"vector": vector}, at="shared_suffix")
