"""Gradients of a score at hooks: what a small change of an activation would do to the answer.

A zero that requires a gradient is added to each hooked activation at the row's position; the gradient of the
score with respect to it is the gradient with respect to the activation there, all later routes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor

from ws_dsl.models.forward import Row, check
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import laid_out
from ws_dsl.models.readout import CHUNK
from ws_dsl.models.taps import View, Where, tap


def gradients(
    handle: Handle,
    rows: Sequence[Row],
    hooks: Sequence[str],
    plus: Sequence[int],
    minus: Sequence[int],
    advance: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Gradient of the log-odds of two token sets with respect to activations at every row's position.

    The score is read at the same position. Rows run as `ws_dsl.models.batches` says, so that a
    row's gradient does not depend on its neighbours.

    Args:
        handle: The model.
        rows: What to run; edits are not applied.
        hooks: Names of hooks, such as `blocks.3.attn.hook_z` and `blocks.3.mlp.hook_post`.
        plus: Ids of the tokens of the plus side.
        minus: Ids of the tokens of the minus side.
        advance: Told how many rows each batch held.

    Returns:
        float32 of shape (rows, width of the hook) by hook, in nats per unit of activation.

    Raises:
        ModelError: no such hook, or a row longer than the model's context.
        MeasurementError: a position outside its row.
    """
    places = {hook: handle.place(hook) for hook in hooks}
    for row in rows:
        check(row, handle)
    kept = {hook: np.empty((len(rows), place.width), np.float32) for hook, place in places.items()}
    for batch, laid in laid_out(handle, [row.ids for row in rows]):
        inside = [rows[index] for index in batch.indices]
        tokens = [
            (sequence, start + row.position)
            for row, (sequence, start) in zip(inside, laid.origins, strict=True)
        ]
        sequences, positions = torch.tensor(tokens, device=handle.device).T
        where = sequences, positions
        zeros: dict[str, Tensor] = {}
        with handle.arithmetic(batch.rows * batch.length), torch.enable_grad(), ExitStack() as stack:
            for hook, place in sorted(places.items(), key=lambda item: item[1].site):
                zeros[hook] = torch.zeros(
                    (len(inside), place.width), device=handle.device, dtype=handle.dtype, requires_grad=True
                )
                stack.callback(tap(place, _adding(zeros[hook], where)).remove)
            states = handle.final(**laid.arguments)[where]
            spare = states.new_zeros(-len(inside) % CHUNK, states.shape[1])
            chunks = torch.cat([states, spare]).split(CHUNK)
            logits = torch.cat([handle.unembedding(chunk) for chunk in chunks])[: len(inside)].float()
            score = logits[:, list(plus)].logsumexp(-1) - logits[:, list(minus)].logsumexp(-1)
            found = torch.autograd.grad(score.sum(), list(zeros.values()))
        for hook, gradient in zip(zeros, found, strict=True):
            kept[hook][batch.indices] = gradient.float().cpu().numpy()
        handle.passes += 1
        handle.rows += len(inside)
        if advance is not None:
            advance(len(inside))
    return kept


def _adding(zero: Tensor, where: Where) -> Callable[[View], None]:
    def visit(view: View) -> None:
        values = view.read(where)
        view.write(where, values + zero.to(values))

    return visit
