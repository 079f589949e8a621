"""The embedded model in plain transformers and float64, one row at a time: an oracle for the kinds.

Its norms still compute in float32, as transformers writes them: differences below 1e-6 mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from tests.steps.organism import Bench
from ws_dsl.artifacts.prompts import Prompts


class Unit(NamedTuple):
    """A head (a slice of the input of `o_proj`), or a neuron (an entry of the input of `down_proj`)."""

    layer: int
    family: str
    index: int

    def __str__(self) -> str:
        return f"L{self.layer}{'H' if self.family == 'heads' else 'N'}{self.index}"


Change: TypeAlias = Callable[[Tensor], Tensor]
"""What becomes of a unit's values at one token."""


def _constant(value: Tensor) -> Change:
    return lambda _values: value


@dataclass
class Plain:
    """The model, and what it computes."""

    bench: Bench
    seen: dict[tuple[tuple[int, ...], str, int], dict[Unit, Tensor]] = field(default_factory=dict)

    @cached_property
    def model(self) -> Any:
        from transformers import AutoModelForCausalLM

        model: Any = AutoModelForCausalLM.from_pretrained(self.bench.folder, attn_implementation="eager")
        return model.double().eval()

    def units(self, family: str) -> list[Unit]:
        config = self.model.config
        each = config.num_attention_heads if family == "heads" else config.intermediate_size
        return [
            Unit(layer, family, index) for layer in range(config.num_hidden_layers) for index in range(each)
        ]

    def module(self, unit: Unit) -> Any:
        layer = self.model.model.layers[unit.layer]
        return layer.self_attn.o_proj if unit.family == "heads" else layer.mlp.down_proj

    def slice(self, unit: Unit) -> slice:
        width = self.model.config.head_dim if unit.family == "heads" else 1
        return slice(unit.index * width, (unit.index + 1) * width)

    def activations(self, ids: list[int], family: str, token: int = -1) -> dict[Unit, Tensor]:
        """What every unit has at a token, the last one by default."""
        if (tuple(ids), family, token) in self.seen:
            return self.seen[tuple(ids), family, token]
        kept: dict[int, Tensor] = {}

        def keep(layer: int) -> Any:
            return lambda _module, inputs: kept.update({layer: inputs[0][0, token].clone()})

        first = [unit for unit in self.units(family) if unit.index == 0]
        hooks = [self.module(unit).register_forward_pre_hook(keep(unit.layer)) for unit in first]
        self.logits(ids)
        for hook in hooks:
            hook.remove()
        found = {unit: kept[unit.layer][self.slice(unit)] for unit in self.units(family)}
        return self.seen.setdefault((tuple(ids), family, token), found)

    def score(self, ids: list[int], held: Mapping[Unit, Tensor] | None = None) -> float:
        """Logit of ` Yes` minus logit of ` No` after the last token, with units held at values there."""
        return self.changed(ids, {(unit, -1): _constant(value) for unit, value in (held or {}).items()})

    def changed(self, ids: list[int], changes: Mapping[tuple[Unit, int], Change]) -> float:
        """The same with units changed at tokens."""

        def put(unit: Unit, token: int, change: Change) -> Any:
            def before(_module: Any, inputs: tuple[Tensor]) -> tuple[Tensor]:
                changed = inputs[0].clone()
                changed[0, token, self.slice(unit)] = change(changed[0, token, self.slice(unit)])
                return (changed,)

            return before

        hooks = [
            self.module(unit).register_forward_pre_hook(put(unit, token, change))
            for (unit, token), change in changes.items()
        ]
        logits = self.logits(ids)
        for hook in hooks:
            hook.remove()
        return float(logits[self.token(" Yes")] - logits[self.token(" No")])

    def token(self, text: str) -> int:
        """The id of a text that is one token."""
        (found,) = self.bench.handle.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def logits(self, ids: list[int]) -> Tensor:
        """Logits after the last token, float64 of shape (vocabulary,)."""
        with self.bench.handle.arithmetic():
            return self.model(torch.tensor([ids])).logits[0, -1]

    def by_row(self, prompts: Prompts, family: str) -> list[dict[Unit, Tensor]]:
        return [self.activations(ids, family) for ids in prompts.tokens]
