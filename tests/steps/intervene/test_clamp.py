"""Components held at another condition's values, against plain transformers with hooks of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain, Unit
from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError

HEAD, NEURON = Unit(2, "heads", 1), Unit(3, "neurons", 17)


def clamp(bench: Bench, source: str, *sites: str) -> Arm:
    return bench("clamp", {"source": bench.prompts(source)}, sites=list(sites), at="last")


def held(plain: Plain, source: str, target: str, units: Sequence[Unit]) -> list[float]:
    """Scores by plain transformers."""
    found: list[float] = []
    for there, here in zip(
        plain.bench.prompts(source).tokens, plain.bench.prompts(target).tokens, strict=True
    ):
        values = {unit: plain.activations(there, unit.family)[unit] for unit in units}
        found.append(plain.score(here, values))
    return found


def test_to_its_own_values_changes_nothing(bench: Bench):
    prompts = bench.prompts(PRESSURE)
    arm = clamp(bench, PRESSURE, "L0N3", "L1H2", "L2", "L3N17")
    free, clamped = bench.scores(prompts), bench.scores(prompts, arm)
    np.testing.assert_allclose(clamped.columns["value"], free.columns["value"], atol=1e-5)


@pytest.mark.parametrize("units", [[HEAD], [NEURON], [HEAD, NEURON]], ids=["head", "neuron", "both"])
def test_to_another_conditions_values(bench: Bench, plain: Plain, units: list[Unit]):
    arm = clamp(bench, NEUTRAL, *map(str, units))
    table = bench.scores(bench.prompts(PRESSURE), arm)
    np.testing.assert_allclose(table.columns["value"], held(plain, NEUTRAL, PRESSURE, units), atol=1e-5)


def test_the_whole_stream_at_the_last_layer_is_the_other_condition(bench: Bench):
    table = bench.scores(bench.prompts(PRESSURE), clamp(bench, NEUTRAL, "L3"))
    other = bench.scores(bench.prompts(NEUTRAL))
    np.testing.assert_allclose(table.columns["value"], other.columns["value"], atol=1e-5)


def test_a_clamp_moves_the_answer(bench: Bench):
    """So that the laws above could fail."""
    free = np.array(bench.scores(bench.prompts(PRESSURE)).columns["value"])
    for site in (str(HEAD), str(NEURON), "L3"):
        clamped = np.array(
            bench.scores(bench.prompts(PRESSURE), clamp(bench, NEUTRAL, site)).columns["value"]
        )
        assert np.abs(clamped - free).max() > 1e-3


def test_pooled_sites_are_held_together_and_remember_their_choice(bench: Bench):
    chosen = [Sites([str(HEAD)], [1.0], "rows a"), Sites([str(NEURON)], [1.0], "rows b")]
    pooled = bench("clamp", {"source": bench.prompts(NEUTRAL), "sites": chosen}, at="last")
    literal = clamp(bench, NEUTRAL, str(HEAD), str(NEURON))
    assert pooled.changes[0].sites == literal.changes[0].sites
    assert pooled.chosen_on == ["rows a", "rows b"]
    assert pooled.to_artifact().files == replace(literal, chosen_on=pooled.chosen_on).to_artifact().files


def test_cells_made_together_are_those_made_alone(bench: Bench):
    source = bench.prompts(NEUTRAL)
    wanted = [["L3N17"], ["L0N3", "L2H1"], ["L2"]]
    together = bench.cells(
        "clamp", [({"source": source}, {"sites": sites, "at": "last"}) for sites in wanted]
    )
    for sites, arm in zip(wanted, together, strict=True):
        alone = bench("clamp", {"source": source}, sites=sites, at="last")
        assert arm.to_artifact() == alone.to_artifact()


def test_rows_without_values_are_refused(bench: Bench):
    arm = bench("clamp", {"source": bench.prompts(NEUTRAL, ["2 + 3 = 5"])}, sites=[str(HEAD)], at="last")
    with pytest.raises(MeasurementError, match="no values for row 1"):
        bench.scores(bench.prompts(PRESSURE), arm)


def test_an_arm_of_another_model_is_refused(bench: Bench):
    arm = replace(clamp(bench, NEUTRAL, str(HEAD)), model="another")
    with pytest.raises(MeasurementError, match="another model"):
        bench.scores(bench.prompts(PRESSURE), arm)


@pytest.mark.parametrize(
    ("sites", "said"), [(["L1N3", "L1N3"], "twice"), (["attention"], "attention")], ids=["twice", "nonsense"]
)
def test_sites_that_cannot_be_meant(bench: Bench, sites: list[str], said: str):
    with pytest.raises(ValueError, match=said):
        clamp(bench, NEUTRAL, *sites)
