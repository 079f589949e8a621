"""Addresses of places in a model, named as TransformerLens names them, with the usual shorthand.

| shorthand | hook | what it is |
| --- | --- | --- |
| `L21N1876` | `blocks.21.mlp.hook_post[1876]` | a neuron: one entry of the input of `down_proj` (gate × up) |
| `L19H2` | `blocks.19.attn.hook_z[2]` | a head: its slice of the input of `o_proj` |
| `L13` | `blocks.13.hook_resid_post` | the residual stream after a block |

A neuron is not an entry of the activation function's output: that is one factor of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import Shape

Part: TypeAlias = Literal["attn.hook_z", "mlp.hook_post", "hook_resid_post"]

FINAL = "ln_final.hook_normalized"
"""The hook of the final norm's output, from which every logit is read."""

_SHORT = re.compile(r"L(?P<layer>\d+)(?:(?P<family>[NH])(?P<index>\d+))?")
_LONG = re.compile(
    r"blocks\.(?P<layer>\d+)\.(?P<part>attn\.hook_z|mlp\.hook_post|hook_resid_post)(?:\[(?P<index>\d+)\])?"
)
_PARTS: dict[str | None, Part] = {"N": "mlp.hook_post", "H": "attn.hook_z", None: "hook_resid_post"}
_LETTERS: dict[Part, str] = {"mlp.hook_post": "N", "attn.hook_z": "H"}


@dataclass(frozen=True, order=True)
class Site:
    """One component of a model.

    Attributes:
        layer: Block, counted from 0.
        part: Hook within the block.
        index: Neuron or head, counted from 0; None for the residual stream.
    """

    layer: int
    part: Part
    index: int | None

    @classmethod
    def parse(cls, text: str) -> Site:
        """A site from shorthand or from a hook name.

        Raises:
            ModelError: the text is neither.
        """
        if match := _SHORT.fullmatch(text):
            index = match["index"]
            return cls(int(match["layer"]), _PARTS[match["family"]], None if index is None else int(index))
        match = _LONG.fullmatch(text)
        if match is None:
            raise ModelError(
                f"{text!r} is no site: write a neuron as L3N41, a head as L3H1, the residual stream after a "
                f"block as L3, or a hook such as blocks.3.mlp.hook_post[41]"
            )
        part: Part = match["part"]  # pyright: ignore[reportAssignmentType]
        index = match["index"]
        if (index is None) != (part == "hook_resid_post"):
            what = (
                "takes no index" if part == "hook_resid_post" else f"needs the index of one unit: {text}[0]"
            )
            raise ModelError(f"{text!r} is no site: blocks.N.{part} {what}")
        return cls(int(match["layer"]), part, None if index is None else int(index))

    def __str__(self) -> str:
        if self.index is None:
            return f"L{self.layer}"
        return f"L{self.layer}{_LETTERS[self.part]}{self.index}"

    @property
    def hook(self) -> str:
        """Name of its hook, such as `blocks.21.mlp.hook_post`."""
        return f"blocks.{self.layer}.{self.part}"

    def width(self, shape: Shape) -> int:
        """Number of entries of its activation."""
        return {"mlp.hook_post": 1, "attn.hook_z": shape.head_width, "hook_resid_post": shape.width}[
            self.part
        ]

    def within(self, shape: Shape) -> Site:
        """The site itself.

        Raises:
            ModelError: a model of this shape has no such site; states its size.
        """
        units = {"mlp.hook_post": shape.neurons, "attn.hook_z": shape.heads, "hook_resid_post": 1}[self.part]
        if self.layer < shape.layers and (self.index or 0) < units:
            return self
        raise ModelError(
            f"{self} is outside the model: it has layers L0 to L{shape.layers - 1}, each with heads H0 to "
            f"H{shape.heads - 1} and neurons N0 to N{shape.neurons - 1}"
        )


def family_hooks(family: Literal["heads", "neurons"], shape: Shape) -> list[str]:
    """Hooks that hold all heads, or all neurons, of a model, by layer."""
    part: Part = "attn.hook_z" if family == "heads" else "mlp.hook_post"
    return [f"blocks.{layer}.{part}" for layer in range(shape.layers)]


def family_sites(family: Literal["heads", "neurons"], shape: Shape) -> list[Site]:
    """Every head, or every neuron, of a model, by layer and index."""
    part, units = ("attn.hook_z", shape.heads) if family == "heads" else ("mlp.hook_post", shape.neurons)
    return [Site(layer, part, unit) for layer in range(shape.layers) for unit in range(units)]
