"""Draws against the distribution that they are from, and against those of `generate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.steps.analyse.cells import files_of, run, table
from tests.steps.organism import NEUTRAL, Bench
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError

LEVELS = {"1": 1.0, "2": 2.0, "3": 3.0}


def distribution(
    rows: int, shares: Sequence[float] = (0.2, 0.5, 0.3), signs: list[int] | None = None
) -> Table:
    columns: dict[str, list[Any]] = {"id": [f"row {place}" for place in range(rows)], "value": [2.1] * rows}
    columns |= {f"p_{level}": [share] * rows for level, share in zip(LEVELS, shares, strict=True)}
    columns |= {"pmass": [0.9] * rows, "status": ["ok"] * rows} | ({"sign": signs} if signs else {})
    return Table(("id",), columns, {"answers": [[*pair] for pair in LEVELS.items()]})


def drawn(of: Table, **fields: Any) -> Table:
    given: dict[str, Any] = {"seed": 0} | fields
    return Table.from_files(files_of(run("sample_answers", {"of": of}, **given)).__getitem__)


@pytest.mark.parametrize(("temperature", "power"), [(1.0, 1.0), (0.5, 2.0), (4.0, 0.25)])
def test_draws_have_the_distribution(temperature: float, power: float):
    of = distribution(3000)
    counts = Counter(drawn(of, temperature=temperature).columns["answer"])
    odds = np.array([0.2, 0.5, 0.3]) ** power
    expected = 3000 * odds / odds.sum()
    assert chisquare([counts[level] for level in LEVELS], expected).pvalue > 1e-3


def test_a_row_draws_the_same_whatever_the_others_are_and_seeds_draw_anew():
    of = distribution(200)
    one, other = drawn(of).columns["answer"], drawn(of, seed=1).columns["answer"]
    assert drawn(distribution(7)).columns["answer"] == one[:7]
    assert drawn(of).columns["answer"] == one != other


def test_cold_is_the_mode_the_first_of_several():
    assert drawn(distribution(2), temperature=0).columns["answer"] == ["2", "2"]
    assert drawn(distribution(2, (0.4, 0.2, 0.4)), temperature=0).columns["answer"] == ["1", "1"]
    assert drawn(distribution(2), temperature=1e-9).columns["answer"] == ["2", "2"]


def test_values_have_the_rows_sign_and_what_has_no_mass_is_never_drawn():
    found = drawn(distribution(100, (0.0, 1.0, 0.0), [1, -1] * 50))
    assert found.columns["value"] == [2, -2] * 50
    assert found.notes["answers"] == [["1", 1.0], ["2", 2.0], ["3", 3.0]]


def test_they_are_the_first_tokens_that_generate_draws(bench: Bench):
    """Where the answers hold the mass and come in the order of the vocabulary; one draw may differ."""
    prompts = bench.prompts(NEUTRAL)
    ids = {answer: bench.handle.tokenizer(answer)["input_ids"][0] for answer in (" Yes", " No")}
    ordered = {answer: float(answer == " Yes") for answer in sorted(ids, key=ids.__getitem__)}
    of = bench.scores(replace(prompts, answers=ordered), kind="answer_distribution")
    found = [answer for seed in range(5) for answer in drawn(of, seed=seed).columns["answer"]]
    said = [
        reply
        for seed in range(5)
        for reply in bench(
            "generate", {"prompts": prompts}, max_tokens=1, temperature=1.0, seed=seed
        ).columns["reply"]
    ]
    assert len({*said}) > 1 and sum(a != b for a, b in zip(found, said, strict=True)) <= 2


def test_another_table_is_refused():
    with pytest.raises(MeasurementError, match="this is another"):
        drawn(table({"a": 1.0}))


def test_probabilities_of_one_answer_are_no_scale():
    of = distribution(3)
    with pytest.raises(MeasurementError, match="`equals`"):
        drawn(Table(of.keys, of.columns, {**of.notes, "unit": "probability"}))
