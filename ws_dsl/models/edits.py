"""Edits of activations: different ones for every row of a batch, in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ws_dsl.errors import MeasurementError
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle


class Edit(NamedTuple):
    """A change of one activation at one position.

    Attributes:
        site: What is changed.
        position: Index of the token at which it is changed.
        value: Values, float32 of the site's width.
        operation: `set` puts the values in place of the activation; `add` adds them to it.
    """

    site: Site
    position: int
    value: np.ndarray
    operation: Literal["set", "add"] = "set"


class Scatter:
    """The edits of one batch at one hook, applied at once."""

    def __init__(self, edits: Sequence[tuple[int, Edit]], width: int, handle: Handle):
        """Args: edits with the row of the batch each belongs to; the width of one unit of the hook."""
        values = torch.from_numpy(
            np.stack([np.asarray(edit.value, np.float32).reshape(width) for _, edit in edits])
        )
        places = [(row, edit.position, edit.site.index or 0) for row, edit in edits]
        adds = [edit.operation == "add" for _, edit in edits]
        self.width = width
        self.rows, self.positions, self.units = torch.tensor(places, device=handle.device).T
        self.values = values.to(handle.device, handle.dtype)
        self.adds = torch.tensor(adds, device=handle.device)[:, None]

    def __call__(self, activations: Tensor) -> Tensor:
        """Edited activations, (rows, positions, width of the hook); the input is left as it is."""
        units = activations.unflatten(-1, (-1, self.width)).clone()
        where = (self.rows, self.positions, self.units)
        units[where] = torch.where(self.adds, units[where] + self.values, self.values)
        return units.flatten(-2)


def scatters(edits: Sequence[Sequence[Edit]], handle: Handle) -> dict[str, Scatter]:
    """Edits of the rows of one batch, by hook.

    Raises:
        ModelError: a site outside the model.
        MeasurementError: two edits of one row at the same site and position.
    """
    by_hook: defaultdict[str, list[tuple[int, Edit]]] = defaultdict(list)
    for row, own in enumerate(edits):
        seen: set[tuple[Site, int]] = set()
        for edit in own:
            if (edit.site, edit.position) in seen:
                raise MeasurementError(
                    f"two edits of {edit.site} at token {edit.position} of one row: which one holds?"
                )
            seen.add((edit.site, edit.position))
            by_hook[edit.site.within(handle.shape).hook].append((row, edit))
    return {hook: Scatter(own, own[0][1].site.width(handle.shape), handle) for hook, own in by_hook.items()}
