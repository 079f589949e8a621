"""A checkpoint run and hooked by TransformerLens: the second backend, an implementation that is not ours.

Its `TransformerBridge` computes attention itself, step by step, on a module tree of its own, with the weights
as they are in the checkpoint; nothing is folded or centred. What is read and changed is at its hook points.
Batches, padding, positions and what is read out of final-norm states are ours on both backends.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

from torch import Tensor

from ws_dsl.errors import ModelError
from ws_dsl.models import handle
from ws_dsl.models.handle import Handle
from ws_dsl.models.places import Place, Side, first_site, placed
from ws_dsl.models.taps import View, tap
from ws_dsl.specs.site import FINAL

_SIDES: dict[str, Side] = {"hook_resid_mid": "point_stream", "attn.hook_pattern": "point_pattern"}


class _Enough(Exception):
    """Ends a pass at the final norm: the unembedding never runs over whole prompts."""


@dataclass(eq=False, kw_only=True)
class Lens(Handle):
    """A model loaded by TransformerLens.

    Attributes:
        bridge: The `TransformerBridge`; `model` is the module tree that it has taken over.
        points: Its hook points by name.
    """

    resumes: ClassVar[bool] = False
    bridge: Any
    points: Mapping[str, Any]

    def place(self, hook: str) -> Place:
        site = first_site(self.shape, hook)
        return placed(self.points[hook], _SIDES.get(site.part, "point"), site, self.shape)

    def linear(self, layer: int, name: str) -> Any:
        if name == "o":
            raise ModelError(
                "backend: transformer_lens computes what heads give from the weights of o_proj and takes no "
                "change of them; use backend: hugging_face"
            )
        return super().linear(layer, name).original_component

    def final(self, input_ids: Tensor, **arguments: Any) -> Tensor:
        found: list[Tensor] = []

        def stop(view: View) -> None:
            found.append(view.tensor)
            raise _Enough

        last = tap(self.place(FINAL), stop)
        cached = "past_key_values" in arguments
        try:
            with suppress(_Enough):
                self.bridge(input_ids, return_type=None, use_cache=cached, **arguments)
        finally:
            last.remove()
        return found[0]


def load(folder: Path, dtype: str = "float32", device: str = "cpu", bits: Literal[4] | None = None) -> Lens:
    """A checkpoint folder as a measuring model of TransformerLens.

    Args:
        folder: Checkpoint with `config.json`, `*.safetensors` and `tokenizer.json`.
        dtype: `float32`, `bfloat16` or `float16`.
        device: A torch device.
        bits: None; weights in 4 bits are refused.

    Raises:
        ModelError: what `ws_dsl.models.handle.load` refuses, weights in 4 bits, a model over several devices,
            or TransformerLens is not installed.
    """
    if find_spec("transformer_lens") is None:
        raise ModelError(
            "backend: transformer_lens needs TransformerLens, which is not installed: "
            "pip install 'ws-dsl[transformer_lens]'"
        )
    if bits is not None:
        raise ModelError(
            "backend: transformer_lens takes no weights in 4 bits, because what each head gives is computed "
            "from the weights of o_proj; leave out bits, or use backend: hugging_face"
        )
    if device == "auto":
        raise ModelError(
            "backend: transformer_lens runs on one device; name one, or use backend: hugging_face"
        )
    from transformer_lens.model_bridge import TransformerBridge

    plain = handle.load(folder, dtype, device)
    bridge: Any = TransformerBridge.boot_transformers(
        str(folder), hf_model=plain.model, tokenizer=plain.tokenizer, dtype=plain.dtype, device=device
    )
    # Always, so that a row's bits are the same whether or not it is asked what each head gives.
    bridge.set_use_attn_result(True)
    return Lens(
        model=bridge.original_model,
        tokenizer=plain.tokenizer,
        architecture=plain.architecture,
        shape=plain.shape,
        threads=plain.threads,
        bridge=bridge,
        points=bridge.hook_dict,
    )
