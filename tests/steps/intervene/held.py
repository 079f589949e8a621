"""Scores under an arm against those of plain transformers with hooks of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.steps.organism import Bench
from tests.steps.plain import Change, Plain, Unit
from ws_dsl.artifacts.prompts import Prompts

HEAD, NEURON, OTHER = Unit(2, "heads", 1), Unit(3, "neurons", 17), Unit(1, "heads", 3)
UNITS = [str(HEAD), str(NEURON)]


def agree(
    bench: Bench,
    plain: Plain,
    prompts: Prompts,
    arm: Any,
    expected: Callable[[int], Mapping[tuple[Unit, int], Change]],
) -> None:
    """Scores under the arm are those of the oracle with its changes of each row, and not those without."""
    found = bench.scores(prompts, arm).columns["value"]
    oracle = [plain.changed(ids, expected(row)) for row, ids in enumerate(prompts.tokens)]
    np.testing.assert_allclose(found, oracle, atol=1e-5)
    free = bench.scores(prompts).columns["value"]
    assert np.abs(np.subtract(found, free)).max() > 1e-3


def to(value: Tensor | float) -> Change:
    return lambda values: torch.zeros_like(values) + value


WHERE: list[tuple[dict[str, Any], Callable[[Prompts, int], list[int]]]] = [
    ({"at": "last"}, lambda prompts, row: [len(prompts.tokens[row]) - 1]),
    ({"at": -2}, lambda prompts, row: [len(prompts.tokens[row]) - 2]),
    ({"at": 3}, lambda prompts, row: [3]),
    ({"at": {"token": " that"}}, lambda prompts, row: [prompts.columns["strings"][row].index(" that")]),
    ({"at": [1, "last"]}, lambda prompts, row: [1, len(prompts.tokens[row]) - 1]),
    ({"at": "all"}, lambda prompts, row: list(range(len(prompts.tokens[row])))),
    ({"during": "prompt"}, lambda prompts, row: list(range(len(prompts.tokens[row])))),
    ({"during": "both"}, lambda prompts, row: list(range(len(prompts.tokens[row])))),
]
