"""Batches of rows that grow by one token at a time: a pass over the prompts, then one pass per token.

Prompts are padded on the left, so that every row's next token comes at the same place of the batch. Every
layer keeps the keys and values of all tokens, windowed ones too: a cache cut to the window would lose the
padding of some batches and not of others, and batches without padding go through other arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

from ws_dsl.models.batches import Batch
from ws_dsl.models.edits import Edit, Scatter, scatters
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import pad
from ws_dsl.models.taps import tap


class Decoded(NamedTuple):
    """A batch between two passes.

    Attributes:
        cache: Keys and values of all its tokens.
        mask: 1 at real tokens, int64 of shape (rows, tokens).
        positions: Index in its row of every row's last token, int64 of shape (rows,).
        logits: Of every row's next token, (rows, vocabulary).
    """

    cache: Any
    mask: Tensor
    positions: Tensor
    logits: Tensor


def prefill(
    handle: Handle, prompts: Sequence[Sequence[int]], edits: Sequence[Sequence[Edit]], batch: Batch
) -> Decoded:
    """The pass over the prompts of a batch.

    Args:
        handle: The model.
        prompts: Token ids.
        edits: Edits of every prompt, each at a token of it.
        batch: Their shape; rows beyond the prompts are dummies.
    """
    inputs = pad(prompts, batch, "left", handle.device)
    made = scatters(edits, inputs.origins, handle)
    return _pass(handle, inputs.arguments, DynamicCache(), inputs.arguments["attention_mask"], made)


def step(handle: Handle, batch: Decoded, tokens: Sequence[int], edits: Sequence[Sequence[Edit]]) -> Decoded:
    """The pass over one more token of every row; the batch that is given is used up.

    Args:
        handle: The model.
        batch: What came before.
        tokens: The next token of every row.
        edits: Edits of every row, each at this token.
    """
    arguments = {
        "input_ids": torch.tensor(tokens, device=handle.device)[:, None],
        "position_ids": batch.positions[:, None] + 1,
    }
    at = [own[0].position if own else 0 for own in edits]
    made = scatters(edits, [(row, -position) for row, position in enumerate(at)], handle)
    mask = torch.cat([batch.mask, batch.mask.new_ones(len(tokens), 1)], dim=1)
    return _pass(handle, arguments, batch.cache, mask, made)


def gather(batches: Sequence[Decoded], picks: Sequence[tuple[int, int]]) -> Decoded:
    """A batch of rows of batches that have come equally far.

    Args:
        batches: Where rows are taken from.
        picks: Number of the batch and row in it; ordered by batch.
    """
    rows: dict[int, list[int]] = {}
    for number, row in picks:
        rows.setdefault(number, []).append(row)

    def take(parts: Sequence[Tensor]) -> Tensor:
        chosen = ((parts[number], own) for number, own in rows.items())
        return torch.cat(
            [part.index_select(0, torch.tensor(own, device=part.device)) for part, own in chosen]
        )

    cache = DynamicCache()
    for layer, own in enumerate(zip(*(batch.cache.layers for batch in batches), strict=True)):
        cache.update(take([part.keys for part in own]), take([part.values for part in own]), layer)
    return Decoded(cache, *(take(parts) for parts in list(zip(*batches, strict=True))[1:]))


def _pass(
    handle: Handle, arguments: Mapping[str, Tensor], cache: Any, mask: Tensor, edits: Mapping[str, Scatter]
) -> Decoded:
    places = {hook: handle.place(hook) for hook in edits}
    given = {**arguments, "attention_mask": mask}
    with handle.arithmetic(arguments["input_ids"].numel()), ExitStack() as stack:
        # Hooks of one module run in the order they are registered in.
        for hook, place in sorted(places.items(), key=lambda item: item[1].site):
            stack.callback(tap(place, edits[hook]).remove)
        states = handle.final(**given, past_key_values=cache)
        # The last real token by the mask: with padding on the left, the last of the batch.
        ends = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1) - mask.shape[1]
        rows = torch.arange(len(mask), device=mask.device)
        positions = given["position_ids"]
        logits = handle.unembedding(states[rows.to(states.device), ends.to(states.device)])
    handle.passes += 1
    return Decoded(cache, mask, positions[rows, ends], logits)
