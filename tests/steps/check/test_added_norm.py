from __future__ import annotations

import numpy as np
import pytest

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.steps.check.added_norm import AddedNorm


def vector(norm: float, mean_norm: float, **labels: str) -> Given:
    values = np.array([[norm, 0.0]], np.float32)
    return Given(Vectors(values, "L1", "last", "mean_diff", mean_norm, "m", [""], []), (0,), labels=labels)


@pytest.mark.parametrize(
    ("coeff", "unit", "share", "holds"),
    [
        (-0.4, "mean_norm", "0.4", True),
        (2.0, "mean_norm", "2", False),
        (6.0, "raw", "0.3", True),
        (20.0, "raw", "1", False),
    ],
)
def test_the_share_of_the_mean_norm(coeff: float, unit: str, share: str, holds: bool):
    found = finding("added_norm", {"vector": [vector(1.0, 20.0, arm="steer")]}, coeff=[coeff], unit=[unit])
    assert found.holds is holds
    assert f"1 arms add {share} to {share} of the mean norm" in found.detail
    assert holds or f"[arm=steer]: {share}" in found.detail


def test_a_norm_that_is_not_known():
    found = finding("added_norm", {"vector": [vector(1.0, 0.0)]}, coeff=[1.0], unit=["raw"])
    assert not found.holds and "is not known" in found.detail


def test_what_is_looked_at(tmp_path):
    lab = Lab(tmp_path)
    lab.data()
    study = small()
    seen = {"kind": "states", "at": "last", "layer": 1, "prompts": "prompts[condition=neutral]"}
    study["steps"] |= {
        "plus": {**seen, "prompts": "prompts[condition=pressure, paraphrase=sure]"},
        "minus": seen,
        "vector": {"kind": "mean_diff", "plus": "plus", "minus": "minus"},
        "steer": {"kind": "add_vector", "vector": "vector", "during": "both", "over": {"coeff": [-1, 1]}},
        "moved": {**study["steps"]["score"], "over": {"arm": ["steer"]}, "except": []},
    }
    _, opened = lab.open(study)
    gathered = AddedNorm.gather(opened.plan.nodes)
    assert gathered is not None
    assert gathered.settings == {"coeff": [-1.0, 1.0], "unit": ["mean_norm", "mean_norm"]}
    assert [edge.node.step for edge in gathered.inputs["vector"]] == ["vector", "vector"]
