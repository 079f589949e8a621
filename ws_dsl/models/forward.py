"""Forward passes: once over every row, keeping only what is asked for.

The artifact of a pass is the final-norm state at one position of every row, and any other activations
captured there. Logits are read out of the state later (`ws_dsl.models.readout`), so the unembedding never
runs over whole prompts. Every position is addressed by its index in the row, never from the end of the batch.
Rows that differ in their position alone go through the model once; rows under the same weight differences run
together, at whatever coefficients. The last block is computed at the tokens that are read alone
(`ws_dsl.models.tail`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models.deltas import Weighted, changed
from ws_dsl.models.edits import Edit, scatters
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import Laid, Layout, laid_out
from ws_dsl.models.places import Place
from ws_dsl.models.tail import Tail
from ws_dsl.models.taps import Enough, View, Where, tap
from ws_dsl.specs.site import FINAL, Site


class Row(NamedTuple):
    """One row of a forward pass.

    Attributes:
        ids: Token ids.
        position: Index of the token at which activations are kept; for several, several rows.
        edits: What is changed in this row.
        weights: Weight differences under which it runs.
    """

    ids: Sequence[int]
    position: int
    edits: Sequence[Edit] = ()
    weights: tuple[Weighted, ...] = ()


class Read(NamedTuple):
    """What one batch gave, or the end of the passes over several (`ws_dsl.models.tail`).

    Attributes:
        indices: Places of the rows in the sequence they came in.
        values: Activations of shape (rows, width of the hook) by hook; of every row all hooks come, but not
            all at once.
    """

    indices: list[int]
    values: dict[str, Tensor]


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


def streamed(
    handle: Handle, rows: Sequence[Row], sites: Sequence[Site], advance: Callable[[int], None] | None = None
) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
    """The same as `at_sites`, batch by batch: nothing of a batch is held once the next is asked for.

    Yields:
        Places of rows in the sequence they came in, and float32 of shape (places, width of the site) by
        address, of some of the sites: those of the last block come later. Rows that differ in their position
        alone come together.

    Raises:
        ModelError: a site outside the model.
    """
    places = {hook: handle.place(hook) for hook in sorted({site.within(handle.shape).hook for site in sites})}
    for read in passes(handle, rows, places, advance):
        captured = {hook: values.float().cpu().numpy() for hook, values in read.values.items()}
        yield read.indices, slices(captured, [site for site in sites if site.hook in captured], handle)


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
    handle: Handle,
    rows: Sequence[Row],
    hooks: Sequence[str],
    advance: Callable[[int], None] | None = None,
    layout: Layout | None = None,
) -> dict[str, np.ndarray]:
    """Activations at every row's position, as they are after the row's edits.

    A row's values depend on its own ids, position and edits alone, and on the layout, to the last bit on a
    CPU in float32: see `ws_dsl.models.batches`. The pass ends after the last hook that is asked
    for.

    Args:
        handle: The model.
        rows: What to run.
        hooks: Names such as `blocks.21.mlp.hook_post`, `blocks.19.attn.hook_z`, `ln_final.hook_out`.
        advance: Told how many rows each batch held.
        layout: How rows are laid out in batches; by default as the model allows.

    Returns:
        float32 of shape (rows, width of the hook) by hook, in the order of `rows`; the heads of `hook_z`
        follow one another.

    Raises:
        ModelError: no such hook or site, or a row longer than the model's context.
        MeasurementError: an empty row, or a position outside it.
    """
    places = {hook: handle.place(hook) for hook in hooks}
    for hook, place in places.items():
        if not place.site.editable:
            raise ModelError(f"{hook} is as wide as its row is long; ws_dsl.models.patterns reads it")
    kept = {hook: np.empty((len(rows), place.width), np.float32) for hook, place in places.items()}
    for read in passes(handle, rows, places, advance, layout):
        for hook, values in read.values.items():
            kept[hook][read.indices] = values.float().cpu().numpy()
    return kept


def passes(
    handle: Handle,
    rows: Sequence[Row],
    places: Mapping[str, Place],
    advance: Callable[[int], None] | None,
    layout: Layout | None = None,
) -> Iterator[Read]:
    """Runs rows batch by batch; identical rows once."""
    for row in rows:
        check(row, handle)
        if row.weights and any(place.side == "result" for place in places.values()):
            raise ModelError("what single heads give cannot be read under changed weights; read attn or z")
    alike: defaultdict[object, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        edits = id(row.edits) if row.edits else 0
        alike[tuple(row.ids), edits, tuple((own.digest, own.coeff) for own in row.weights)].append(index)
    under: defaultdict[tuple[str, ...], list[list[int]]] = defaultdict(list)
    for group in alike.values():
        under[tuple(own.digest for own in rows[group[0]].weights)].append(group)
    for groups in under.values():
        first = [rows[group[0]] for group in groups]
        tail = Tail(handle, places)
        for batch, laid in laid_out(handle, [row.ids for row in first], layout):
            inside = [first[index] for index in batch.indices]
            indices = [index for group in batch.indices for index in groups[group]]
            tokens = [
                (sequence, start + rows[index].position)
                for group, (sequence, start) in zip(batch.indices, laid.origins, strict=True)
                for index in groups[group]
            ]
            sequences, positions = torch.tensor(tokens, device=handle.device).T
            where = sequences, positions
            ends = tail.takes(batch, [row.edits for row in inside], len(indices))
            if ends and tail.is_full(len(indices)):
                yield Read(*tail.finish())
            with (
                handle.arithmetic(batch.rows * batch.length),
                changed(handle, [row.weights for row in inside], laid.spread),
            ):
                if ends:
                    weights = [rows[index].weights for index in indices]
                    with tail.ending(indices, weights, where):
                        values = _run(handle, laid, inside, where, tail.early, None)
                else:
                    values = _run(handle, laid, inside, where, places, tail.last)
            if values:
                yield Read(indices, values)
            handle.passes += 1
            handle.rows += len(inside)
            if advance is not None:
                advance(len(indices))
        if tail.kept:
            yield Read(*tail.finish())


def check(row: Row, handle: Handle) -> None:
    """Refuses a row that the model cannot take.

    Raises:
        ModelError: it is longer than the model's context.
        MeasurementError: a position outside it.
    """
    length = len(row.ids)
    if length > handle.shape.context:
        raise ModelError(f"a row has {length} tokens; the model's context is {handle.shape.context}")
    for position in (row.position, *(edit.position for edit in row.edits)):
        if not 0 <= position < length:
            raise MeasurementError(f"position {position} is outside a row of {length} tokens")
    if row.weights and any(edit.site.part == "attn.hook_result" for edit in row.edits):
        raise ModelError("what single heads give cannot be edited under changed weights; edit attn or z")


def _run(
    handle: Handle,
    laid: Laid,
    rows: Sequence[Row],
    where: Where,
    places: Mapping[str, Place],
    last: str | None,
) -> dict[str, Tensor]:
    """Activations by hook; the pass ends after the last one, or where something else ends it."""
    edits = scatters([row.edits for row in rows], laid.origins, handle)
    hooked = {hook: handle.place(hook) for hook in edits} | dict(places)
    values: dict[str, Tensor] = {}

    def visit(view: View, hook: str) -> None:
        if hook in edits:
            edits[hook](view)
        if hook in places:
            values[hook] = view.read(where)
        if hook == last:
            raise Enough

    with ExitStack() as stack:
        # Hooks of one module run in the order they are registered in.
        for hook, place in sorted(hooked.items(), key=lambda item: item[1].site):
            stack.callback(tap(place, lambda view, hook=hook: visit(view, hook)).remove)
        with suppress(Enough):
            handle.final(**laid.arguments)
    return values
