"""Bands of singular directions kept and dropped."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.steps.ablate.deltas import adds_up, change, deltas, dense, halves, low_rank, share
from tests.steps.ablate.test_modules import SLOW
from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta
from ws_dsl.models.deltas import weight
from ws_dsl.specs.kinds import find

BANDS: list[Any] = [
    {"index": [0, 0.25]},
    {"index": [0.3, 1]},
    {"index": [0, 0.5], "of": "size"},
    {"energy": 0.6},
]


@SLOW
@given(data=st.data(), frame=st.sampled_from(["own", "base"]), band=st.sampled_from(BANDS))
def test_keep_and_drop_are_the_whole(bench: Bench, data: st.DataObject, frame: str, band: Any):
    whole = data.draw(deltas(bench))
    assert adds_up(bench, whole, *halves(bench, "spectrum", whole, frame=frame, band=band))


@SLOW
@given(data=st.data(), cuts=st.lists(st.floats(0.01, 0.99), unique=True, max_size=3))
def test_adjacent_bands_are_the_whole(bench: Bench, data: st.DataObject, cuts: list[float]):
    terms = data.draw(st.sampled_from([{"factors"}, {"rows"}, {"factors", "blocks"}]))
    whole = Delta({"L1o": change((64, 64), terms, 5, data.draw(st.integers(0, 99)))}, "model", [])
    ends = [0.0, *sorted(cuts), 1.0]
    bands = [{"index": [a, b]} for a, b in pairwise(ends)]
    kept = [bench("spectrum", {"delta": whole}, frame="own", band=band, part="keep") for band in bands]
    assert adds_up(bench, whole, *kept)


def of(bench: Bench, terms: set[str]) -> tuple[Delta, np.ndarray]:
    shape = weight(bench.handle, "L1down").shape
    whole = Delta({"L1down": change(shape, terms, 7, 3)}, "model", [])  # pyright: ignore[reportArgumentType]
    return whole, dense(bench, whole, "L1down")


@pytest.mark.parametrize("terms", [{"factors"}, {"rows", "factors"}, {"blocks"}])
@pytest.mark.parametrize("share_of", [(0.0, 0.25), (0.5, 1.0)])
def test_own_directions_are_those_of_numpy(bench: Bench, terms: set[str], share_of: tuple[float, float]):
    whole, full = of(bench, terms)
    left, sizes, right = np.linalg.svd(full)
    rank = int(np.sum(sizes > 1e-5 * sizes[0]))
    start, stop = (int(one * rank + 0.5) for one in share_of)
    kept, _ = halves(bench, "spectrum", whole, frame="own", band={"index": [*share_of]})
    wanted = (left[:, start:stop] * sizes[start:stop]) @ right[start:stop]
    np.testing.assert_allclose(dense(bench, kept, "L1down"), wanted, atol=1e-5)
    assert (kept.notes["rank"], kept.notes["band_rank"]) == (rank, stop - start)
    assert share(kept) == pytest.approx(np.sum(sizes[start:stop] ** 2) / np.sum(sizes**2), rel=1e-5)


@pytest.mark.parametrize("terms", [{"factors"}, {"rows", "factors"}])
def test_the_frame_of_the_weights_is_that_of_numpy(bench: Bench, terms: set[str]):
    whole, full = of(bench, terms)
    left, sizes, right = np.linalg.svd(weight(bench.handle, "L1down"), full_matrices=False)
    inside = np.zeros((64, 64))
    inside[:16, :16] = (left.T @ full @ right.T)[:16, :16]
    kept, _ = halves(bench, "spectrum", whole, frame="base", band={"index": [0, 0.25]})
    np.testing.assert_allclose(dense(bench, kept, "L1down"), left @ inside @ right, atol=1e-5)
    few, _ = halves(bench, "spectrum", whole, frame="base", band={"energy": 0.5})
    held = np.cumsum(sizes**2) / np.sum(sizes**2)
    assert few.notes["band_rank"] == int(np.sum(held < 0.5)) + 1


def test_energy_takes_as_few_as_hold_it(bench: Bench):
    whole, full = of(bench, {"factors"})
    squares = np.linalg.svd(full, compute_uv=False) ** 2
    for wanted in (0.1, 0.5, 0.9, 1.0):
        kept, _ = halves(bench, "spectrum", whole, frame="own", band={"energy": wanted})
        count = kept.notes["band_rank"]
        assert isinstance(count, int) and share(kept) >= wanted - 1e-6
        assert squares[: count - 1].sum() < wanted * squares.sum()


def test_incident_a_crop_that_cannot_fail_is_flagged(bench: Bench):
    """The first quarter of 64 directions holds all of a delta of rank 8; the first quarter of 8 does not."""
    whole = low_rank(bench, ["L0o", "L1down"], 8, 0)
    crops = {of: {"index": [0, 0.25], "of": of} for of in ("size", "rank")}
    told = {of: halves(bench, "spectrum", whole, frame="own", band=band)[0] for of, band in crops.items()}
    assert (told["size"].notes["cannot_fail"], told["size"].notes["rank_share"]) == (True, 1)
    assert share(told["size"]) == pytest.approx(1)
    assert (told["rank"].notes["cannot_fail"], told["rank"].notes["rank_share"]) == (False, 0.25)
    assert share(told["rank"]) < 0.6


def test_cells_do_not_depend_on_what_runs_beside_them(bench: Bench):
    one, other = low_rank(bench, ["L0o", "L1down"], 4, 0), low_rank(bench, ["L0o", "L2q"], 4, 7)
    fields: list[dict[str, Any]] = [
        {"frame": f, "band": b, "part": "keep"} for f in ("own", "base") for b in BANDS
    ]
    cells = [({"delta": delta}, own) for delta in (one, other) for own in fields]
    together = bench.cells("spectrum", [(inputs, dict(own)) for inputs, own in cells])
    alone = [bench("spectrum", inputs, **own) for inputs, own in cells]
    assert [a.to_artifact().files for a in together] == [a.to_artifact().files for a in alone]


@pytest.mark.parametrize(
    "band",
    [{}, {"index": [0, 1], "energy": 0.5}, {"index": [0.5, 0.5]}, {"energy": 0}, {"energy": 1, "of": "size"}],
)
def test_bands_that_mean_nothing(band: Any):
    with pytest.raises(ValidationError):
        find("spectrum").spec.model_validate({"delta": "d", "part": "keep", "frame": "own", "band": band})
