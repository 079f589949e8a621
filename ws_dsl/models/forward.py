"""Forward passes: once over every row, keeping only what is asked for.

The artifact of a pass is the final-norm state at one position of every row, and any other activations
captured there. Logits are read out of the state later (`ws_dsl.models.readout`), so the unembedding never
runs over whole prompts. Rows are padded on the right: under causal attention no real token sees the padding,
and every position is addressed by its index in the row, never from the end of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models.batches import Batch, batches
from ws_dsl.models.edits import Edit, scatters
from ws_dsl.models.handle import Handle, Place
from ws_dsl.specs.site import FINAL, Site


class Row(NamedTuple):
    """One row of a forward pass.

    Attributes:
        ids: Token ids.
        position: Index of the token at which activations are kept.
        edits: What is changed in this row.
    """

    ids: Sequence[int]
    position: int
    edits: Sequence[Edit] = ()


class _Enough(Exception):
    """Ends a pass after its last needed hook."""


def final_states(
    handle: Handle, rows: Sequence[Row], advance: Callable[[int], None] | None = None
) -> np.ndarray:
    """Output of the final norm at every row's position, float32 of shape (rows, width)."""
    return capture(handle, rows, [FINAL], advance)[FINAL]


def at_sites(
    handle: Handle, rows: Sequence[Row], sites: Sequence[Site], advance: Callable[[int], None] | None = None
) -> dict[str, np.ndarray]:
    """Activations of single components at every row's position.

    Returns:
        float32 of shape (rows, width of the site) by address, such as `L3N41`.

    Raises:
        ModelError: a site outside the model.
    """
    hooks = sorted({site.within(handle.shape).hook for site in sites})
    return slices(capture(handle, rows, hooks, advance), sites, handle)


def slices(
    captured: Mapping[str, np.ndarray], sites: Sequence[Site], handle: Handle
) -> dict[str, np.ndarray]:
    """Single components of whole hooks: (rows, width of the site) by address."""
    found: dict[str, np.ndarray] = {}
    for site in sites:
        width = site.width(handle.shape)
        start = (site.index or 0) * width
        found[str(site)] = captured[site.hook][:, start : start + width]
    return found


def capture(
    handle: Handle, rows: Sequence[Row], hooks: Sequence[str], advance: Callable[[int], None] | None = None
) -> dict[str, np.ndarray]:
    """Activations at every row's position, as they are after the row's edits.

    A row's values depend on its own ids, position and edits alone, to the last bit on a CPU in float32: see
    `ws_dsl.models.batches`. The pass ends after the last hook that is asked for.

    Args:
        handle: The model.
        rows: What to run.
        hooks: Names such as `blocks.21.mlp.hook_post`, `blocks.19.attn.hook_z`, `ln_final.hook_normalized`.
        advance: Told how many rows each batch held.

    Returns:
        float32 of shape (rows, width of the hook) by hook, in the order of `rows`; the heads of `hook_z`
        follow one another.

    Raises:
        ModelError: no such hook or site, or a row longer than the model's context.
        MeasurementError: an empty row, or a position outside it.
    """
    places = {hook: handle.place(hook) for hook in hooks}
    for row in rows:
        _check(row, handle)
    kept = {hook: np.empty((len(rows), place.width), np.float32) for hook, place in places.items()}
    with handle.arithmetic():
        for batch in batches([len(row.ids) for row in rows]):
            values = _run(handle, batch, [rows[index] for index in batch.indices], places)
            for hook, value in values.items():
                kept[hook][batch.indices] = value.float().cpu().numpy()
            handle.passes += 1
            handle.rows += len(batch.indices)
            if advance is not None:
                advance(len(batch.indices))
    return kept


def _check(row: Row, handle: Handle) -> None:
    length = len(row.ids)
    if length > handle.shape.context:
        raise ModelError(f"a row has {length} tokens; the model's context is {handle.shape.context}")
    for position in (row.position, *(edit.position for edit in row.edits)):
        if not 0 <= position < length:
            raise MeasurementError(f"position {position} is outside a row of {length} tokens")


def _run(handle: Handle, batch: Batch, rows: Sequence[Row], places: Mapping[str, Place]) -> dict[str, Tensor]:
    ids = torch.zeros((batch.rows, batch.length), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
    where = (
        torch.arange(len(rows), device=handle.device),
        torch.tensor([r.position for r in rows], device=handle.device),
    )
    last = max(places, key=lambda hook: places[hook].order)
    values: dict[str, Tensor] = {}
    with ExitStack() as stack:
        for hook, scatter in scatters([row.edits for row in rows], handle).items():
            stack.callback(_tap(handle.place(hook), scatter).remove)
        for hook, place in places.items():

            def keep(activations: Tensor, hook: str = hook) -> None:
                values[hook] = activations[where]
                if hook == last:
                    raise _Enough

            stack.callback(_tap(place, keep).remove)
        with suppress(_Enough):
            handle.model.model(input_ids=ids.to(handle.device), use_cache=False)
    return values


def _tap(place: Place, function: Callable[[Tensor], Tensor | None]) -> Any:
    if place.side == "input":

        def before(_module: torch.nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
            changed = function(inputs[0])
            return None if changed is None else (changed,)

        return place.module.register_forward_pre_hook(before)
    return place.module.register_forward_hook(lambda *call: function(call[-1]))
