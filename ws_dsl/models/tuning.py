"""Adapters of PEFT on a model of their own, and the folder they are kept in.

The module tree is a private copy; frozen weights are shared with the measuring model, which is safe because
nothing writes to them. PiSSA's initialisation does: it replaces each weight by what its factors leave of it.
The matrices it sits on are copied first, and the adapter is kept as (alpha/r)(BA − B₀A₀), a LoRA of twice the
rank that is right on the untouched weights. Below float32 what the factors leave of a weight is rounded once
more, as PEFT rounds it, so that PiSSA trains on weights that differ by that much.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ws_dsl.errors import ModelError
from ws_dsl.models.deltas import matrix
from ws_dsl.models.handle import Handle


class Method(NamedTuple):
    """What PEFT is asked for.

    Attributes:
        type: Its name of the family, such as `LORA`.
        settings: What its configuration is given.
        modules: Matrices, such as `q` and `down`.
        layers: Blocks, counted from 0.
        decayed: Parts of the names of parameters that weight decay may pull to zero.
        replaces: Whether the initialisation writes to the weights.
    """

    type: str
    settings: Mapping[str, Any]
    modules: Sequence[str]
    layers: Sequence[int]
    decayed: Sequence[str]
    replaces: bool


class Tuned(NamedTuple):
    """A model with an adapter that is yet to be trained.

    Attributes:
        handle: The private model.
        peft: The same as PEFT sees it.
        decayed: Parameters that weight decay may pull to zero, by name.
        others: The other parameters.
        first: State of the adapter before training.
    """

    handle: Handle
    peft: Any
    decayed: Mapping[str, Tensor]
    others: Mapping[str, Tensor]
    first: dict[str, Tensor]


def attach(handle: Handle, method: Method, seed: int) -> Tuned:
    """A private model with a new adapter.

    Args:
        handle: The model; it is left as it is.
        method: What to attach.
        seed: Of the initialisation.

    Raises:
        ModelError: PEFT is not installed, or cannot be attached to this model.
    """
    if find_spec("peft") is None:
        raise ModelError("adapters are trained by PEFT, which is not installed: pip install peft")
    if not handle.resumes:
        raise ModelError("adapters are trained on the model of Hugging Face; use backend: hugging_face")
    from peft import PeftConfig, PeftModel, get_peft_model

    private = _private(handle, method)
    config = PeftConfig.from_peft_type(peft_type=method.type, **_settings(handle, method))
    with handle.arithmetic(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # PEFT asks transformers under a name that is on its way out.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        torch.manual_seed(seed)
        try:
            model: Any = get_peft_model(private, config)
        except (ValueError, TypeError) as error:
            raise ModelError(f"PEFT cannot attach this adapter: {error}") from None
    assert isinstance(model, PeftModel)
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    decayed = {name: one for name, one in trained.items() if any(part in name for part in method.decayed)}
    others = {name: one for name, one in trained.items() if name not in decayed}
    return Tuned(replace(handle, model=private), model, decayed, others, _state(model))


def folder(tuned: Tuned) -> dict[str, bytes]:
    """The files that `PeftModel.from_pretrained` loads on the untouched model, by name."""
    from safetensors.torch import save

    state, config = _state(tuned.peft), tuned.peft.peft_config["default"].to_dict()
    if config.get("init_lora_weights") == "pissa":
        state = _subtracted(state, tuned.first)
        config |= {"init_lora_weights": True, "r": 2 * config["r"], "lora_alpha": 2 * config["lora_alpha"]}
    # Paths say nothing of an adapter, and sets come in any order.
    config |= {"base_model_name_or_path": None, "inference_mode": True}
    written = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
    return {
        "adapter_config.json": (json.dumps(written, indent=2, sort_keys=True) + "\n").encode(),
        "adapter_model.safetensors": save(state, metadata={"format": "pt"}),
    }


def _private(handle: Handle, method: Method) -> Any:
    """A copy of the module tree; what an initialisation writes to is copied too, other weights are shared."""
    addresses = [f"L{layer}{name}" for layer in method.layers for name in method.modules]
    own = {id(matrix(handle, address).weight) for address in addresses} if method.replaces else set[int]()
    shared = {id(one): one for one in handle.model.parameters() if id(one) not in own}
    return copy.deepcopy(handle.model, shared)


def _settings(handle: Handle, method: Method) -> dict[str, Any]:
    modules = [f"{name}_proj" for name in method.modules]
    found: dict[str, Any] = {**method.settings, "task_type": "CAUSAL_LM", "target_modules": modules}
    whole = len(method.layers) == handle.shape.layers
    if method.type == "IA3":
        found["feedforward_modules"] = [name for name in modules if name == "down_proj"]
        if not whole:  # PEFT's IA3 knows no layers; its modules may be named one by one
            found |= {
                role: _by_layer(handle, method.layers, found[role])
                for role in ("target_modules", "feedforward_modules")
            }
    elif not whole:
        found["layers_to_transform"] = [*method.layers]
    return found


def _by_layer(handle: Handle, layers: Sequence[int], modules: Sequence[str]) -> list[str]:
    names = {module: name for name, module in handle.model.named_modules()}
    wanted = [matrix(handle, f"L{layer}{name.removesuffix('_proj')}") for layer in layers for name in modules]
    return [names[module] for module in wanted]


def _state(model: Any) -> dict[str, Tensor]:
    """The adapter's tensors as PEFT names them in its files."""
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: one.detach().clone().cpu().contiguous() for name, one in found.items()}


def _subtracted(state: Mapping[str, Tensor], first: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """BA − B₀A₀ as one pair of factors of twice the rank."""
    return {
        name: torch.cat([one, first[name]], 0) if ".lora_A." in name else torch.cat([one, -first[name]], 1)
        for name, one in state.items()
    }
