"""A checkpoint loaded for measuring: the Hugging Face module tree, its tokenizer, its shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ws_dsl.errors import ModelError
from ws_dsl.models.tokens import load_tokenizer
from ws_dsl.specs.checkpoint import Shape, defining_files, shape_of
from ws_dsl.specs.site import FINAL

ARCHITECTURES = ("LlamaForCausalLM", "Qwen3ForCausalLM")
"""Classes whose parity with TransformerLens is tested."""

ONE_THREAD_BELOW = 50_000_000
"""Parameters below which a second thread costs more than it brings, and bits depend on it."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Place(NamedTuple):
    """Where a hook is in the module tree.

    Attributes:
        module: The module that is hooked.
        side: `input` when the hook is what the module receives, `output` when it is what it returns.
        order: Place in the order of computation: the block, then the place within it.
        width: Width of the hooked tensor.
    """

    module: nn.Module
    side: str
    order: tuple[int, int]
    width: int


@dataclass(eq=False)
class Handle:
    """A loaded model.

    Attributes:
        model: The causal language model, in evaluation mode, without gradients.
        tokenizer: Its tokenizer.
        architecture: Class name, such as `Qwen3ForCausalLM`.
        shape: Its sizes.
        threads: CPU threads that it computes on; small models use one, so that their bits are the same
            whatever the number of cores.
        passes: Forward passes run so far; each is one batch.
        rows: Rows that went through the model so far, dummy rows not counted.
    """

    model: Any
    tokenizer: Any
    architecture: str
    shape: Shape
    threads: int
    passes: int = 0
    rows: int = 0

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.model.device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.model.dtype

    def block(self, layer: int) -> nn.Module:
        """A decoder block."""
        return self.model.model.layers[layer]

    def place(self, hook: str) -> Place:
        """Where a hook named as TransformerLens names it is in the module tree.

        Raises:
            ModelError: no such hook.
        """
        if hook == FINAL:
            return Place(self.model.model.norm, "output", (self.shape.layers, 0), self.shape.width)
        start, _, rest = hook.partition(".")
        layer, _, part = rest.partition(".")
        if start == "blocks" and layer.isdecimal() and int(layer) < self.shape.layers:
            block: Any = self.block(int(layer))
            match part:
                case "attn.hook_z":
                    width = self.shape.heads * self.shape.head_width
                    return Place(block.self_attn.o_proj, "input", (int(layer), 0), width)
                case "mlp.hook_post":
                    return Place(block.mlp.down_proj, "input", (int(layer), 1), self.shape.neurons)
                case "hook_resid_post":
                    return Place(block, "output", (int(layer), 2), self.shape.width)
                case _:
                    pass
        raise ModelError(
            f"the model has no hook {hook!r}; it has {FINAL}, and blocks.N.attn.hook_z, "
            f"blocks.N.mlp.hook_post and blocks.N.hook_resid_post with N from 0 to {self.shape.layers - 1}"
        )

    def unembedding(self, states: Tensor) -> Tensor:
        """Logits of final-norm states, (rows, width) to (rows, vocabulary)."""
        return self.model.lm_head(states)

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Computes without gradients and on the model's own number of threads."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.no_grad():
                yield
        finally:
            torch.set_num_threads(before)


def load(folder: Path, dtype: str = "float32", device: str = "cpu") -> Handle:
    """A checkpoint folder as a measuring model; never reaches for the network, never unpickles.

    Args:
        folder: Checkpoint with `config.json`, `*.safetensors` and `tokenizer.json`.
        dtype: `float32`, `bfloat16` or `float16`.
        device: A torch device.

    Raises:
        ModelError: no checkpoint, pickled weights, or an architecture whose parity is not tested.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    defining_files(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    architecture = (config.get("architectures") or ["unknown"])[0]
    if architecture not in ARCHITECTURES:
        raise ModelError(f"{folder} is a {architecture}; measured are {', '.join(ARCHITECTURES)}")
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=_DTYPES[dtype],
        attn_implementation="sdpa",
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    model = model.eval().requires_grad_(False).to(device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Handle(
        model, load_tokenizer(folder), architecture, shape_of(model.config.to_dict()), _threads(parameters)
    )


def _threads(parameters: int) -> int:
    if parameters < ONE_THREAD_BELOW:
        return 1
    # A power of two divides every batch evenly: no row is computed by the odd end of a thread's share.
    return 1 << (torch.get_num_threads().bit_length() - 1)
