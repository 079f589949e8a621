"""Edits of activations: different ones for every row of a batch, in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
import torch

from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models.places import Place
from ws_dsl.models.taps import View
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle

Operation: TypeAlias = Literal["set", "add", "scale", "zero"]


class Edit(NamedTuple):
    """A change of one activation at one position.

    Attributes:
        site: What is changed.
        position: Index of the token at which it is changed.
        value: Values, float32 of the site's width, or one number for all of its entries.
        operation: `set` puts the values in place of the activation; `add` adds them to it; `scale` multiplies
            it by them; `zero` puts zeros in its place.
    """

    site: Site
    position: int
    value: np.ndarray | float = 0.0
    operation: Operation = "set"


class Scatter:
    """The edits of one batch at one hook, applied at once."""

    def __init__(self, edits: Sequence[tuple[int, int, Edit]], place: Place, handle: Handle):
        """Args: edits with the row of the batch and the position in the batch of each; their place."""
        width = place.width // place.units
        tokens = sorted({(row, position) for row, position, _ in edits})
        of_token = {token: number for number, token in enumerate(tokens)}
        values = np.stack([_values(edit, width) for _, _, edit in edits])
        device = handle.device
        rows, positions = torch.tensor(tokens, device=device).T
        self.where = rows, positions
        self.units = place.units
        self.tokens = torch.tensor([of_token[row, position] for row, position, _ in edits], device=device)
        self.indices = torch.tensor([edit.site.index or 0 for _, _, edit in edits], device=device)
        self.values = torch.from_numpy(values).to(device, handle.dtype)
        self.adds = torch.tensor([edit.operation == "add" for _, _, edit in edits], device=device)[:, None]
        self.scales = torch.tensor([edit.operation == "scale" for _, _, edit in edits], device=device)[
            :, None
        ]

    def __call__(self, view: View) -> None:
        """Edits the activations under a hook."""
        units = view.read(self.where).to(self.values.device).unflatten(-1, (self.units, -1))
        own = units[self.tokens, self.indices]
        changed = torch.where(self.adds, own + self.values, self.values)
        changed = torch.where(self.scales, own * self.values, changed)
        units[self.tokens, self.indices] = changed.to(units)
        view.write(self.where, units.flatten(-2))


def scatters(edits: Sequence[Sequence[Edit]], shifts: Sequence[int], handle: Handle) -> dict[str, Scatter]:
    """Edits of the rows of one batch, by hook.

    Args:
        edits: Edits of every row.
        shifts: How far every row is moved to the right within the batch.
        handle: The model.

    Raises:
        ModelError: a site outside the model, or one that is only read.
        MeasurementError: two edits of one row at the same site and position.
    """
    by_hook: defaultdict[str, list[tuple[int, int, Edit]]] = defaultdict(list)
    for row, (own, shift) in enumerate(zip(edits, shifts, strict=True)):
        seen: set[tuple[Site, int]] = set()
        for edit in own:
            if not edit.site.editable:
                raise ModelError(f"{edit.site} is an attention pattern; patterns are read, not edited")
            if (edit.site, edit.position) in seen:
                raise MeasurementError(
                    f"two edits of {edit.site} at token {edit.position} of one row: which one holds?"
                )
            seen.add((edit.site, edit.position))
            by_hook[edit.site.within(handle.shape).hook].append((row, edit.position + shift, edit))
    return {hook: Scatter(own, handle.place(hook), handle) for hook, own in by_hook.items()}


def _values(edit: Edit, width: int) -> np.ndarray:
    if edit.operation == "zero":
        return np.zeros(width, np.float32)
    value = np.asarray(edit.value, np.float32)
    return np.full(width, value) if value.ndim == 0 else value.reshape(width)
