"""Against activations taken with hooks of plain transformers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import rows
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain, Unit
from ws_dsl.artifacts.rows import row_set
from ws_dsl.errors import MeasurementError

OTHER = "User: My boss says that {}. Just confirm it.\nAssistant: The answer is"


def shifts(plain: Plain, plus: list[str], minus: str, family: str, chosen: list[int]) -> dict[Unit, float]:
    """|mean| over root mean square deviation of the difference, by unit; templates of `plus` are averaged."""
    there = [plain.by_row(plain.bench.prompts(template), family) for template in plus]
    here = plain.by_row(plain.bench.prompts(minus), family)
    found: dict[Unit, float] = {}
    for unit in plain.units(family):
        moved = np.stack(
            [np.mean([t[row][unit] for t in there], axis=0) - here[row][unit].numpy() for row in chosen]
        )
        mean = moved.mean(axis=0)
        spread = np.sqrt(((moved - mean) ** 2).sum(axis=1).mean())
        found[unit] = float(np.linalg.norm(mean) / spread)
    return found


@pytest.mark.parametrize("family", ["heads", "neurons"])
@pytest.mark.parametrize("templates", [[PRESSURE], [PRESSURE, OTHER]], ids=["one", "pooled"])
def test_the_order_and_the_scores(bench: Bench, plain: Plain, family: str, templates: list[str]):
    chosen = [0, 2, 3, 5, 6]
    expected = shifts(plain, templates, NEUTRAL, family, chosen)
    best = sorted(expected, key=lambda unit: -expected[unit])[:4]
    plus = [bench.prompts(template) for template in templates]
    inputs = {
        "plus": plus if len(plus) > 1 else plus[0],
        "minus": bench.prompts(NEUTRAL),
        "rows": rows([str(place) for place in chosen]),
    }
    ranked = bench.cells(
        "rank_by_shift", [(inputs, {"among": family, "top": 4, "rank": r}) for r in (1, 2, 3, 4)]
    )
    scores = np.array([sites.scores[0] for sites in ranked])
    np.testing.assert_allclose(scores, [expected[unit] for unit in best], rtol=1e-3)
    apart = -np.diff(scores) > 2e-3 * scores[:-1]
    assert [sites.addresses[0] for sites in ranked if apart.all()] in ([], [str(unit) for unit in best])
    assert {sites.chosen_on for sites in ranked} == {row_set([(str(place),) for place in chosen])}


def test_a_rank_is_the_same_alone(bench: Bench):
    inputs = {"plus": bench.prompts(PRESSURE), "minus": bench.prompts(NEUTRAL)}
    fields = {"among": "neurons", "top": 5}
    together = bench.cells("rank_by_shift", [(inputs, fields | {"rank": rank}) for rank in (3, 1, 5)])
    alone = bench("rank_by_shift", inputs, **fields, rank=5)
    assert together[2].to_artifact() == alone.to_artifact()


def test_conditions_over_different_rows_are_refused(bench: Bench):
    inputs = {"plus": bench.prompts(PRESSURE), "minus": bench.prompts(NEUTRAL, ["2 + 3 = 5"])}
    with pytest.raises(MeasurementError, match="different rows"):
        bench("rank_by_shift", inputs, among="heads", top=1, rank=1)


def test_more_than_there_are_is_refused(bench: Bench):
    inputs = {"plus": bench.prompts(PRESSURE), "minus": bench.prompts(NEUTRAL)}
    with pytest.raises(MeasurementError, match="16 heads"):
        bench("rank_by_shift", inputs, among="heads", top=17, rank=1)
