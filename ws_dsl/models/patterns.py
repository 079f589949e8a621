"""Attention patterns: what every head attends to from one token.

The fused attention of every other measurement never makes them, so they come from passes through the plain
(`eager`) attention of the same weights: two routes to the same numbers, which differ by rounding, about 1e-6
in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ws_dsl.models.forward import Row, passes
from ws_dsl.models.handle import Handle


def patterns(
    handle: Handle, rows: Sequence[Row], layers: Sequence[int], advance: Callable[[int], None] | None = None
) -> dict[str, list[np.ndarray]]:
    """Attention from every row's position to the tokens of the row, after the row's edits.

    Args:
        handle: The model.
        rows: What to run.
        layers: Blocks.
        advance: Told how many rows each batch held.

    Returns:
        By hook, such as `blocks.19.attn.hook_pattern`, for every row float32 of shape (heads, tokens of the
        row); a head's entries are at least 0 and sum to 1.

    Raises:
        ModelError: no such layer or site, or a row longer than the model's context.
        MeasurementError: an empty row, or a position outside it.
    """
    places = {hook: handle.place(hook) for hook in (f"blocks.{layer}.attn.hook_pattern" for layer in layers)}
    kept = {hook: [np.empty(0, np.float32)] * len(rows) for hook in places}
    with _eager(handle):
        for read in passes(handle, rows, places, advance, "right"):
            for hook, values in read.values.items():
                heads = values.float().cpu().numpy().reshape(len(read.indices), handle.shape.heads, -1)
                for index, pattern in zip(read.indices, heads, strict=True):
                    kept[hook][index] = pattern[:, : len(rows[index].ids)]
    return kept


@contextmanager
def _eager(handle: Handle) -> Iterator[None]:
    fused = handle.model.config._attn_implementation
    handle.model.set_attn_implementation("eager")
    try:
        yield
    finally:
        handle.model.set_attn_implementation(fused)
