"""Gradients of a score at hooks: what a small change of an activation would do to the answer.

A zero that requires a gradient is added to each hooked activation at the row's position; the gradient of the score
with respect to it is the gradient with respect to the activation there, all later routes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ws_dsl.models.batches import batches
from ws_dsl.models.forward import Row
from ws_dsl.models.handle import Handle


def gradients(
    handle: Handle,
    rows: Sequence[Row],
    hooks: Sequence[str],
    plus: Sequence[int],
    minus: Sequence[int],
    advance: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Gradient of the log-odds of two token sets with respect to activations at every row's position.

    The score is read at the same position. Rows run in the batches of `ws_dsl.models.batches`, so that a row's
    gradient does not depend on its neighbours.

    Args:
        handle: The model.
        rows: What to run; edits are not applied.
        hooks: Names of inputs of projections, such as `blocks.3.attn.hook_z` and `blocks.3.mlp.hook_post`.
        plus: Ids of the tokens of the plus side.
        minus: Ids of the tokens of the minus side.
        advance: Told how many rows each batch held.

    Returns:
        float32 of shape (rows, width of the hook) by hook, in nats per unit of activation.
    """
    places = {hook: handle.place(hook) for hook in hooks}
    kept = {hook: np.empty((len(rows), place.width), np.float32) for hook, place in places.items()}
    for batch in batches([len(row.ids) for row in rows]):
        ids = torch.zeros((batch.rows, batch.length), dtype=torch.long)
        for place, index in enumerate(batch.indices):
            ids[place, : len(rows[index].ids)] = torch.tensor(rows[index].ids)
        positions = [rows[index].position for index in batch.indices] + [0] * (batch.rows - len(batch.indices))
        where = (
            torch.arange(batch.rows, device=handle.device),
            torch.tensor(positions, device=handle.device),
        )
        zeros: dict[str, Tensor] = {}
        with handle.arithmetic(), torch.enable_grad(), ExitStack() as stack:
            for hook, found in places.items():
                zeros[hook] = torch.zeros(
                    (batch.rows, found.width), device=handle.device, dtype=handle.dtype, requires_grad=True
                )
                stack.callback(found.module.register_forward_pre_hook(_adding(zeros[hook], where)).remove)
            states = handle.model.model(input_ids=ids.to(handle.device), use_cache=False).last_hidden_state[where]
            logits = handle.unembedding(states).float()
            score = logits[:, list(plus)].logsumexp(-1) - logits[:, list(minus)].logsumexp(-1)
            found_gradients = torch.autograd.grad(score.sum(), list(zeros.values()))
        for hook, gradient in zip(zeros, found_gradients, strict=True):
            kept[hook][batch.indices] = gradient[: len(batch.indices)].float().cpu().numpy()
        handle.passes += 1
        handle.rows += len(batch.indices)
        if advance is not None:
            advance(len(batch.indices))
    return kept


def _adding(zero: Tensor, where: tuple[Tensor, Tensor]) -> Any:
    def before(_module: torch.nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        changed = inputs[0].clone()
        changed[where] = changed[where] + zero
        return (changed,)

    return before
