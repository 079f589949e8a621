"""Components made stronger or weaker, against plain transformers with hooks of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.steps.intervene.held import HEAD, NEURON, UNITS, WHERE, agree
from tests.steps.organism import PRESSURE, Bench
from tests.steps.plain import Plain
from ws_dsl.artifacts.prompts import Prompts


@pytest.mark.parametrize(("where", "tokens"), WHERE, ids=[str(where) for where, _ in WHERE])
def test_factors(
    bench: Bench, plain: Plain, where: dict[str, Any], tokens: Callable[[Prompts, int], list[int]]
):
    prompts = bench.prompts(PRESSURE)
    arm = bench("scale", {}, sites=UNITS, factor=-2.0, **where)
    agree(
        bench,
        plain,
        prompts,
        arm,
        lambda row: {
            (unit, token): lambda values: -2.0 * values
            for unit in (HEAD, NEURON)
            for token in tokens(prompts, row)
        },
    )


def test_by_one_changes_nothing(bench: Bench):
    prompts = bench.prompts(PRESSURE)
    arm = bench("scale", {}, sites=["L0", "L2H1"], factor=1, during="both")
    free, scaled = (bench.scores(prompts, by).columns["value"] for by in (None, arm))
    np.testing.assert_allclose(scaled, free, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"factor": 2, "at": "shared_suffix"}, "nothing is shared"),
        ({"factor": 2, "at": "last", "sites": ["L0P1"]}, "read, not changed"),
        ({"factor": 2}, "say where"),
    ],
)
def test_what_cannot_be_meant(bench: Bench, fields: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        bench("scale", {}, **{"sites": ["L1"], **fields})
