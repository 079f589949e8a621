"""Where the hooks are in a module tree.

A block of Qwen2, Qwen3, Llama and Mistral adds the outputs of `o_proj` and `down_proj` to the residual
stream. A block of Gemma 3 norms both first; what is added, as TransformerLens has it, is then the norm's
output.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

from torch import nn

from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import Shape
from ws_dsl.specs.site import Site, site_of_hook

Side: TypeAlias = Literal[
    "input", "output", "stream", "result", "normalized", "pattern", "point", "point_stream", "point_pattern"
]


class Place(NamedTuple):
    """Where a hook is in the module tree.

    Attributes:
        module: The module that is hooked.
        side: `input`: what the module receives; `output`: what it returns; `stream`: what it receives and the
            block also carries on; `result`, `normalized`, `pattern`: what it computes on its way
            (`ws_dsl.models.taps`); `point`, `point_stream`, `point_pattern`: the module is a hook point of
            TransformerLens (`ws_dsl.models.lens`).
        site: First component of the hook; hooks are ordered as their sites are.
        width: Width of the hooked tensor; 0 for attention patterns, which are as wide as their row is long.
        units: Number of components in it, of equal width.
    """

    module: nn.Module
    side: Side
    site: Site
    width: int
    units: int


def place(model: Any, shape: Shape, hook: str) -> Place:
    """Where a hook named as TransformerLens names it is in the module tree of a causal language model.

    Raises:
        ModelError: no such hook.
    """
    site = first_site(shape, hook)
    module, side = (
        _of_model(model.model, site)
        if site.layer is None
        else _of_block(model.model.layers[site.layer], site)
    )
    return placed(module, side, site, shape)


def placed(module: nn.Module, side: Side, site: Site, shape: Shape) -> Place:
    """A place with the sizes of its hook; `site` is the hook's first component."""
    units = site.units(shape)
    return Place(module, side, site, site.width(shape) * units if site.editable else 0, units)


def first_site(shape: Shape, hook: str) -> Site:
    """First component of the hook with this name.

    Raises:
        ModelError: a model of this shape has no such hook.
    """
    site = site_of_hook(hook)
    if site is None or (site.layer or 0) >= shape.layers:
        raise ModelError(
            f"the model has no hook {hook!r}; it has hook_embed, ln_final.hook_normalized, "
            f"ln_final.hook_out, and blocks.N.hook_resid_pre, _mid and _post, blocks.N.attn.hook_q, _k, _v, "
            f"_pattern, _z and _result, blocks.N.hook_attn_out, blocks.N.mlp.hook_post and "
            f"blocks.N.hook_mlp_out with N from 0 to {shape.layers - 1}"
        )
    return site


def _of_model(decoder: Any, site: Site) -> tuple[nn.Module, Side]:
    match site.part:
        case "hook_embed":
            return decoder.embed_tokens, "output"
        case "ln_final.hook_normalized":
            return decoder.norm, "normalized"
        case _:
            return decoder.norm, "output"


def _of_block(block: Any, site: Site) -> tuple[nn.Module, Side]:
    attention, mlp = block.self_attn, block.mlp
    normed = hasattr(block, "post_feedforward_layernorm")
    match site.part:
        case "hook_resid_pre":
            return block, "input"
        case "attn.hook_q":
            return attention.q_proj, "output"
        case "attn.hook_k":
            return attention.k_proj, "output"
        case "attn.hook_v":
            return attention.v_proj, "output"
        case "attn.hook_pattern":
            return attention, "pattern"
        case "attn.hook_z":
            return attention.o_proj, "input"
        case "attn.hook_result":
            return attention.o_proj, "result"
        case "hook_attn_out":
            return block.post_attention_layernorm if normed else attention.o_proj, "output"
        case "hook_resid_mid":
            return block.pre_feedforward_layernorm if normed else block.post_attention_layernorm, "stream"
        case "mlp.hook_post":
            return mlp.down_proj, "input"
        case "hook_mlp_out":
            return block.post_feedforward_layernorm if normed else mlp.down_proj, "output"
        case _:
            return block, "output"
