"""Edits of activations: different ones for every row of a batch, in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models.places import Place
from ws_dsl.models.taps import View
from ws_dsl.specs.site import Site

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle

Operation: TypeAlias = Literal["set", "add", "scale", "zero", "project_out"]


class Edit(NamedTuple):
    """A change of one activation at one position.

    Attributes:
        site: What is changed.
        position: Index of the token at which it is changed.
        value: Values, float32 of the site's width, or one number for all of its entries.
        operation: `set` puts the values in place of the activation; `add` adds them to it; `scale` multiplies
            it by them; `zero` puts zeros in its place; `project_out` takes away its part along them.
    """

    site: Site
    position: int
    value: np.ndarray | float = 0.0
    operation: Operation = "set"


class Scatter:
    """The edits of one batch at one hook, applied at once."""

    def __init__(self, edits: Sequence[tuple[int, int, Edit]], place: Place, handle: Handle):
        """Args: edits, each with its sequence of the batch and its index in that; their place."""
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
        self.adds = self._which(edits, "add")
        self.scales = self._which(edits, "scale")
        self.projects = self._which(edits, "project_out")

    def __call__(self, view: View) -> None:
        """Edits the activations under a hook."""
        units = view.read(self.where).to(self.values.device).unflatten(-1, (self.units, -1))
        own = units[self.tokens, self.indices]
        changed = torch.where(self.adds, own + self.values, self.values)
        changed = torch.where(self.scales, own * self.values, changed)
        if self.projects.any():
            changed = torch.where(self.projects, own - self._part(own), changed)
        units[self.tokens, self.indices] = changed.to(units)
        view.write(self.where, units.flatten(-2))

    def _which(self, edits: Sequence[tuple[int, int, Edit]], operation: Operation) -> Tensor:
        found = [edit.operation == operation for _, _, edit in edits]
        return torch.tensor(found, device=self.tokens.device)[:, None]

    def _part(self, own: Tensor) -> Tensor:
        """The part of activations along the values, in float32 whatever they are in."""
        along = self.values.float()
        lengths = (along * along).sum(-1, keepdim=True)
        shares = (own.float() * along).sum(-1, keepdim=True) / torch.where(lengths == 0, 1.0, lengths)
        return (shares * along).to(own)


def scatters(
    edits: Sequence[Sequence[Edit]], origins: Sequence[tuple[int, int]], handle: Handle
) -> dict[str, Scatter]:
    """Edits of the rows of one batch, by hook.

    Args:
        edits: Edits of every row.
        origins: Sequence of the batch that every row is in, and index in it of the row's first token.
        handle: The model.

    Raises:
        ModelError: a site outside the model, or one that is only read.
        MeasurementError: two edits of one row at the same site and position, unless both add.
    """
    by_hook: defaultdict[str, list[tuple[int, int, Edit]]] = defaultdict(list)
    hooks: dict[Site, str] = {}
    for own, (sequence, start) in zip(edits, origins, strict=True):
        seen: dict[tuple[Site, int], Edit] = {}
        for edit in own:
            if edit.site not in hooks:
                if not edit.site.editable:
                    raise ModelError(f"{edit.site} is an attention pattern; patterns are read, not edited")
                hooks[edit.site] = edit.site.within(handle.shape).hook
            place = (edit.site, edit.position)
            seen[place] = _both(seen[place], edit, handle) if place in seen else edit
        for edit in seen.values():
            by_hook[hooks[edit.site]].append((sequence, edit.position + start, edit))
    return {hook: Scatter(own, handle.place(hook), handle) for hook, own in by_hook.items()}


def _both(one: Edit, other: Edit, handle: Handle) -> Edit:
    """Two edits at one place as one: what is added may be added up."""
    if one.operation != "add" or other.operation != "add":
        raise MeasurementError(
            f"two edits of {one.site} at token {one.position} of one row: which one holds?"
        )
    width = one.site.within(handle.shape).width(handle.shape)
    return one._replace(value=_values(one, width) + _values(other, width))


def _values(edit: Edit, width: int) -> np.ndarray:
    if edit.operation == "zero":
        return np.zeros(width, np.float32)
    value = np.asarray(edit.value, np.float32)
    return np.full(width, value) if value.ndim == 0 else value.reshape(width)
