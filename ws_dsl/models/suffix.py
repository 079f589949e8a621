"""Final-norm states of edited rows on the least work that their own edits allow.

A row that is edited at the position where it is read, and nowhere else, takes the suffix path: its prompt
runs once without edits (`ws_dsl.models.prefix`), and of the row itself only that position is computed, from
the layer of its lowest edit up. All other rows take the full path, and so do all rows of a model that cannot
resume. Which one follows from the row and the model alone, never from what else is computed, so that a row's
bytes are the same alone and together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import torch

from ws_dsl.models.batches import Batch, packs
from ws_dsl.models.edits import scatters
from ws_dsl.models.forward import Row, check, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.prefix import Crossing, Lanes, clean_pass
from ws_dsl.models.taps import View, tap
from ws_dsl.specs.site import Site

_Arm: TypeAlias = tuple[int, int]
"""Lowest layer that one row edits, and the row's place in the sequence it came in."""

_LANES = 32
"""Streams that cross a block in one call on a processor, whatever their number."""


def is_late(row: Row) -> bool:
    """Whether a row is edited at the position where it is read, and nowhere else, its weights included."""
    return bool(row.edits) and not row.weights and all(edit.position == row.position for edit in row.edits)


def states(handle: Handle, rows: Sequence[Row], advance: Callable[[int], None] | None = None) -> np.ndarray:
    """Output of the final norm at every row's position.

    A row's values depend on its own ids, position and edits alone, to the last bit on a CPU in float32.
    Unedited rows have the bits of `ws_dsl.models.forward.final_states`; so have edited ones that take the
    full path.

    Args:
        handle: The model.
        rows: What to run. Rows that share ids and position share the clean pass of these; their edits are
            theirs.
        advance: Told how many rows were made.

    Returns:
        float32 of shape (rows, width).

    Raises:
        ModelError: a site outside the model, or a row longer than the model's context.
        MeasurementError: an empty row, a position outside it, or two edits of one row at the same site.
    """
    if not handle.resumes:
        return final_states(handle, rows, advance)
    for row in rows:
        check(row, handle)
    prompts: defaultdict[tuple[tuple[int, ...], int], list[_Arm]] = defaultdict(list)
    for index, row in enumerate(rows):
        if is_late(row):
            prompts[tuple(row.ids), row.position].append((_first(row, handle), index))
    unedited: defaultdict[tuple[tuple[int, ...], int], list[int]] = defaultdict(list)
    rest: list[int] = []
    for index, row in enumerate(rows):
        if not row.edits and not row.weights and (key := (tuple(row.ids), row.position)) in prompts:
            unedited[key].append(index)
        elif not is_late(row):
            rest.append(index)
    found = np.empty((len(rows), handle.shape.width), np.float32)
    found[rest] = final_states(handle, [rows[index] for index in rest], advance)
    keys = list(prompts)
    for batch in packs([len(ids) for ids, _ in keys], handle.room):
        inside = [keys[place] for place in batch.indices]
        clean = [unedited[key] for key in inside]
        kept = _from_prefix(handle, rows, batch, [prompts[key] for key in inside], clean)
        for index, values in kept.items():
            found[index] = values
        handle.passes += 1
        handle.rows += len(kept)
        if advance is not None:
            advance(len(kept))
    return found


def _from_prefix(
    handle: Handle,
    rows: Sequence[Row],
    batch: Batch,
    arms: Sequence[Sequence[_Arm]],
    clean: Sequence[Sequence[int]],
) -> Mapping[int, np.ndarray]:
    """States of the arms of the prompts of one pack, and of the prompts where asked for, by row."""
    prompts = [rows[own[0][1]] for own in arms]
    starts = [0, *accumulate(len(prompt.ids) for prompt in prompts)]
    ordered = sorted((layer, place, index) for place, own in enumerate(arms) for layer, index in own)
    lanes = _lanes(handle)
    slabs = [
        _Slab(handle, rows, ordered[start : start + lanes], starts, lanes)
        for start in range(0, len(ordered), lanes)
    ]

    def visit(crossing: Crossing) -> None:
        for slab in slabs:
            slab.cross(crossing)

    unedited = clean_pass(handle, prompts, batch, slabs[0].first, visit, whole=any(clean))
    kept: dict[int, np.ndarray] = {}
    for slab in slabs:
        kept |= slab.finish()
    if unedited is not None:
        values = unedited.float().cpu().numpy()
        kept |= {index: values[place] for place, own in enumerate(clean) for index in own}
    return kept


class _Slab:
    """Arms that cross the blocks together.

    Attributes:
        first: Lowest layer that any of them edits.
    """

    def __init__(
        self,
        handle: Handle,
        rows: Sequence[Row],
        arms: Sequence[tuple[int, int, int]],
        starts: Sequence[int],
        lanes: int,
    ):
        """Args: model; all rows; arms by layer, prompt and row; the prompts' first tokens; size of a slab."""
        self._handle = handle
        self._rows = [index for _, _, index in arms]
        self.first = arms[0][0]
        spare = lanes - len(arms)
        device = handle.device
        # Lanes that no arm is in depart from the first prompt and start nowhere.
        self._prompts = torch.tensor([*(place for _, place, _ in arms), *[0] * spare], device=device)
        self._starts = torch.tensor([*(layer for layer, _, _ in arms), *[-1] * spare], device=device)
        places = [(starts[place], rows[index].position) for _, place, index in arms]
        self._lanes = Lanes([*places, *[(0, 0)] * spare], device)
        self._edits = scatters(
            [rows[index].edits for index in self._rows],
            [(0, lane - rows[index].position) for lane, index in enumerate(self._rows)],
            handle,
        )
        self._sites = {hook: handle.place(hook).site for hook in self._edits}
        self._stream = torch.zeros(lanes, handle.shape.width, dtype=handle.dtype, device=device)

    def cross(self, crossing: Crossing) -> None:
        """Takes in the arms that start at a block, and takes all that have started through it."""
        if crossing.layer < self.first:
            return
        device = crossing.entering.device
        here = (self._starts == crossing.layer).to(device)
        entering = crossing.entering[self._prompts.to(device)]
        stream = torch.where(here[:, None], entering, self._stream.to(device))
        if crossing.layer == 0 and (embedding := self._edits.get("hook_embed")):
            view = View(stream[None])
            embedding(view)
            stream = view.tensor[0]
        with self._editing(crossing.layer):
            self._stream = crossing.cross(stream, self._lanes)

    def finish(self) -> dict[int, np.ndarray]:
        """Output of the final norm by row."""
        with self._handle.arithmetic(), self._editing(None):
            values = self._handle.model.model.norm(self._stream[None])[0].float().cpu().numpy()
        return dict(zip(self._rows, values, strict=False))

    def _editing(self, layer: int | None) -> ExitStack:
        """Edits of a block, or those after the last one, while it is open."""
        stack = ExitStack()
        own = [
            hook for hook, site in self._sites.items() if site.layer == layer and site.part != "hook_embed"
        ]
        for hook in sorted(own, key=lambda hook: self._sites[hook]):
            stack.callback(tap(self._handle.place(hook), self._edits[hook]).remove)
        return stack


def _first(row: Row, handle: Handle) -> int:
    """Lowest layer that must be computed anew."""
    return min(_layer(edit.site.within(handle.shape), handle) for edit in row.edits)


def _layer(site: Site, handle: Handle) -> int:
    if site.layer is not None:
        return site.layer
    return 0 if site.part == "hook_embed" else handle.shape.layers - 1


def _lanes(handle: Handle) -> int:
    """Arms that cross a block in one call; on a card calls cost more than arithmetic."""
    return _LANES if handle.device.type == "cpu" else 8 * _LANES
