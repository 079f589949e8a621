"""A model whose weights are changed for good, as a checkpoint of its own."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ws_dsl.artifacts.delta import Part
from ws_dsl.models.deltas import matrix, weight
from ws_dsl.models.handle import Handle
from ws_dsl.models.spectra import has_matrix
from ws_dsl.specs.checkpoint import defining_files


def write_merged(handle: Handle, parts: Mapping[str, Part], folder: Path) -> None:
    """Writes the checkpoint of W + ΔW, added in float64 and rounded once to the precision of the weights.

    Configuration and tokenizer are copied as they are.

    Args:
        handle: The model; it is left as it is.
        parts: Change by address.
        folder: Where to write; it exists and is empty.

    Raises:
        ModelError: the weights are quantised.
    """
    base = Path(handle.model.name_or_path)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        _merged(handle, parts).save_pretrained(place, max_shard_size="1000TB")
        shutil.move(Path(place) / "model.safetensors", folder / "model.safetensors")
    for name in defining_files(base):
        if not name.endswith((".safetensors", ".index.json")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(base / name, folder / name)


def _merged(handle: Handle, parts: Mapping[str, Part]) -> Any:
    """A copy of the module tree; only what is changed has weights of its own."""
    changed = {id(one) for address in parts for one in matrix(handle, address).parameters()}
    shared = {id(one): one for one in handle.model.parameters() if id(one) not in changed}
    model = copy.deepcopy(handle.model, shared)
    names = {module: name for name, module in handle.model.named_modules()}
    for address, part in parts.items():
        module: Any = model.get_submodule(names[matrix(handle, address)])
        if has_matrix(part):
            change = part.dense(None if part.factored else weight(handle, address))
            module.weight.data = _added(module.weight, change)
        if part.bias is not None:
            module.bias.data = _added(module.bias, part.bias)
    return model


def _added(values: torch.Tensor, change: Any) -> torch.Tensor:
    return (values.double() + torch.as_tensor(change, device=values.device)).to(values.dtype)
