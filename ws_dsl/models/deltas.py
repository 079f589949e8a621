"""Weight differences applied row by row, in the form they have; the model's own weights are never edited.

A matrix W that is changed by c ΔW gives W x + c ΔW x. The second term is computed in float32 from the factors
of ΔW beside the module, whatever precision or quantisation W is in. Rows of a batch share the deltas and have
each their own coefficients.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from ws_dsl.artifacts.delta import Part
from ws_dsl.errors import ModelError
from ws_dsl.models.handle import Handle
from ws_dsl.specs.matrix import MATRICES

if TYPE_CHECKING:
    import numpy as np

_ADDRESS = re.compile(rf"L(\d+)({'|'.join(MATRICES)})")


class Weighted(NamedTuple):
    """A delta at a coefficient.

    Attributes:
        digest: Of the delta's tensors; equal ones are one delta.
        parts: Change by the address of its matrix, such as `L3down`.
        coeff: How often it is added.
    """

    digest: str
    parts: Mapping[str, Part]
    coeff: float


def where(address: str) -> tuple[int, str]:
    """Layer and matrix of an address such as `L3down`.

    Raises:
        ModelError: it is no address of a matrix.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ModelError(f"{address!r} is no matrix; matrices are L0q, L0k, … with {', '.join(MATRICES)}")
    return int(match[1]), match[2]


def matrix(handle: Handle, address: str) -> Any:
    """The linear module at an address.

    Raises:
        ModelError: the model has no such matrix.
    """
    layer, name = where(address)
    if layer >= handle.shape.layers:
        raise ModelError(f"{address} is not in a model of {handle.shape.layers} layers")
    return handle.linear(layer, name)


def weight(handle: Handle, address: str) -> np.ndarray:
    """A matrix of the model, float32 of shape (out, in).

    Raises:
        ModelError: the model has no such matrix, or its weights are quantised.
    """
    values: Tensor = matrix(handle, address).weight
    if values.ndim != 2 or not values.is_floating_point():
        raise ModelError(f"{address} is quantised; what is computed from its weights needs them in full")
    return values.detach().float().cpu().numpy()


def _by_row(coeffs: Sequence[float]) -> Tensor:
    return torch.tensor(coeffs, dtype=torch.float32)[:, None]


@contextmanager
def changed(
    handle: Handle,
    rows: Sequence[Sequence[Weighted]],
    spread: Callable[[Sequence[float]], Tensor] = _by_row,
) -> Iterator[None]:
    """Passes under changed weights.

    Args:
        handle: The model.
        rows: Deltas of every row of the batch, the same ones at coefficients of their own.
        spread: Makes of the rows' coefficients those of all tokens, (sequences, tokens) or (sequences, 1);
            by default every row is a sequence.

    Raises:
        ModelError: a matrix outside the model, or one of another shape.
    """
    by_matrix: defaultdict[str, list[_Change]] = defaultdict(list)
    for place, delta in enumerate(rows[0] if rows else ()):
        coeffs = spread([row[place].coeff for row in rows])
        for address, part in delta.parts.items():
            by_matrix[address].append(_Change(_terms(part, matrix(handle, address), address), coeffs))
    with ExitStack() as stack:
        for address, changes in by_matrix.items():
            hook = partial(_changed, changes)
            stack.callback(matrix(handle, address).register_forward_hook(hook).remove)
        yield


def _changed(
    changes: Sequence[_Change], module: nn.Module, inputs: tuple[Any, ...], output: Tensor
) -> Tensor:
    """What a module gives with all changes added."""
    wide = inputs[0].float()
    total = output.float()
    for change in changes:
        total = total + change(module, wide, output)
    return total.to(output)


class _Change:
    """The change of one matrix by one delta."""

    def __init__(self, terms: Mapping[str, Tensor], coeffs: Tensor):
        self._terms = terms
        self._coeffs = coeffs

    def __call__(self, module: Any, inputs: Tensor, output: Tensor) -> Tensor:
        """C ΔW x, float32 of the output's shape."""
        return self._of_one(module, inputs, output) * self._coeffs.to(output.device)[..., None]

    def _of_one(self, module: Any, inputs: Tensor, output: Tensor) -> Tensor:
        """ΔW x."""
        terms, bias = self._terms, getattr(module, "bias", None)
        change = torch.zeros(output.shape, dtype=torch.float32, device=output.device)
        if "left" in terms:
            change += inputs @ terms["right"].T @ terms["left"].T
        if (turned := self._turned(inputs)) is not None:
            # The module's own hooks must not run within one of them.
            through = module.forward(turned.to(output)).float()
            change += through if bias is None else through - bias.float()
        if "rows" in terms:
            change += terms["rows"] * (output.float() if bias is None else output.float() - bias.float())
        if "bias" in terms:
            change += terms["bias"]
        return change

    def _turned(self, inputs: Tensor) -> Tensor | None:
        """What the matrix itself is given for the terms that change its inputs."""
        terms = self._terms
        found = inputs * terms["columns"] if "columns" in terms else None
        if "blocks" in terms:
            split = inputs.unflatten(-1, terms["blocks"].shape[:2])
            turned = torch.einsum("...ni,nji->...nj", split, terms["blocks"]).flatten(-2)
            found = turned if found is None else found + turned
        return found


def _terms(part: Part, module: Any, address: str) -> dict[str, Tensor]:
    """The terms of a part on the module's device.

    Raises:
        ModelError: one does not fit the module.
    """
    out, size = module.out_features, module.in_features
    found = {
        one.name: torch.tensor(value, device=module.weight.device)
        for one in fields(part)
        if (value := getattr(part, one.name)) is not None
    }
    for name, values in found.items():
        own = {"right": values.shape[-1], "blocks": values.shape[0] * values.shape[-1]}.get(name, len(values))
        if own != (out if name in ("left", "rows", "bias") else size):
            raise ModelError(f"the delta's {name} at {address} does not fit a matrix of {out} × {size}")
    return found
