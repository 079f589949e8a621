"""Gradients at hooks: against finite differences, and independent of what runs beside a row."""

from __future__ import annotations

import numpy as np

from ws_dsl.models import readout
from ws_dsl.models.attribution import gradients
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, at_sites, final_states
from ws_dsl.models.handle import Handle
from ws_dsl.specs.site import Site

PLUS, MINUS = [40], [41, 42]
SITES = [
    Site.parse(text) for text in ("L1H2", "L2N7", "L2N100", "embed", "L1K1", "L1R0", "L2mid", "normalized")
]
HOOKS = sorted({site.hook for site in SITES})


def rows_of(handle: Handle) -> list[Row]:
    generator = np.random.default_rng(0)
    lengths = [5, 11, 8, 3, 19, 12]
    ids = [generator.integers(10, handle.shape.vocabulary, size=length).tolist() for length in lengths]
    return [Row(row, len(row) - 1) for row in ids]


def test_a_gradient_is_the_slope_of_the_score(handle: Handle) -> None:
    rows = rows_of(handle)
    found = gradients(handle, rows, HOOKS, PLUS, MINUS)
    step = 1e-2
    for site in SITES:
        width = site.width(handle.shape)
        values = at_sites(handle, rows, [site])[str(site)]
        slope = found[site.hook][:, (site.index or 0) * width]
        scores = []
        for sign in (1, -1):
            moved = values.copy()
            moved[:, 0] += sign * step
            edited = [row._replace(edits=[Edit(site, row.position, moved[i])]) for i, row in enumerate(rows)]
            scores.append(readout.score(handle, final_states(handle, edited), PLUS, MINUS).score)
        np.testing.assert_allclose(slope, (scores[0] - scores[1]) / (2 * step), rtol=2e-2, atol=2e-3)


def test_a_gradient_does_not_depend_on_its_neighbours(handle: Handle) -> None:
    rows = rows_of(handle)
    together = gradients(handle, rows, HOOKS, PLUS, MINUS)
    for hook in HOOKS:
        assert np.abs(together[hook]).max() > 1e-3
    for index, row in enumerate(rows):
        alone = gradients(handle, [row], HOOKS, PLUS, MINUS)
        for hook in HOOKS:
            assert alone[hook][0].tobytes() == together[hook][index].tobytes()
