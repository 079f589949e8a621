"""Addresses of places in a model, named as TransformerLens names them, with a shorthand.

| shorthand | hook | what it is |
| --- | --- | --- |
| `embed` | `hook_embed` | a token's embedding, scaled where the model scales it |
| `L13pre` | `blocks.13.hook_resid_pre` | the residual stream before a block |
| `L13mid` | `blocks.13.hook_resid_mid` | the residual stream between attention and MLP |
| `L13` | `blocks.13.hook_resid_post` | the residual stream after a block |
| `L19Q2` | `blocks.19.attn.hook_q[2]` | a query head as projected, before any norm and rotation |
| `L19K0` | `blocks.19.attn.hook_k[0]` | a key/value head's keys, likewise |
| `L19V0` | `blocks.19.attn.hook_v[0]` | a key/value head's values |
| `L19P2` | `blocks.19.attn.hook_pattern[2]` | what a head attends to; read, never edited |
| `L19H2` | `blocks.19.attn.hook_z[2]` | a head: its slice of the input of `o_proj` |
| `L19R2` | `blocks.19.attn.hook_result[2]` | what a head gives: its slice through `o_proj` |
| `L19attn` | `blocks.19.hook_attn_out` | what attention adds to the residual stream |
| `L21N1876` | `blocks.21.mlp.hook_post[1876]` | a neuron: an entry of the input of `down_proj` (gate × up) |
| `L21mlp` | `blocks.21.hook_mlp_out` | what the MLP adds to the residual stream |
| `normalized` | `ln_final.hook_normalized` | the final norm's output before its gain |
| `final` | `ln_final.hook_out` | the final norm's output, from which every logit is read |

A neuron is not an entry of the activation function's output: that is one factor of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import Shape

Part: TypeAlias = Literal[
    "hook_embed",
    "hook_resid_pre",
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    "attn.hook_pattern",
    "attn.hook_z",
    "attn.hook_result",
    "hook_attn_out",
    "hook_resid_mid",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
    "ln_final.hook_normalized",
    "ln_final.hook_out",
]
Unit: TypeAlias = Literal["heads", "kv_heads", "neurons"]

FINAL = "ln_final.hook_out"
"""The hook of the final norm's output, from which every logit is read."""


class _Form(NamedTuple):
    """How a part of a block is written and measured: shorthand after the layer, what its index counts."""

    short: str
    unit: Unit | None


# In the order of computation.
_OF_BLOCK: dict[Part, _Form] = {
    "hook_resid_pre": _Form("pre", None),
    "attn.hook_q": _Form("Q", "heads"),
    "attn.hook_k": _Form("K", "kv_heads"),
    "attn.hook_v": _Form("V", "kv_heads"),
    "attn.hook_pattern": _Form("P", "heads"),
    "attn.hook_z": _Form("H", "heads"),
    "attn.hook_result": _Form("R", "heads"),
    "hook_attn_out": _Form("attn", None),
    "hook_resid_mid": _Form("mid", None),
    "mlp.hook_post": _Form("N", "neurons"),
    "hook_mlp_out": _Form("mlp", None),
    "hook_resid_post": _Form("", None),
}
_OF_MODEL: dict[Part, str] = {
    "hook_embed": "embed",
    "ln_final.hook_normalized": "normalized",
    "ln_final.hook_out": "final",
}
_PARTS: list[Part] = ["hook_embed", *_OF_BLOCK, "ln_final.hook_normalized", "ln_final.hook_out"]
_BY_SHORT: dict[str, Part] = {form.short: part for part, form in _OF_BLOCK.items()}
_BY_WORD: dict[str, Part] = {word: part for part, word in _OF_MODEL.items()}
_BY_NAME: dict[str, Part] = {part: part for part in _PARTS}

_SHORT = re.compile(r"L(?P<layer>\d+)(?P<short>[A-Za-z]*)(?P<index>\d+)?")
_LONG = re.compile(r"(?:blocks\.(?P<layer>\d+)\.)?(?P<part>[a-z_]+(?:\.[a-z_]+)?)(?:\[(?P<index>\d+)\])?")


@dataclass(frozen=True)
class Site:
    """One component of a model.

    Attributes:
        layer: Block, counted from 0; None outside the blocks.
        part: Hook within the block, or the whole hook outside the blocks.
        index: Neuron or head, counted from 0; None where a hook is one component.
    """

    layer: int | None
    part: Part
    index: int | None

    @classmethod
    def parse(cls, text: str) -> Site:
        """A site from shorthand or from a hook name.

        Raises:
            ModelError: the text is neither.
        """
        if text in _BY_WORD:
            return cls(None, _BY_WORD[text], None)
        if match := _SHORT.fullmatch(text):
            part = _BY_SHORT.get(match["short"])
        elif match := _LONG.fullmatch(text):
            part = _BY_NAME.get(match["part"])
        else:
            part = None
        if match is None or part is None or (match["layer"] is None) != (part in _OF_MODEL):
            raise ModelError(
                f"{text!r} is no site: write a neuron as L3N41, a head as L3H1, the residual stream after a "
                f"block as L3, or a hook such as blocks.3.mlp.hook_post[41]"
            )
        layer, index = match["layer"], match["index"]
        site = cls(None if layer is None else int(layer), part, None if index is None else int(index))
        if (site.index is None) != (site.unit is None):
            what = "takes no index" if site.unit is None else f"needs the index of one unit: {text}0"
            if site.unit is not None and not text.startswith("L"):
                what = f"needs the index of one unit: {text}[0]"
            raise ModelError(f"{text!r} is no site: {'blocks.N.' if layer else ''}{part} {what}")
        return site

    def __str__(self) -> str:
        if self.layer is None:
            return _OF_MODEL[self.part]
        return f"L{self.layer}{_OF_BLOCK[self.part].short}{'' if self.index is None else self.index}"

    def __lt__(self, other: Site) -> bool:
        """Whether it is computed earlier, or is an earlier unit of one hook."""
        return self._order < other._order

    @property
    def _order(self) -> tuple[int, int, int]:
        stage = 1 if self.layer is not None else 0 if self.part == "hook_embed" else 2
        return stage, (self.layer or 0) * len(_PARTS) + _PARTS.index(self.part), self.index or 0

    @property
    def hook(self) -> str:
        """Name of its hook, such as `blocks.21.mlp.hook_post`."""
        return self.part if self.layer is None else f"blocks.{self.layer}.{self.part}"

    @property
    def unit(self) -> Unit | None:
        """What its index counts; None where the hook is one component."""
        return None if self.layer is None else _OF_BLOCK[self.part].unit

    @property
    def editable(self) -> bool:
        """Whether it may be changed: everything but attention patterns."""
        return self.part != "attn.hook_pattern"

    def units(self, shape: Shape) -> int:
        """Number of components that its hook holds."""
        return 1 if self.unit is None else getattr(shape, self.unit)

    def width(self, shape: Shape) -> int:
        """Number of entries of its activation at one token.

        Raises:
            ModelError: it is an attention pattern, as wide as its row is long.
        """
        if not self.editable:
            raise ModelError(f"{self} is an attention pattern: it is as wide as its row is long")
        if self.part == "mlp.hook_post":
            return 1
        return shape.width if self.unit is None or self.part == "attn.hook_result" else shape.head_width

    def within(self, shape: Shape) -> Site:
        """The site itself.

        Raises:
            ModelError: a model of this shape has no such site; states its size.
        """
        if (self.layer or 0) < shape.layers and (self.index or 0) < self.units(shape):
            return self
        raise ModelError(
            f"{self} is outside the model: it has layers L0 to L{shape.layers - 1}, each with heads H0 to "
            f"H{shape.heads - 1}, key/value heads K0 to K{shape.kv_heads - 1} and neurons N0 to "
            f"N{shape.neurons - 1}"
        )


def site_of_hook(hook: str) -> Site | None:
    """First component of the hook with this name, whatever model it is of; None where there is none."""
    match = _LONG.fullmatch(hook)
    part = _BY_NAME.get(match["part"]) if match and match["index"] is None else None
    if match is None or part is None or (match["layer"] is None) != (part in _OF_MODEL):
        return None
    layer = None if match["layer"] is None else int(match["layer"])
    site = Site(layer, part, None)
    return site if site.unit is None else Site(layer, part, 0)


def family_hooks(family: Literal["heads", "neurons"], shape: Shape) -> list[str]:
    """Hooks that hold all heads, or all neurons, of a model, by layer."""
    part: Part = "attn.hook_z" if family == "heads" else "mlp.hook_post"
    return [f"blocks.{layer}.{part}" for layer in range(shape.layers)]


def family_sites(family: Literal["heads", "neurons"], shape: Shape) -> list[Site]:
    """Every head, or every neuron, of a model, by layer and index."""
    part, units = ("attn.hook_z", shape.heads) if family == "heads" else ("mlp.hook_post", shape.neurons)
    return [Site(layer, part, unit) for layer in range(shape.layers) for unit in range(units)]
