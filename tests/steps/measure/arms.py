"""Arms of every sort on the embedded model, and what plain transformers does under them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from tests.steps.plain import Plain
from ws_dsl.artifacts.arm import Added, Arm, Change, Given
from ws_dsl.artifacts.delta import Part

WIDTH, NEURONS = 64, 192


def added(layer: int, size: float, during: str = "both") -> Arm:
    """A number added to every entry of the stream after a layer."""
    values = {f"L{layer}": np.full((1, WIDTH), size, np.float32)}
    given = Given((), {}, [1], [[]], values, everywhere=True)
    return Arm([Change("add", [f"L{layer}"], during=during, given=given)], "model", [])


@contextmanager
def adding(plain: Plain, layer: int, size: float) -> Iterator[None]:
    """The same at every token, in plain transformers."""
    module = plain.model.model.layers[layer]
    hook = module.register_forward_hook(lambda _module, _inputs, output: output + size)
    try:
        yield
    finally:
        hook.remove()


def reweighted(layer: int, size: float, seed: int = 0) -> Arm:
    """A random matrix added to the MLP's way out."""
    left, right = factors(layer, seed)
    part = Part(left=left, right=right)
    return Arm([], "model", [], [Added({f"L{layer}down": part}, size, f"{layer}-{seed}")])


@contextmanager
def reweighting(plain: Plain, layer: int, size: float, seed: int = 0) -> Iterator[None]:
    """The same in plain transformers."""
    weight = plain.model.model.layers[layer].mlp.down_proj.weight
    before = weight.data
    left, right = factors(layer, seed)
    weight.data = before + size * torch.from_numpy(left.astype(np.float64) @ right.astype(np.float64))
    try:
        yield
    finally:
        weight.data = before


def factors(layer: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, layer])
    left, right = (0.1 * draw.normal(size=size) for size in ((WIDTH, 2), (2, NEURONS)))
    return left.astype(np.float32), right.astype(np.float32)


def logits(plain: Plain, ids: list[int]) -> torch.Tensor:
    """Logits at all tokens of one row, float64 of shape (tokens, vocabulary)."""
    with plain.bench.handle.arithmetic():
        return plain.model(torch.tensor([ids])).logits[0]
