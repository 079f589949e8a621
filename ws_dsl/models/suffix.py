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
from typing import TypeAlias

import numpy as np
import torch

from ws_dsl.models.batches import Batch, batches
from ws_dsl.models.edits import Edit, scatters
from ws_dsl.models.forward import Row, check, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.models.prefix import Crossing, clean_pass
from ws_dsl.models.taps import View, tap
from ws_dsl.specs.site import Site

_Arm: TypeAlias = tuple[int, int]
"""Lowest layer that one row edits, and the row's place in the sequence it came in."""


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
    for batch in batches([len(ids) for ids, _ in keys]):
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
    """States of the arms of the prompts of one batch, and of the prompts where asked for, by row."""
    slots = _slots(handle)
    ordered = [sorted(own) for own in arms]
    most = max(len(own) for own in ordered)
    slabs = [
        _Slab(handle, rows, [own[start : start + slots] for own in ordered], batch.rows, slots)
        for start in range(0, most, slots)
    ]

    def visit(crossing: Crossing) -> None:
        for slab in slabs:
            slab.cross(crossing)

    first = min(slab.first for slab in slabs)
    prompts = [rows[own[0][1]] for own in ordered]
    unedited = clean_pass(handle, prompts, batch, slots, first, visit, whole=any(clean))
    kept: dict[int, np.ndarray] = {}
    for slab in slabs:
        kept |= slab.finish()
    if unedited is not None:
        values = unedited.float().cpu().numpy()
        kept |= {index: values[place] for place, own in enumerate(clean) for index in own}
    return kept


class _Slab:
    """Arms that cross the blocks together: for every row of a batch the same number of slots.

    Attributes:
        first: Lowest layer that any of them edits.
    """

    def __init__(
        self, handle: Handle, rows: Sequence[Row], arms: Sequence[Sequence[_Arm]], height: int, slots: int
    ):
        """Args: model; all rows; arms of each row of the batch, at most `slots`; rows of the batch; slots."""
        self._handle = handle
        self._where = {
            index: (row, slot) for row, own in enumerate(arms) for slot, (_, index) in enumerate(own)
        }
        self.first = min(layer for own in arms for layer, _ in own)
        starts = torch.full((height, slots), self.first)
        for row, own in enumerate(arms):
            for slot, (layer, _) in enumerate(own):
                starts[row, slot] = layer
        self._starts = starts.to(handle.device)
        self._edits = scatters(
            [_in_slots([rows[index].edits for _, index in own]) for own in arms], [0] * len(arms), handle
        )
        self._sites = {hook: handle.place(hook).site for hook in self._edits}
        self._stream = torch.zeros(
            height, slots, handle.shape.width, dtype=handle.dtype, device=handle.device
        )

    def cross(self, crossing: Crossing) -> None:
        """Takes in the arms that start at a block, and takes all that have started through it."""
        if crossing.layer < self.first:
            return
        stream = self._stream.to(crossing.entering.device)
        here = (self._starts == crossing.layer).to(stream.device)
        stream = torch.where(here[..., None], crossing.entering[:, None], stream)
        if crossing.layer == 0 and (embedding := self._edits.get("hook_embed")):
            view = View(stream)
            embedding(view)
            stream = view.tensor
        with self._editing(crossing.layer):
            self._stream = crossing.cross(stream)

    def finish(self) -> dict[int, np.ndarray]:
        """Output of the final norm by row."""
        with self._handle.arithmetic(), self._editing(None):
            values = self._handle.model.model.norm(self._stream).float().cpu().numpy()
        return {index: values[where] for index, where in self._where.items()}

    def _editing(self, layer: int | None) -> ExitStack:
        """Edits of a block, or those after the last one, while it is open."""
        stack = ExitStack()
        own = [
            hook for hook, site in self._sites.items() if site.layer == layer and site.part != "hook_embed"
        ]
        for hook in sorted(own, key=lambda hook: self._sites[hook]):
            stack.callback(tap(self._handle.place(hook), self._edits[hook]).remove)
        return stack


def _in_slots(arms: Sequence[Sequence[Edit]]) -> list[Edit]:
    """Edits of the arms of one row, each at its arm's slot."""
    return [edit._replace(position=slot) for slot, edits in enumerate(arms) for edit in edits]


def _first(row: Row, handle: Handle) -> int:
    """Lowest layer that must be computed anew."""
    return min(_layer(edit.site.within(handle.shape), handle) for edit in row.edits)


def _layer(site: Site, handle: Handle) -> int:
    if site.layer is not None:
        return site.layer
    return 0 if site.part == "hook_embed" else handle.shape.layers - 1


def _slots(handle: Handle) -> int:
    """Arms of each row that cross a block in one call.

    Batches of one arm are large enough for a processor, and an arm alone then costs no more than it must. On
    a card calls cost more than arithmetic.
    """
    return 1 if handle.device.type == "cpu" else 8
