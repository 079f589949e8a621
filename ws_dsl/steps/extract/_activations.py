"""Activations by row and hook, averaged over repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import row_set
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.cell import Cell, Input
from ws_dsl.steps.rows import forward_rows

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.forward import Row
    from ws_dsl.models.handle import Handle

Key = tuple[Any, ...]
Measure = Callable[["Sequence[Row]"], "dict[str, np.ndarray]"]


def mean_by_row(
    inputs: Sequence[Input], cell: Cell[Any], measure: Measure
) -> dict[Key, dict[str, np.ndarray]]:
    """What a pass measures, by row and hook, over the rows that the cell is restricted to.

    Args:
        inputs: Prompts; those pooled are repeats of the same rows, and are averaged.
        cell: The cell, for its position, model and `rows`.
        measure: Runs rows and gives arrays of shape (rows, width) by hook.
    """
    import numpy as np

    found: dict[Key, list[dict[str, np.ndarray]]] = {}
    for one in inputs:
        chosen = restricted(one, cell)
        measured = measure(list(chosen.values()))
        for index, key in enumerate(chosen):
            found.setdefault(key, []).append({hook: values[index] for hook, values in measured.items()})
    return {
        key: {hook: np.mean([repeat[hook] for repeat in repeats], axis=0) for hook in repeats[0]}
        for key, repeats in found.items()
    }


def restricted(prompts: Input, cell: Cell[Any]) -> dict[Key, Row]:
    """The rows of one set of prompts that the cell is restricted to, by key, read at its position."""
    within = cell.get("rows")
    wanted = set(within.open().ids()) if within else None
    opened = prompts.open()
    rows = forward_rows(opened, cell.spec.at, None, cell.one("model").digest)
    return {key: row for key, row in zip(opened.ids(), rows, strict=True) if wanted is None or key in wanted}


def same_keys(plus: dict[Key, Any], minus: dict[Key, Any]) -> list[Key]:
    """The rows of both sides, in one order.

    Raises:
        MeasurementError: the sides are over different rows.
    """
    if set(plus) != set(minus):
        raise MeasurementError(
            "plus and minus are over different rows; comparing activations needs the same ones"
        )
    return sorted(plus, key=repr)


def ranked(
    values: dict[str, np.ndarray],
    family: Literal["heads", "neurons"],
    score: Callable[[np.ndarray], float],
    top: int,
    keys: Sequence[Key],
    handle: Handle,
    meaning: str,
) -> Sites:
    """The components of a family with the largest absolute scores, largest first.

    Args:
        values: Arrays of shape (rows, width of the hook) by hook.
        family: Whose components are scored.
        score: Score of an array of shape (rows, width of the component).
        top: How many are kept.
        keys: The rows, for the record of what the choice was made on.
        handle: The model.
        meaning: What the score is, for the record.
    """
    from ws_dsl.models.forward import slices
    from ws_dsl.specs.site import family_sites

    sites = family_sites(family, handle.shape)
    scores = [score(own) for own in slices(values, sites, handle).values()]
    return strongest(scores, family, top, keys, handle, meaning)


def strongest(
    scores: Sequence[float],
    family: Literal["heads", "neurons"],
    top: int,
    keys: Sequence[Key],
    handle: Handle,
    meaning: str,
) -> Sites:
    """The components of a family with the largest absolute scores, largest first.

    Args:
        scores: One score per component, in the order of `ws_dsl.specs.site.family_sites`.
        family: Whose components are scored.
        top: How many are kept.
        keys: The rows, for the record of what the choice was made on.
        handle: The model.
        meaning: What the score is, for the record.
    """
    from ws_dsl.specs.site import family_sites

    sites = family_sites(family, handle.shape)
    if top > len(sites):
        raise MeasurementError(f"the model has {len(sites)} {family}, and top is {top}")
    order = sorted(range(len(sites)), key=lambda i: (-abs(scores[i]), i))[:top]
    notes = {"score": meaning, "searched": len(sites), "among": family, "rows": len(keys)}
    addresses, kept = [str(sites[i]) for i in order], [scores[i] for i in order]
    return Sites(addresses, kept, row_set(list(keys)), notes=dict(notes))


def ranks(
    cells: Sequence[Cell[Any]], ranking: Callable[[Cell[Any]], Sites]
) -> Iterator[tuple[Cell[Any], Artifact]]:
    """One artifact per rank; a ranking is made once for all its ranks."""
    made: dict[tuple[str, ...], Sites] = {}
    for cell in cells:
        inputs = (f"{name}:{i.digest}" for name, found in cell.inputs.items() for i in found)
        same = (repr(cell.spec), *inputs)
        if same not in made:
            made[same] = ranking(cell)
        found, place = made[same], int(cell.made["rank"]) - 1
        notes = {**found.notes, "rank": place + 1}
        one = Sites(
            found.addresses[place : place + 1],
            found.scores[place : place + 1],
            found.chosen_on,
            found.addresses[:place],
            notes,
        )
        yield cell, one.to_artifact()
