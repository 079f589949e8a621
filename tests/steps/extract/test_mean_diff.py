"""Mean differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.steps.extract.places import hidden, planted, residual, sides, unit
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from ws_dsl import organism
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError


@pytest.fixture(scope="module")
def llama() -> Bench:
    return Bench(organism.folder("llama"))


def test_it_is_the_difference_of_the_means(bench: Bench):
    plus, minus = sides(bench)
    made = bench("mean_diff", {"plus": plus, "minus": minus})
    one, other = plus.tensors["L2"], minus.tensors["L2"]
    np.testing.assert_allclose(made.values[0], one.mean(0) - other.mean(0), atol=1e-5)
    norms = np.linalg.norm(np.concatenate([one, other]), axis=1)
    assert made.mean_norm == pytest.approx(norms.mean(), rel=1e-5)
    assert (made.site, made.at, made.method, made.labels) == ("L2", "last", "mean_diff", [""])


def test_it_is_that_of_plain_transformers(bench: Bench):
    plus, minus = (
        np.stack([hidden(bench, ids)[3, -1] for ids in bench.prompts(template).tokens]).astype(np.float64)
        for template in (PRESSURE, NEUTRAL)
    )
    made = bench("mean_diff", dict(zip(("plus", "minus"), sides(bench), strict=True)))
    np.testing.assert_allclose(made.values[0], (plus - minus).mean(0), atol=1e-5)
    principal = bench("pca_diff", dict(zip(("plus", "minus"), sides(bench), strict=True)), centred=True)
    theirs = PCA(1).fit(plus - minus).components_[0]
    np.testing.assert_allclose(principal.values[0] * np.sign(principal.values[0] @ theirs), theirs, atol=1e-5)


def test_repeats_are_averaged_per_row_and_rows_restricted(bench: Bench):
    plus, minus = sides(bench)
    repeats = [plus, residual(bench, bench.prompts("I think that {}."), 2)]
    within = Rows(("id",), {"id": ["0", "3"]}, {"id": "key"}, ("id",), "organism")
    made = bench("mean_diff", {"plus": repeats, "minus": minus, "rows": within})
    mean = np.mean([states.tensors["L2"][[0, 3]] for states in repeats], axis=(0, 1))
    np.testing.assert_allclose(made.values[0], mean - minus.tensors["L2"][[0, 3]].mean(0), atol=1e-5)


def test_sides_that_cannot_be_contrasted(bench: Bench):
    plus, minus = sides(bench)
    fewer = residual(bench, bench.prompts(NEUTRAL, ["2 + 3 = 5"]), 2)
    elsewhere = residual(bench, bench.prompts(NEUTRAL), 1)
    other = replace(minus, notes={**minus.notes, "model": "another", "tokenizer": "another"})
    narrow = replace(minus, tensors={"L2": minus.tensors["L2"][:, :5]})
    for faulty, said in (
        (fewer, "different rows"),
        (elsewhere, "different places"),
        (other, "unlike tokenizers"),
        (narrow, "64 wide and those of minus 5"),
    ):
        with pytest.raises(MeasurementError, match=said):
            bench("mean_diff", {"plus": plus, "minus": faulty})
    nobody = Rows(("id",), {"id": ["x"]}, {"id": "key"}, ("id",), "organism")
    with pytest.raises(MeasurementError, match="no rows"):
        bench("mean_diff", {"plus": plus, "minus": minus, "rows": nobody})


def test_the_direction_of_pressure_is_there(bench: Bench):
    """So that the laws above could fail: other prompts give another direction."""
    plus, minus = sides(bench)
    made = bench("mean_diff", {"plus": plus, "minus": minus})
    turned = bench("mean_diff", {"plus": minus, "minus": plus})
    np.testing.assert_allclose(turned.values, -made.values)
    assert made.norms()[0] > 0.1 and PRESSURE != NEUTRAL


def test_two_models_over_one_set_of_prompts(bench: Bench, llama: Bench):
    """The vector is of the model of minus."""
    prompts = bench.prompts(NEUTRAL)
    base = residual(bench, prompts, 2)
    tuned = residual(llama, prompts, 2)
    tuned = replace(tuned, notes={**tuned.notes, "model": "llama", "arm": "adapter"})
    made = bench("mean_diff", {"plus": tuned, "minus": base})
    np.testing.assert_allclose(
        made.values[0], tuned.tensors["L2"].mean(0) - base.tensors["L2"].mean(0), atol=1e-5
    )
    assert made.model == base.notes["model"] != "llama"
    assert made.notes == {
        "rows": len(prompts),
        "plus_model": "llama",
        "minus_model": base.notes["model"],
        "plus_arm": "adapter",
        "minus_arm": None,
    }
    principal = bench("pca_diff", {"plus": tuned, "minus": base})
    assert (principal.model, principal.notes["plus_model"]) == (made.model, "llama")
    with pytest.raises(MeasurementError, match="several models"):
        bench("mean_diff", {"plus": [base, tuned], "minus": base})


def test_what_is_trained_into_a_model_is_found():
    """Two models over the same rows, of which one adds a direction."""
    direction = 3 * unit(20)
    base = planted(direction, np.zeros(50))
    tuned = replace(planted(direction, np.ones(50)), notes={**base.notes, "model": "tuned"})
    bench = Bench()
    made = bench("mean_diff", {"plus": tuned, "minus": base})
    np.testing.assert_allclose(made.values[0], direction, atol=1e-5)


@pytest.mark.parametrize("kind", ["mean_diff", "pca_diff"])
def test_rows_are_read_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch, kind: str):
    bench, draw = Bench(), np.random.default_rng(0)
    direction = unit(20)
    plus, minus = (planted(direction, draw.standard_normal(300), seed=seed) for seed in (0, 1))
    whole = bench(kind, {"plus": plus, "minus": minus})
    for block in (20, 20 * 7, 20 * 299):
        monkeypatch.setattr("ws_dsl.steps.extract._stacked.BLOCK", block)
        made = bench(kind, {"plus": plus, "minus": minus})
        np.testing.assert_allclose(made.values, whole.values, atol=1e-6)
        assert made.mean_norm == whole.mean_norm
