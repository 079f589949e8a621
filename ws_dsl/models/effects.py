"""The exact effect of every head or neuron at one position on an answer, one at a time.

What a head or a neuron writes at its own position is linear in its activation: its columns of `o_proj` or
`down_proj`. A clamped unit is therefore a residual stream that departs from the clean one after its layer's
sum, or in the middle of its layer, and needs only the layers above. Units are slots that cross these together
(`ws_dsl.models.prefix`). A model that cannot resume runs a whole pass for every row and unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ws_dsl.errors import ModelError
from ws_dsl.models import readout
from ws_dsl.models.batches import packs
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, check, final_states, slices
from ws_dsl.models.handle import Handle
from ws_dsl.models.prefix import Crossing, Lanes, clean_pass
from ws_dsl.specs.site import family_hooks, family_sites

_TOKENS = 512
"""Streams that cross a block in one call."""

_BYTES = 64 << 20
"""Streams that are held at once; more units run the clean pass again."""


class _Inside(NamedTuple):
    """One block at one position, (rows, width of each).

    Attributes:
        entering: Residual stream that enters it.
        activations: Input of the family's projection.
        written: Output of that projection.
        middle: Residual stream between attention and MLP.
        leaving: Residual stream that leaves it.
    """

    entering: Tensor
    activations: Tensor
    written: Tensor
    middle: Tensor
    leaving: Tensor


def effects(
    handle: Handle,
    rows: Sequence[Row],
    family: Literal["heads", "neurons"],
    targets: Mapping[str, np.ndarray],
    plus: Sequence[int],
    minus: Sequence[int],
    advance: Callable[[int], None] | None = None,
) -> np.ndarray:
    """What clamping each unit alone at every row's position takes from the log-odds of two token sets there.

    Numbers agree with a run per unit to rounding. They may differ in the last bits between calls with other
    rows.

    Args:
        handle: The model.
        rows: What to run; edits are not applied.
        family: Which units.
        targets: Values that the units are clamped to, float32 of shape (rows, width of the hook) by hook:
            those of `ws_dsl.specs.site.family_hooks`.
        plus: Ids of the tokens of the plus side.
        minus: Ids of the tokens of the minus side.
        advance: Told how many rows each clean pass held.

    Returns:
        Score without the clamp minus score with it, in nats, float64 of shape (rows, units): in the order of
        `ws_dsl.specs.site.family_sites`.

    Raises:
        ModelError: a row longer than the model's context, or quantised weights, which have no columns.
        MeasurementError: a position outside its row.
    """
    if not handle.resumes:
        return _by_whole_passes(handle, rows, family, targets, plus, minus, advance)
    for row in rows:
        check(row, handle)
    shape = handle.shape
    hooks = family_hooks(family, shape)
    per_layer = shape.heads if family == "heads" else shape.neurons
    found = np.empty((len(rows), shape.layers * per_layer), np.float64)
    for batch in packs([len(row.ids) for row in rows], handle.room):
        inside = [rows[index] for index in batch.indices]
        # Nothing else is measured by these passes, so that they need not be filled up.
        pack = batch._replace(length=-(-sum(len(row.ids) for row in inside) // 8) * 8)
        wanted = [
            torch.from_numpy(targets[hook][batch.indices]).to(handle.device, handle.dtype) for hook in hooks
        ]
        lot = max(1, _BYTES // (len(inside) * shape.width * handle.dtype.itemsize))
        for start in range(0, found.shape[1], lot):
            units = range(start, min(start + lot, found.shape[1]))
            search = _Search(handle, family, wanted, units, inside)
            clean_pass(handle, inside, pack, units[0] // per_layer, search.visit, whole=False)
            found[batch.indices, units[0] : units[-1] + 1] = search.effects(plus, minus)
            handle.passes += 1
            handle.rows += len(inside) * (len(units) + 1)
            if advance is not None:
                advance(len(inside))
    return found


def _by_whole_passes(
    handle: Handle,
    rows: Sequence[Row],
    family: Literal["heads", "neurons"],
    targets: Mapping[str, np.ndarray],
    plus: Sequence[int],
    minus: Sequence[int],
    advance: Callable[[int], None] | None,
) -> np.ndarray:
    """The same, with an edited row of its own for every row and unit."""
    sites = family_sites(family, handle.shape)
    values = slices(targets, sites, handle)
    clean = [row._replace(edits=()) for row in rows]
    base = readout.score(handle, final_states(handle, clean, advance), plus, minus).score
    found = np.empty((len(rows), len(sites)), np.float64)
    lot = max(1, _BYTES // (max(1, len(rows)) * handle.shape.width * 4))
    for start in range(0, len(sites), lot):
        own = sites[start : start + lot]
        clamped = [
            row._replace(edits=[Edit(site, row.position, value)])
            for site in own
            for row, value in zip(rows, values[str(site)], strict=True)
        ]
        scores = readout.score(handle, final_states(handle, clamped, advance), plus, minus).score
        found[:, start : start + lot] = base[:, None] - scores.reshape(len(own), len(rows)).T
    return found


class _Search:
    """Units of one pack of rows, from their layers up."""

    def __init__(
        self,
        handle: Handle,
        family: Literal["heads", "neurons"],
        targets: Sequence[Tensor],
        units: range,
        rows: Sequence[Row],
    ):
        """Args: the model; the family; targets by layer, (rows, width); which units; rows of the pack."""
        self._handle = handle
        self._heads = family == "heads"
        self._targets = targets
        self._units = units
        self._per_layer = handle.shape.heads if self._heads else handle.shape.neurons
        self._streams: list[Tensor] = []
        self._clean = torch.empty(0)
        self._slots = max(1, _TOKENS // len(rows))
        starts = accumulate((len(row.ids) for row in rows), initial=0)
        self._places = [(start, row.position) for start, row in zip(starts, rows, strict=False)]
        self._lanes = cache(self._of_slots)

    def visit(self, crossing: Crossing) -> None:
        """Takes the units below through a block, and starts the block's own."""
        self._streams = [
            self._across(crossing, stream.to(crossing.entering.device)) for stream in self._streams
        ]
        inside = self._inside(crossing)
        self._clean = inside.leaving[:, None]
        own = range(
            max(0, self._units.start - crossing.layer * self._per_layer),
            min(self._per_layer, self._units.stop - crossing.layer * self._per_layer),
        )
        for start in range(own.start, own.stop, self._slots):
            units = slice(start, min(start + self._slots, own.stop))
            # Broadcasting leaves the rows innermost, and projections would then run row by row.
            self._streams.append(self._clamped(crossing, inside, units).contiguous())

    def effects(self, plus: Sequence[int], minus: Sequence[int]) -> np.ndarray:
        """Score of the clean stream minus that of every unit's, (rows, units)."""
        with self._handle.arithmetic():
            clean, *clamped = (self._score(stream, plus, minus) for stream in (self._clean, *self._streams))
            return (clean - torch.cat(clamped, dim=1)).cpu().numpy()

    def _across(self, crossing: Crossing, streams: Tensor) -> Tensor:
        """Streams of units through a block, (rows, units, width)."""
        return crossing.cross(streams.flatten(0, 1), self._lanes(streams.shape[1])).view_as(streams)

    def _of_slots(self, slots: int) -> Lanes:
        """So many streams of every row."""
        return Lanes(self._places, self._handle.device, slots)

    def _inside(self, crossing: Crossing) -> _Inside:
        block: Any = crossing.block
        projection = block.self_attn.o_proj if self._heads else block.mlp.down_proj
        seen: dict[str, Tensor] = {}

        def project(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            seen["activations"], seen["written"] = inputs[0][0], output[0]

        def middle(_module: nn.Module, inputs: tuple[Tensor]) -> None:
            seen["middle"] = inputs[0][0]

        with ExitStack() as stack:
            stack.callback(projection.register_forward_hook(project).remove)
            stack.callback(_feedforward_norm(block).register_forward_pre_hook(middle).remove)
            leaving = crossing.cross(crossing.entering, self._lanes(1))
        return _Inside(entering=crossing.entering, leaving=leaving, **seen)

    def _clamped(self, crossing: Crossing, inside: _Inside, units: slice) -> Tensor:
        """Streams that leave the block when one of its units is clamped, (rows, units, width)."""
        block: Any = crossing.block
        change = self._targets[crossing.layer].to(inside.activations) - inside.activations
        if self._heads:
            columns = _columns(block.self_attn.o_proj).unflatten(0, (self._per_layer, -1))[units]
            own = change.unflatten(-1, (self._per_layer, -1))[:, units]
            written = inside.written[:, None] + torch.einsum("rud,udw->ruw", own, columns)
            middle = inside.entering[:, None] + _normed(block, "attention", written)
            return _feedforward(block, middle.contiguous())
        written = inside.written[:, None] + change[:, units, None] * _columns(block.mlp.down_proj)[units]
        return inside.middle[:, None] + _normed(block, "feedforward", written)

    def _score(self, streams: Tensor, plus: Sequence[int], minus: Sequence[int]) -> Tensor:
        """Log-odds in nats, float64 of shape (rows, slots), from the answers' rows of the unembedding."""
        states = self._handle.model.model.norm(streams)
        head: Any = self._handle.model.lm_head
        tokens = torch.tensor([*plus, *minus], device=head.weight.device)
        logits = states.to(head.weight.device).double() @ head.weight[tokens].double().T
        cap = getattr(self._handle.model.config, "final_logit_softcapping", None)
        logits = logits if cap is None else torch.tanh(logits / cap) * cap
        return logits[..., : len(plus)].logsumexp(-1) - logits[..., len(plus) :].logsumexp(-1)


def _columns(projection: Any) -> Tensor:
    """What one unit of each input of a projection adds to its output, (inputs, outputs).

    Raises:
        ModelError: its weights are quantised.
    """
    if not projection.weight.is_floating_point():
        raise ModelError("the exact effect of every unit needs weights that are not quantised")
    return projection.weight.T


# Qwen2, Qwen3, Llama and Mistral add what attention and MLP write to the residual stream as it is, and norm
# what the MLP reads by `post_attention_layernorm`. Gemma 3 norms what both write, and names the norms
# otherwise.


def _feedforward_norm(block: Any) -> nn.Module:
    """The norm whose input is the residual stream between attention and MLP."""
    return getattr(block, "pre_feedforward_layernorm", block.post_attention_layernorm)


def _normed(block: Any, half: Literal["attention", "feedforward"], written: Tensor) -> Tensor:
    """What is added to the residual stream when attention or MLP writes this."""
    if not hasattr(block, "post_feedforward_layernorm"):
        return written
    return getattr(block, f"post_{half}_layernorm")(written)


def _feedforward(block: Any, middle: Tensor) -> Tensor:
    """The residual stream after the MLP of a block."""
    return middle + _normed(block, "feedforward", block.mlp(_feedforward_norm(block)(middle)))
