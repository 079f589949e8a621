"""Principal directions of differences, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA, TruncatedSVD

from tests.steps.extract.places import sides
from tests.steps.organism import Bench
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError


@pytest.mark.parametrize("centred", [False, True])
def test_it_is_that_of_scikit_learn(bench: Bench, centred: bool):
    plus, minus = sides(bench)
    made = bench("pca_diff", {"plus": plus, "minus": minus}, centred=centred)
    differences = plus.tensors["L2"].astype(np.float64) - minus.tensors["L2"]
    theirs = (
        PCA(1).fit(differences) if centred else TruncatedSVD(1, algorithm="arpack").fit(differences)
    ).components_[0]
    assert abs(made.values[0] @ theirs) == pytest.approx(1.0, abs=1e-5)
    assert made.norms()[0] == pytest.approx(1.0, abs=1e-6)
    assert made.values[0] @ differences.mean(0) >= 0
    assert made.method == ("pca_diff_centred" if centred else "pca_diff")
    squares = np.linalg.svd(differences - differences.mean(0) * centred, compute_uv=False) ** 2
    assert made.notes["explained"] == pytest.approx(squares[0] / squares.sum())


def test_one_row_has_no_principal_direction(bench: Bench):
    plus, minus = sides(bench)
    one = Rows(("id",), {"id": ["0"]}, {"id": "key"}, ("id",), "organism")
    with pytest.raises(MeasurementError, match="two rows"):
        bench("pca_diff", {"plus": plus, "minus": minus, "rows": one})
