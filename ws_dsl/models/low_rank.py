"""A weight difference as a LoRA of given rank, for programs that know no other form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ws_dsl.artifacts.delta import Part
from ws_dsl.models.deltas import where
from ws_dsl.models.spectra import has_matrix, spectrum


class LowRank(NamedTuple):
    """A LoRA that stands for a delta.

    Attributes:
        files: The folder that PEFT loads, by file name.
        error: Frobenius norm of what is cut off over that of the whole, over all matrices.
        worst: Address of the matrix that loses the largest share of its norm, and that share.
        rank: The rank at which nothing would be cut off.
        biases: Addresses whose bias changes too, which a LoRA cannot say.
    """

    files: dict[str, bytes]
    error: float
    worst: tuple[str, float]
    rank: int
    biases: list[str]


def low_rank(parts: Mapping[str, Part], rank: int, weight: Callable[[str], np.ndarray | None]) -> LowRank:
    """The nearest change of a rank, matrix by matrix, in the Frobenius norm (Eckart and Young).

    Args:
        parts: Change by address.
        rank: Largest rank of a matrix's change.
        weight: W at an address; asked only where the change is not factored.
    """
    from safetensors.numpy import save

    tensors: dict[str, np.ndarray] = {}
    cut: dict[str, tuple[float, float]] = {}
    needed = 0
    for address, part in parts.items():
        if not has_matrix(part):
            continue
        found = spectrum(part, None if part.factored else weight(address))
        kept = found.band(0, rank)
        assert kept.left is not None and kept.right is not None
        empty = rank - kept.left.shape[1]
        name = f"base_model.model.{_module(address)}"
        tensors[f"{name}.lora_A.weight"] = np.pad(kept.right, ((0, max(empty, 0)), (0, 0)))
        tensors[f"{name}.lora_B.weight"] = np.pad(kept.left, ((0, 0), (0, max(empty, 0))))
        cut[address] = float(np.sum(found.sizes[rank:] ** 2)), float(np.sum(found.sizes**2))
        needed = max(needed, found.rank)
    total = sum(whole for _, whole in cut.values())
    shares = {address: (lost / whole) ** 0.5 if whole else 0.0 for address, (lost, whole) in cut.items()}
    worst = max(shares, key=shares.__getitem__, default="")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": rank,
        "target_modules": [_module(address) for address in cut],
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "base_model_name_or_path": None,
    }
    return LowRank(
        {
            "adapter_config.json": (json.dumps(config, indent=2, sort_keys=True) + "\n").encode(),
            "adapter_model.safetensors": save(tensors, metadata={"format": "pt"}),
        },
        (sum(lost for lost, _ in cut.values()) / total) ** 0.5 if total else 0.0,
        (worst, shares.get(worst, 0.0)),
        needed,
        [address for address, part in parts.items() if part.bias is not None],
    )


def _module(address: str) -> str:
    layer, name = where(address)
    return f"model.layers.{layer}.{'self_attn' if name in 'qkvo' else 'mlp'}.{name}_proj"
