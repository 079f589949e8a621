"""A checkpoint loaded for measuring: the Hugging Face module tree, its tokenizer, its shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ws_dsl.errors import ModelError
from ws_dsl.models.attention import packed, stepping
from ws_dsl.models.places import Place, place
from ws_dsl.models.tokens import load_tokenizer
from ws_dsl.specs.checkpoint import Shape, defining_files, shape_of

ARCHITECTURES = (
    "Gemma3ForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
)
"""Classes whose parity with TransformerLens is tested."""

ONE_THREAD_BELOW = 50_000_000
"""Parameters below which a second thread costs more than it brings, and bits depend on it."""

_SHARE = 1 << 15
"""Numbers below which torch gives no thread a share of its own (`at::internal::GRAIN_SIZE`)."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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
        resumes: Whether its attention can be told how to run (`ws_dsl.models.attention`): rows are packed,
            and single positions of a row are computed anew from the middle of a clean pass
            (`ws_dsl.models.prefix`). Else rows are padded, and every edited row is a whole pass.
        passes: Forward passes run so far; each is one batch.
        rows: Rows that went through the model so far, dummy rows not counted.
    """

    model: Any
    tokenizer: Any
    architecture: str
    shape: Shape
    threads: int
    resumes: ClassVar[bool] = True
    passes: int = 0
    rows: int = 0

    @property
    def device(self) -> torch.device:
        """Device of the embedding, where token ids go; a model may be spread over several."""
        return self.model.get_input_embeddings().weight.device

    @property
    def room(self) -> int:
        """Tokens of a pack: enough that matrix products are at their full speed, and no more.

        On a processor 1,024 up to a width of 256, 256 at a width of 896, at least 128; on a card, where calls
        cost more than arithmetic, eight times as many.
        """
        few = max(128, min(1024, (1 << 18) // self.shape.width // 64 * 64))
        return few if self.device.type == "cpu" else 8 * few

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.model.dtype

    def block(self, layer: int) -> nn.Module:
        """A decoder block."""
        return self.model.model.layers[layer]

    def linear(self, layer: int, name: str) -> Any:
        """A linear module of a block: `q`, `k`, `v`, `o`, `gate`, `up` or `down`."""
        block: Any = self.block(layer)
        return getattr(block.self_attn if name in "qkvo" else block.mlp, f"{name}_proj")

    def place(self, hook: str) -> Place:
        """Where a hook named as TransformerLens names it is in the module tree.

        Raises:
            ModelError: no such hook.
        """
        return place(self.model, self.shape, hook)

    def final(self, input_ids: Tensor, **arguments: Any) -> Tensor:
        """One pass: the final norm's output, (rows, tokens, width).

        Args:
            input_ids: Token ids, (rows, tokens).
            arguments: What else decoders of transformers take: `attention_mask`, `position_ids`, and
                `past_key_values`, to which the tokens' keys and values are then added; and `attend`, how
                attention runs where rows are packed.
        """
        cached = "past_key_values" in arguments
        step = cached and input_ids.shape[1] == 1
        attention = packed if "attend" in arguments else stepping if step else nullcontext
        with attention(self.model):
            return self.model.model(input_ids=input_ids, use_cache=cached, **arguments).last_hidden_state

    def unembedding(self, states: Tensor) -> Tensor:
        """Logits of final-norm states, (rows, width) to (rows, vocabulary)."""
        logits = self.model.lm_head(states).to(self.device)
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        return logits if cap is None else torch.tanh(logits / cap) * cap

    @contextmanager
    def arithmetic(self, tokens: int | None = None) -> Iterator[None]:
        """Computes without gradients and on the model's own number of threads.

        Args:
            tokens: How many go through a block at once. Then no more threads are taken than have a whole
                share each of its widest activations: of fewer, torch makes uneven shares, with odd ends.
        """
        before = torch.get_num_threads()
        shares = self.threads if tokens is None else max(1, tokens * self.shape.neurons // _SHARE)
        torch.set_num_threads(min(self.threads, 1 << shares.bit_length() - 1))
        try:
            with torch.no_grad():
                yield
        finally:
            torch.set_num_threads(before)


def load(folder: Path, dtype: str = "float32", device: str = "cpu", bits: Literal[4] | None = None) -> Handle:
    """A checkpoint folder as a measuring model; never reaches for the network, never unpickles.

    Args:
        folder: Checkpoint with `config.json`, `*.safetensors` and `tokenizer.json`.
        dtype: `float32`, `bfloat16` or `float16`; what is computed in where weights are quantised.
        device: A torch device; or `auto`: spread over all cards, and the processor's memory where they are
            full.
        bits: Weights are quantised to so many bits while they are loaded (NF4, by bitsandbytes).

    Raises:
        ModelError: no checkpoint, pickled weights, an architecture whose parity is not tested, or a package
            that is not installed.
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
        **_placement(_DTYPES[dtype], device, bits),
    )
    model = model.eval().requires_grad_(False)
    if device != "auto" and bits is None:
        model = model.to(device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Handle(
        model, load_tokenizer(folder), architecture, shape_of(model.config.to_dict()), _threads(parameters)
    )


def _placement(dtype: torch.dtype, device: str, bits: Literal[4] | None) -> dict[str, Any]:
    """Where the loader puts weights itself, and in what form."""
    if device == "auto":
        _need("accelerate", "Spreading a model over several devices")
    if bits is None:
        return {"device_map": "auto"} if device == "auto" else {}
    _need("bitsandbytes", "Loading weights in 4 bits")
    from transformers import BitsAndBytesConfig

    quantised = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    return {"quantization_config": quantised, "device_map": "auto" if device == "auto" else {"": device}}


def _need(package: str, purpose: str) -> None:
    if find_spec(package) is None:
        raise ModelError(f"{purpose} needs {package}, which is not installed: pip install {package}")


def _threads(parameters: int) -> int:
    if parameters < ONE_THREAD_BELOW:
        return 1
    # A power of two divides every batch evenly: no row is computed by the odd end of a thread's share.
    return 1 << (torch.get_num_threads().bit_length() - 1)
