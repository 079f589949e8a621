"""What was said of effects that the numbers do not say, in the studies that this project began with.

Each test is named after what happened, and makes numbers like those of then.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import difference, estimate, table
from ws_dsl.artifacts.estimate import Estimate


def scores(right: int, wrong: int) -> np.ndarray:
    draw = np.random.default_rng(0).uniform(0.5, 3, right + wrong)
    return np.where(np.arange(right + wrong) < right, draw, -draw)


def effect_of(arm: np.ndarray, base: np.ndarray) -> dict[str, float | None]:
    sides = (table(dict(enumerate(side.tolist()))) for side in (arm, base))
    stats = ["mean", "fixed", "broken", "informedness"]
    found = estimate("summary", {"of": difference(*sides)}, stats=stats).stats
    return {"low": found["mean"].low} | {name: stat.value for name, stat in found.items()}


def test_the_mean_rose_while_answers_broke():
    """141 of 344 right answers broken, 20 of 102 fixed, other right ones scaled: *more honest*."""
    base = scores(344, 102)
    arm = np.where(base > 0, 3 * base, base)
    arm[:141], arm[-20:] = -0.1, 0.1
    found = effect_of(arm, base)
    assert found["low"] > 0 and found["broken"] == 141 / 446 > found["fixed"] == 20 / 446  # pyright: ignore
    assert found["informedness"] == pytest.approx(20 / 102 - 141 / 344)
    sound = effect_of(base + 1, base)
    assert sound["low"] > 0 and sound["broken"] == 0 < sound["informedness"]  # pyright: ignore


def around(mean: float, sd: float, count: int = 438) -> Estimate:
    values = mean + sd * np.random.default_rng(0).permutation(np.linspace(-1.7, 1.7, count))
    return estimate("summary", {"of": table(dict(enumerate(values.tolist())))}, stats=["mean"])


def test_a_delta_was_read_as_a_fraction():
    """A change of +0.736 was told as *retaining 73 %*; an effect that is noise has no shares."""
    found = estimate("ratio", {"of": around(0.736, 0.5), "base": around(0.711, 0.5)})
    assert found.stats["value"].value == pytest.approx(0.736 / 0.711)
    assert found.notes["numerator"] == pytest.approx(0.736)
    assert found.notes["denominator"] == pytest.approx(0.711)
    at_noise = estimate("ratio", {"of": around(0.06, 0.5), "base": around(0.033, 1.0)}).stats["value"]
    assert at_noise.value is None
    assert at_noise.reason == "the denominator is at noise: its interval has 0"


def test_one_seed_was_a_ranking():
    """The spread of runs was 24 %, and a table of one run each had a first place."""
    one, three = (
        estimate("spread", {"of": [around(mean, 0.5) for mean in means]}, across="replicate").stats
        for means in ((0.7,), (0.7, 0.5, 0.6))
    )
    assert one["sd"].value is None and one["sd"].reason
    assert three["sd"].value == pytest.approx(0.1)
