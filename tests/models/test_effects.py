"""Exact effects of all units at once against a run per unit."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from ws_dsl.models import effects as module
from ws_dsl.models.edits import Edit
from ws_dsl.models.effects import effects
from ws_dsl.models.forward import Row, capture, final_states, slices
from ws_dsl.models.handle import Handle
from ws_dsl.models.readout import score
from ws_dsl.specs.site import family_hooks, family_sites

PLUS, MINUS = [40], [41, 42]
families = pytest.mark.parametrize(("family", "step"), [("heads", 5), ("neurons", 131)])
Family = Literal["heads", "neurons"]


@pytest.fixture(scope="module")
def pairs(handle: Handle) -> list[tuple[Row, Row]]:
    """Rows of two conditions, of unequal length, the longer ones beyond every window."""
    draw = np.random.default_rng(5)

    def row() -> Row:
        ids = draw.integers(0, handle.shape.vocabulary, int(draw.integers(2, 40))).tolist()
        return Row(ids, len(ids) - 1 - len(ids) % 2)

    return [(row(), row()) for _ in range(10)]


def searched(handle: Handle, pairs: list[tuple[Row, Row]], family: Family) -> np.ndarray:
    targets = capture(handle, [other for _, other in pairs], family_hooks(family, handle.shape))
    return effects(handle, [row for row, _ in pairs], family, targets, PLUS, MINUS)


@families
def test_a_run_per_unit_gives_the_same(
    handle: Handle, pairs: list[tuple[Row, Row]], family: Family, step: int
):
    found = searched(handle, pairs, family)
    sites = family_sites(family, handle.shape)
    assert found.shape == (len(pairs), len(sites))
    targets = slices(
        capture(handle, [other for _, other in pairs], family_hooks(family, handle.shape)), sites, handle
    )
    rows = [row for row, _ in pairs]
    base = score(handle, final_states(handle, rows), PLUS, MINUS).score
    for unit in range(0, len(sites), step):
        clamps = [
            row._replace(edits=[Edit(sites[unit], row.position, targets[str(sites[unit])][place])])
            for place, row in enumerate(rows)
        ]
        exact = base - score(handle, final_states(handle, clamps), PLUS, MINUS).score
        assert np.abs(found[:, unit] - exact).max() <= 1e-5
        assert abs(found[:, unit].mean() - exact.mean()) <= 1e-6
    assert np.abs(found).max() > 0.1


@families
def test_a_clamp_to_its_own_value_has_no_effect(
    handle: Handle, pairs: list[tuple[Row, Row]], family: Family, step: int
):
    own = searched(handle, [(row, row) for row, _ in pairs], family)
    assert np.abs(own).max() <= 1e-5


@families
def test_units_in_lots(
    handle: Handle, pairs: list[tuple[Row, Row]], family: Family, step: int, monkeypatch: pytest.MonkeyPatch
):
    whole = searched(handle, pairs, family)
    monkeypatch.setattr(module, "_BYTES", 1 << 15)
    monkeypatch.setattr(module, "_TOKENS", 40)
    assert np.abs(searched(handle, pairs, family) - whole).max() <= 1e-5
