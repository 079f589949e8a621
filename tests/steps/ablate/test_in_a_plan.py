"""Ablations in a study: what is held out, what cannot be made, and what may not be read."""

# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ws_dsl.errors import SpecError
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.planner import make_plan
from ws_dsl.specs.source import read

Planned = Callable[[str], Plan]
STUDY = """\
ws: 1
id: parts
question: Which part carries it?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: id, columns: {claim: text}}
  said: {kind: prompts, rows: claims, user: "{{claim}}", reply: "Yes.", over: {system as side: {plus: Yes., minus: No.}}}
  adapter: {kind: train_adapter, data: said, system: drop, seed: 0, steps: 2, over: {family: {lora: {kind: lora}, dora: {kind: dora}, ia3: {kind: ia3}}}}
  dW: {kind: weight_diff, plus: "adapter[side=plus]", minus: "adapter[side=minus]"}
"""


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    def planned(steps: str) -> Plan:
        (tmp_path / "claims.jsonl").write_text('{"id": "a", "claim": "It rains.", "world": "organism"}\n')
        file = tmp_path / "study.yaml"
        file.write_text(STUDY + steps)
        return make_plan(read(file))

    return planned


def test_incident_every_family_is_held_out_of_its_own_basis(planned: Planned):
    found = planned("  bases: {kind: shared_svd, of: dW, hold_out: family, over: {k: [1, 2]}}\n").steps()[
        "bases"
    ]
    read_by = {
        (node.labels["family"], node.labels["k"]): [edge.node.labels["family"] for edge in node.inputs["of"]]
        for node in found
    }
    others = {"lora": ["dora", "ia3"], "dora": ["lora", "ia3"], "ia3": ["lora", "dora"]}
    assert read_by == {(family, k): others[family] for family in others for k in ("1", "2")}


def test_native_parts_are_those_that_a_family_has(planned: Planned):
    plan = planned(
        "  native: {kind: parameters, delta: dW, over: {component: [magnitude, mlp_gate], part: [keep, drop]}}\n"
    )
    made = {(node.labels["component"], node.labels["family"]) for node in plan.steps()["native"]}
    assert made == {("magnitude", "dora"), ("mlp_gate", "ia3")}
    assert len(plan.unavailable) == 2 * 4
    assert {one.reason for one in plan.unavailable} == {
        "magnitude is in dora alone",
        "mlp_gate is in ia3 alone",
    }


def test_incident_matrices_that_a_family_does_not_change_are_listed_as_unavailable(planned: Planned):
    plan = planned(
        "  some: {kind: modules, delta: dW, part: keep, over: {modules as module: {up: [up], v: [v, q]}}}\n"
    )
    assert [(one.labels, one.reason) for one in plan.unavailable] == [
        ({"module": "up", "family": "ia3"}, "ia3 changes no up")
    ]


def test_a_part_of_which_the_form_is_lost(planned: Planned):
    plan = planned(
        "  bases: {kind: own_svd, of: dW, k: 2}\n"
        "  within: {kind: subspace, delta: dW, basis: bases, part: keep}\n"
        "  one: {kind: layers, delta: dW, layers: [1], part: keep}\n"
        "  some: {kind: stack, axis: lens, of: {within: within, one: one}}\n"
        "  native: {kind: parameters, delta: some, component: magnitude, part: keep}\n"
    )
    (node,) = plan.steps()["native"]
    assert node.labels == {"lens": "one", "family": "dora"}
    assert "after subspace a delta no longer has the form that its family trains" in {
        one.reason for one in plan.unavailable
    }


def test_no_adapter_has_no_parts(planned: Planned):
    with pytest.raises(SpecError, match="no cell of this step can be made: no adapter is behind the delta"):
        planned(
            "  felt: {kind: states, prompts: said, at: last, layer: 1}\n"
            '  built: {kind: constructive_delta, plus: "felt[side=plus]", minus: "felt[side=minus]"}\n'
            "  native: {kind: parameters, delta: built, component: magnitude, part: keep}\n"
        )
