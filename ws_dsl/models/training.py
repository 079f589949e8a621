"""The training loop: next-token loss on what is to be learned, AdamW in float32, bits that repeat.

Shapes of batches and their order follow from the examples and the seed alone. Batches hold rows of like
lengths, drawn anew in every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ws_dsl.errors import ModelError
from ws_dsl.models.batches import Batch, batches, padded
from ws_dsl.models.chat import Message, render_chat
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import pad

Decay: TypeAlias = Literal["constant", "linear", "cosine"]

_TOGETHER = 8
"""Batches whose rows are sorted by length together: shuffling within them costs no padding."""


class Example(NamedTuple):
    """A row to learn from.

    Attributes:
        ids: Token ids.
        start: Index of the first token that is learned; all after it are.
    """

    ids: list[int]
    start: int


class Settings(NamedTuple):
    """How to train.

    Attributes:
        steps: Updates at most.
        batch: Rows of one update.
        rate: Highest learning rate.
        warmup: Steps in which the rate rises to it.
        decay: What becomes of the rate after them, until the last step.
        weight_decay: Share of a decayed parameter, times the rate, that each update takes away.
        clip: Largest norm of the gradient; larger ones are scaled down to it.
        every: Steps between two looks at the held-out examples.
        patience: Looks without a lower loss after which training ends; None trains to the last step.
    """

    steps: int
    batch: int
    rate: float
    warmup: int
    decay: Decay
    weight_decay: float
    clip: float
    every: int
    patience: int | None


class Trained(NamedTuple):
    """What training did.

    Attributes:
        train: Loss of every step before its update, nats per learned token.
        validation: Steps done and the loss on held-out examples then.
        kept: Steps after which the parameters were as they are left: the last, or the best under `patience`.
    """

    train: list[float]
    validation: list[tuple[int, float]]
    kept: int


def train(
    handle: Handle,
    decayed: Mapping[str, Tensor],
    others: Mapping[str, Tensor],
    examples: Sequence[Example],
    held_out: Sequence[Example],
    settings: Settings,
    seed: int,
    advance: Callable[[int], None],
) -> Trained:
    """Trains parameters of a model in place.

    Args:
        handle: The model, with the parameters in its module tree.
        decayed: Parameters that weight decay applies to.
        others: The other parameters.
        examples: Rows to learn from.
        held_out: Rows to look at; may be empty.
        settings: How.
        seed: Of the order of the rows.
        advance: Told how many rows went through the model.

    Raises:
        ModelError: the loss is no number any more.
    """
    parameters = {**decayed, **others}
    groups = [
        {"params": [*group.values()], "weight_decay": decay}
        for group, decay in ((decayed, settings.weight_decay), (others, 0.0))
        if group
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.rate, fused=True)
    best = _Best(parameters, settings.patience)
    losses: list[float] = []
    looks: list[tuple[int, float]] = []

    def look(step: int) -> bool:
        looks.append((step, _mean_loss(handle, held_out, advance)))
        return best.take(*looks[-1])

    with handle.arithmetic(), torch.enable_grad():
        if held_out:
            look(0)
        for step, rows in enumerate(islice(_order(examples, settings.batch, seed), settings.steps)):
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * rate_at(step, settings)
            own = [examples[row] for row in rows]
            loss = _loss(handle, own, Batch(rows, len(rows), padded(max(len(one.ids) for one in own))))
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise ModelError(f"the loss is {losses[-1]} at step {step + 1}; train at a lower lr")
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*parameters.values()], settings.clip)
            optimiser.step()
            optimiser.zero_grad()
            advance(len(rows))
            done = step + 1
            if held_out and (done % settings.every == 0 or done == settings.steps) and not look(done):
                break
    return Trained(losses, looks, best.restore() if settings.patience else len(losses))


def end_of_turn(tokenizer: Any) -> int | None:
    """The token that a model ends its turn with; None where it has none.

    It is the special token that the chat template writes after what the assistant said, and the tokenizer's
    own end token where there is no template or it writes none.
    """
    if tokenizer.chat_template:
        said = render_chat(tokenizer, [Message("user", "x"), Message("assistant", "x")])
        added = tokenizer.added_tokens_decoder
        for token in said.ids[said.spans["reply"][1] :][:1]:
            if token in added and added[token].special:
                return token
    return tokenizer.eos_token_id


def rate_at(step: int, settings: Settings) -> float:
    """Share of the highest learning rate in a step, counted from 0."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return {
        "constant": 1.0,
        "linear": 1 - progress,
        "cosine": (1 + math.cos(math.pi * progress)) / 2,
    }[settings.decay]


class _Best:
    """The parameters at the lowest loss on held-out examples."""

    def __init__(self, parameters: Mapping[str, Tensor], patience: int | None):
        self._parameters = parameters
        self._patience = patience
        self._kept: dict[str, Tensor] = {}
        self._step, self._loss, self._worse = 0, math.inf, 0

    def take(self, step: int, loss: float) -> bool:
        """Notes a loss; whether training goes on."""
        if self._patience is None:
            return True
        if loss < self._loss:
            self._step, self._loss, self._worse = step, loss, 0
            self._kept = {name: one.detach().clone() for name, one in self._parameters.items()}
        else:
            self._worse += 1
        return self._worse < self._patience

    def restore(self) -> int:
        """Puts the best parameters back; gives their step."""
        with torch.no_grad():
            for name, one in self._parameters.items():
                one.copy_(self._kept[name])
        return self._step


def _order(examples: Sequence[Example], batch: int, seed: int) -> Iterator[list[int]]:
    """Rows of one batch after the other, epoch by epoch, for ever."""
    random = Random(seed)
    while True:
        rows = random.sample(range(len(examples)), len(examples))
        found: list[list[int]] = []
        for start in range(0, len(rows), batch * _TOGETHER):
            near = sorted(rows[start : start + batch * _TOGETHER], key=lambda row: len(examples[row].ids))
            found += [near[first : first + batch] for first in range(0, len(near), batch)]
        random.shuffle(found)
        yield from found


def _loss(
    handle: Handle, rows: Sequence[Example], batch: Batch, reduction: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Cross-entropy of the learned tokens of a batch, nats in float32."""
    ids = pad([row.ids for row in rows], batch, "right", handle.device).arguments["input_ids"]
    learned = torch.zeros_like(ids, dtype=torch.bool)
    for place, row in enumerate(rows):
        learned[place, row.start : len(row.ids)] = True
    # Causal attention never sees the right padding; the state before a token predicts it.
    states = handle.final(ids)[:, :-1]
    learned = learned[:, 1:]
    logits = handle.unembedding(states[learned.to(states.device)])
    return cross_entropy(logits.float(), ids[:, 1:][learned].to(logits.device), reduction=reduction)


def _mean_loss(handle: Handle, rows: Sequence[Example], advance: Callable[[int], None]) -> float:
    """Cross-entropy over all learned tokens, nats per token."""
    total = 0.0
    with torch.no_grad():
        for batch in batches([len(row.ids) for row in rows]):
            total += _loss(handle, [rows[index] for index in batch.indices], batch, "sum").item()
            advance(len(batch.indices))
    return total / sum(len(row.ids) - row.start for row in rows)
