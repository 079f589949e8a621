"""What a trained adapter changes in every matrix, in the exact form that its family has.

Everything is computed in float64 from the trained parameters and kept in float32 factors. Where the change
rests on the weights (DoRA's norms, IA3's biases), they are those of the untouched model. The rotations of
OFT are those that PEFT applies: by default the first terms of the series of Cayley's map, which give a
rotation only nearly.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.delta import Part
from ws_dsl.models.deltas import matrix, weight
from ws_dsl.models.handle import Handle

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Config: TypeAlias = Mapping[str, Any]

_NAME = re.compile(r"\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)_proj\.(\w+)(?:\.weight)?$")
_SMALLEST = 1e-4
"""PEFT's DeLoRA takes shorter factors as this long."""


class _Matrix(NamedTuple):
    """A matrix of the untouched model, and what was trained for it by PEFT's name."""

    handle: Handle
    address: str
    trained: dict[str, Array]

    def weight(self) -> Array:
        """W, (out, in)."""
        return weight(self.handle, self.address).astype(np.float64)

    def bias(self) -> Array | None:
        """Its bias, (out,)."""
        found = matrix(self.handle, self.address).bias
        return None if found is None else found.detach().double().cpu().numpy()


def delta_of(adapter: Adapter, handle: Handle) -> dict[str, Part]:
    """The change of every matrix that an adapter is on, by address.

    Args:
        adapter: The adapter.
        handle: The model that it was trained on, untouched.
    """
    from safetensors.torch import load

    config = json.loads(adapter.files["adapter_config.json"])
    trained: defaultdict[str, dict[str, Array]] = defaultdict(dict)
    for name, tensor in load(adapter.files["adapter_model.safetensors"]).items():
        match = _NAME.search(name)
        assert match is not None, name
        trained[f"L{match[1]}{match[2]}"][match[3]] = tensor.double().numpy()
    form = _FORMS["DORA" if config.get("use_dora") else config["peft_type"]]
    return {
        address: form(_Matrix(handle, address, tensors), config)
        for address, tensors in sorted(trained.items())
    }


def _lora(one: _Matrix, config: Config) -> Part:
    left = config["lora_alpha"] / config["r"] * one.trained["lora_B"]
    return _part(left=left, right=one.trained["lora_A"])


def _dora(one: _Matrix, config: Config) -> Part:
    """The rows of W + sBA brought to the norms m, less W: W is scaled by row, and so is what is added."""
    left = config["lora_alpha"] / config["r"] * one.trained["lora_B"]
    right = one.trained["lora_A"]
    norms = np.linalg.norm(one.weight() + left @ right, axis=1)
    scale = one.trained["lora_magnitude_vector"] / norms
    return _part(rows=scale - 1, left=scale[:, None] * left, right=right)


def _delora(one: _Matrix, config: Config) -> Part:
    right, left = one.trained["delora_A"], one.trained["delora_B"]
    lengths = np.linalg.norm(right, axis=1).clip(_SMALLEST) * np.linalg.norm(left, axis=0).clip(_SMALLEST)
    scale = one.trained["delora_lambda"] / config["r"] / lengths
    return _part(left=left * scale, right=right * one.trained["delora_w_norm"])


def _oft(one: _Matrix, config: Config) -> Part:
    """W Rᵀ − W."""
    rotations = _rotations(one.trained["oft_R"], config)
    return _part(blocks=np.swapaxes(rotations, 1, 2) - np.eye(rotations.shape[1]))


def _rotations(upper: Array, config: Config) -> Array:
    """Blocks that PEFT makes of the upper triangles of skew matrices, (n, b, b)."""
    size = (1 + round((1 + 8 * upper.shape[1]) ** 0.5)) // 2
    skew = np.zeros((len(upper), size, size))
    skew[:, *np.triu_indices(size, 1)] = upper
    skew -= np.swapaxes(skew, 1, 2)
    unit = np.eye(size)
    if not config["use_cayley_neumann"]:
        return (unit - skew) @ np.linalg.inv(unit + skew)
    # (I + Q)⁻¹ in powers of Q; PEFT counts the last power once and those before it twice.
    count = config["num_cayley_neumann_terms"]
    powers = [np.linalg.matrix_power(skew, power) for power in range(1, count)]
    return unit + 2 * np.sum(powers[:-1], axis=0) + powers[-1]


def _ia3(one: _Matrix, config: Config) -> Part:
    gates = one.trained["ia3_l"]
    change = gates.ravel() - 1
    if len(gates) == 1:  # inputs are scaled
        return _part(columns=change)
    bias = one.bias()
    return _part(rows=change, bias=None if bias is None else change * bias)


_FORMS: dict[str, Callable[[_Matrix, Config], Part]] = {
    "LORA": _lora,
    "DORA": _dora,
    "DELORA": _delora,
    "OFT": _oft,
    "IA3": _ia3,
}


def _part(**terms: Array | None) -> Part:
    return Part(**{name: None if term is None else term.astype(np.float32) for name, term in terms.items()})
