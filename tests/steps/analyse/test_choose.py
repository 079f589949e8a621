"""Which cell is chosen."""

from __future__ import annotations

import pytest

from tests.steps.analyse.cells import Given, files_of
from ws_dsl.artifacts.choice import Choice
from ws_dsl.artifacts.decode import decode
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell


def estimate(value: float | None, row_set: str = "rows") -> Estimate:
    return Estimate({"mean": Stat(value, None, None, None, 3, "" if value else "none")}, {}, "units", row_set)


def choose(values: list[Estimate], take: str = "max", statistic: str = "mean") -> Choice:
    kind = find("choose")
    spec = kind.spec.model_validate({"of": "x", "axes": ["layer"], "statistic": statistic, "take": take})
    inputs = [Given(one, (place,), labels={"layer": f"L{place}"}) for place, one in enumerate(values)]
    ((_, made),) = kind.module.run([Cell(spec, {"of": inputs})], None)  # pyright: ignore
    files = files_of(made)
    return decode(set(files), files.__getitem__)


@pytest.mark.parametrize(("take", "label"), [("max", "L2"), ("min", "L1"), ("max_abs", "L1")])
def test_the_extreme_is_chosen(take: str, label: str):
    found = choose([estimate(0.5), estimate(-3.0), estimate(2.0), estimate(None)], take)
    assert found.labels == {"layer": label}
    assert found.chosen_on == "rows"
    assert len(found.notes["candidates"]) == 4  # pyright: ignore


def test_of_equal_ones_the_first():
    assert choose([estimate(1.0), estimate(1.0)]).labels == {"layer": "L0"}


def test_what_cannot_be_compared():
    with pytest.raises(MeasurementError, match="different rows"):
        choose([estimate(1.0), estimate(2.0, "other")])
    with pytest.raises(MeasurementError, match="undefined in all 2"):
        choose([estimate(None), estimate(None)])
    with pytest.raises(MeasurementError, match="no statistic 'median'"):
        choose([estimate(1.0)], statistic="median")
