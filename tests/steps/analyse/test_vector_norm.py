"""The norm of a vector beside that of activations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.steps.analyse.cells import estimate
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError


def vectors(*values: tuple[float, ...], mean_norm: float = 20.0) -> Vectors:
    labels = [str(place) for place in range(len(values))]
    return Vectors(np.array(values, np.float32), "L1", "last", "mean_diff", mean_norm, "m", labels, ["a"])


def test_it_is_the_norm_and_its_share_of_an_activation() -> None:
    found = {
        name: stat.value for name, stat in estimate("vector_norm", {"of": vectors((3, 4))}).stats.items()
    }
    assert found == {"norm": 5.0, "mean_norm": 20.0, "ratio": 0.25}


def test_the_same_direction_normalised_has_another_ratio() -> None:
    """The incident: vectors of one model came at length 1 and those of another as they were."""
    whole, unit = (estimate("vector_norm", {"of": vectors(one)}) for one in ((30.0, 40.0), (0.6, 0.8)))
    ratios = [found.stats["ratio"].value for found in (whole, unit)]
    assert ratios == pytest.approx([2.5, 0.05], rel=1e-6)


def test_nothing_is_said_of_activations_that_nobody_knows() -> None:
    found = estimate("vector_norm", {"of": vectors((3, 4), mean_norm=0.0)})
    assert (found.stats["norm"].value, found.stats["ratio"].value) == (5.0, None)
    assert found.stats["ratio"].reason == "not known"


def test_it_is_of_one_vector() -> None:
    with pytest.raises(MeasurementError, match="2 vectors, where one is needed"):
        estimate("vector_norm", {"of": vectors((3, 4), (1, 2))})
