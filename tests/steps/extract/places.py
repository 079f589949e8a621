"""Hidden states of plain transformers, and contrasts of the embedded model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.states import States


def hidden(bench: Bench, ids: list[int]) -> np.ndarray:
    """`output_hidden_states` of one row, float32 of shape (layers + 1, tokens, width), by eager attention."""
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(bench.folder, attn_implementation="eager").eval()
    with bench.handle.arithmetic():
        states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    return torch.stack(states)[:, 0].numpy()


def residual(bench: Bench, prompts: Prompts, layer: int, at: Any = "last", **inputs: Any) -> States:
    return bench("states", {"prompts": prompts, **inputs}, layer=layer, at=at)


def sides(bench: Bench, layer: int = 2) -> tuple[States, States]:
    """States under pressure and without, over the same rows."""
    return residual(bench, bench.prompts(PRESSURE), layer), residual(bench, bench.prompts(NEUTRAL), layer)
