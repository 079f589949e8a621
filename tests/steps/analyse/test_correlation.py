"""Correlations against scipy."""

import numpy as np
import pytest
from scipy.stats import bootstrap, pearsonr, spearmanr

from tests.steps.analyse.cells import estimate, table

STREAM = np.random.default_rng(6)
X = np.round(STREAM.normal(size=80), 1)
Y = np.round(X + STREAM.normal(size=80), 1)


def correlation(x, y):
    given = (table({i: None if np.isnan(v) else float(v) for i, v in enumerate(side)}) for side in (x, y))
    return estimate("correlation", dict(zip("xy", given, strict=True)), methods=["pearson", "spearman"]).stats


@pytest.mark.parametrize(("name", "oracle"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_coefficients_and_intervals_are_those_of_scipy(name, oracle):
    found = correlation(X, Y)[name]
    assert found.value == pytest.approx(oracle(X, Y).statistic, abs=1e-12)
    drawn = bootstrap(
        (X, Y),
        lambda x, y: oracle(x, y).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=2000,
        rng=0,
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.03)


def test_rows_missing_on_either_side_do_not_count():
    x, y = X.copy(), Y.copy()
    x[:5], y[3:9] = np.nan, np.nan
    found = correlation(x, y)
    assert found["spearman"].value == pytest.approx(spearmanr(X[9:], Y[9:]).statistic)
    assert found["pearson"].value == pytest.approx(pearsonr(X[9:], Y[9:]).statistic)
    assert found["pearson"].n == 71


def test_monotone_maps_leave_ranks_alone():
    assert correlation(np.exp(X), Y)["spearman"] == correlation(X, Y)["spearman"]


def test_a_line_correlates_perfectly():
    assert correlation(X, 3 - 2 * X)["pearson"][:3] == pytest.approx((-1, -1, -1))


def test_a_constant_side_has_no_correlation():
    found = correlation(X, np.full(80, 0.1))
    assert all(one.value is None and one.reason for one in found.values())


def test_two_rows_have_no_correlation():
    assert correlation(X[:2], Y[:2])["pearson"].reason == "needs at least 3 rows and has 2"
