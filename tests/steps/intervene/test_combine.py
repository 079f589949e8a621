"""Several interventions as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.run.lab import STUDY, Lab
from tests.steps.intervene.held import HEAD, NEURON, agree, to
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Change, Plain, Unit
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError


def test_several_at_once(bench: Bench, plain: Plain):
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)
    held = bench("clamp", {"source": source}, sites=[str(HEAD)], at="last")
    scaled = bench("scale", {}, sites=[str(NEURON)], factor=3, during="prompt")
    arm = bench("combine", {"of": [held, scaled]})

    def expected(row: int) -> Mapping[tuple[Unit, int], Change]:
        changes: dict[tuple[Unit, int], Change] = {
            (NEURON, token): lambda values: 3 * values for token in range(len(prompts.tokens[row]))
        }
        changes[HEAD, -1] = to(plain.activations(source.tokens[row], "heads")[HEAD])
        return changes

    agree(bench, plain, prompts, arm, expected)
    with pytest.raises(MeasurementError, match="which one holds"):
        bench.scores(prompts, bench("combine", {"of": [held, held]}))


def test_of_one_model_and_all_that_was_chosen(bench: Bench):
    source = bench.prompts(NEUTRAL)
    one, other = (
        bench("clamp", {"source": source, "sites": Sites([str(unit)], [1.0], rows)}, at="last")
        for unit, rows in ((HEAD, "rows b"), (NEURON, "rows a"))
    )
    assert bench("combine", {"of": [one, other]}).chosen_on == ["rows a", "rows b"]
    with pytest.raises(MeasurementError, match="different models"):
        bench("combine", {"of": [one, replace(other, model="another")]})


def test_in_a_study(tmp_path: Path):
    """Arms of two steps, brought onto an axis and pooled."""
    steps = {name: STUDY["steps"][name] for name in ("claims", "prompts")} | {
        "held": {"kind": "clamp", "sites": ["L2H1"], "to": 0, "at": "last"},
        "scaled": {"kind": "scale", "sites": ["L3N17"], "factor": 2, "during": "prompt"},
        "parts": {"kind": "stack", "axis": "part", "of": {"held": "held", "scaled": "scaled"}},
        "both": {"kind": "combine", "of": "parts", "pool": "part"},
        "score": {
            "kind": "logit_diff",
            "prompts": "prompts[condition=neutral]",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
            "over": {"arm": ["none", "held", "both"]},
        },
    }
    content = {name: STUDY[name] for name in ("ws", "id", "question", "model")} | {"steps": steps}
    lab = Lab(tmp_path)
    lab.data()
    ran = lab.run(content)
    assert {"both", "score[arm=both]"} <= {str(cell) for cell in ran.computed}
    assert not lab.run(content).made
