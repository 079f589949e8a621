"""Hidden states of plain transformers, and contrasts of the embedded model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from tests.steps.analyse.cells import table
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.states import States
from ws_dsl.artifacts.table import Table


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


def planted(direction: np.ndarray, along: np.ndarray, noise: float = 1.0, seed: int = 0) -> States:
    """States that lie so far along a direction, plus noise and a mean that all rows share."""
    draw = np.random.default_rng(seed)
    values = noise * draw.standard_normal((len(along), len(direction))) + 5.0
    values += np.outer(along, direction)
    notes = {"site": "L1", "at": "last", "model": "m", "arm": None, "tokenizer": "t"}
    ids = [f"{row}" for row in range(len(along))]
    return States(("id",), {"id": ids}, {"L1": values.astype(np.float32)}, dict(notes))


def numbers(values: Sequence[float | None]) -> Table:
    """A Table of one number for each row of `planted`; `unclear` where there is none."""
    return table({f"{row}": None if value is None else float(value) for row, value in enumerate(values)})


def unit(width: int, seed: int = 1) -> np.ndarray:
    """A random direction of norm 1."""
    drawn = np.random.default_rng(seed).standard_normal(width)
    return drawn / np.linalg.norm(drawn)
