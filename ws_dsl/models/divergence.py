"""How far an intervention moves what a model says next: Kullback–Leibler divergences, token by token.

KL(changed‖reference) = Σ p ln(p / q) over the whole vocabulary, in nats, with p under the intervention and q
without it, both in float64 from the model's own logits. Only the references' states are held; distributions
are there for a fixed number of tokens at once, whatever the number of rows.

It is a divergence of next-token distributions, not of sequences: the tokens before are the same on both
sides. Nor is it symmetric.

Reference: Kullback & Leibler, On Information and Sufficiency, 1951.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ws_dsl.models.handle import Handle
from ws_dsl.models.likelihood import Stretch, batches_of
from ws_dsl.models.readout import CHUNK, distributions


def states(
    handle: Handle, stretches: Sequence[Stretch], advance: Callable[[int], None] | None = None
) -> list[np.ndarray]:
    """Final-norm states at every token of every stretch, float32 of shape (tokens, width) each.

    They are what `kl` compares with; made once, they serve for any number of interventions on the same rows.
    """
    found = [np.empty((len(one.positions), handle.shape.width), np.float32) for one in stretches]
    for said in batches_of(handle, stretches, advance):
        for (one, at), values in zip(said.places, said.states, strict=True):
            found[one][at] = values
    return found


def kl(
    handle: Handle,
    changed: Sequence[Stretch],
    references: Sequence[np.ndarray],
    advance: Callable[[int], None] | None = None,
) -> list[np.ndarray]:
    """KL(changed‖reference) at every token of every stretch.

    A stretch's values depend on it and its reference alone, to the last bit on a CPU in float32. Where the
    states are equal they are 0 exactly.

    Args:
        handle: The model.
        changed: Rows under interventions, of as many kinds as wanted.
        references: For each, the states without (`states`), float32 of shape (tokens, width).
        advance: Told how many stretches each batch held.

    Returns:
        float64 of shape (tokens,) for every stretch, in nats, 0 or more.
    """
    found = [np.empty(len(stretch.positions)) for stretch in changed]
    for said in batches_of(handle, changed, advance):
        before = np.stack([references[one][at] for one, at in said.places])
        for (one, at), value in zip(said.places, _kl(handle, said.states, before), strict=True):
            found[one][at] = value
    return found


def _kl(handle: Handle, after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Divergences of pairs of states, float64 of shape (pairs,)."""
    found = np.empty(len(after))
    # Sums over the vocabulary are of one shape always: how they are added up may depend on the rows beside.
    pairs = (distributions(handle, _filled(states)) for states in (after, before))
    for (chunk, p), (_, q) in zip(*pairs, strict=True):
        own = found[chunk]
        with handle.arithmetic():
            # Rounding may leave less than nothing.
            own[:] = (p.exp() * (p - q)).sum(-1).clamp(min=0)[: len(own)].cpu().numpy()
    return found


def _filled(states: np.ndarray) -> np.ndarray:
    return np.concatenate([states, np.zeros((-len(states) % CHUNK, states.shape[1]), np.float32)])
