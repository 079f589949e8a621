"""Families and levels through a whole run: what a cell reads of its family is its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.run.lab import Lab, Ran
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge
from ws_dsl.run.context import RunContext
from ws_dsl.run.session import Session

TESTED = "parts[split=test]"
STUDY: dict[str, Any] = {
    "ws": 1,
    "id": "families",
    "question": "Which layer knows?",
    "model": {"kind": "organism"},
    "steps": {
        "claims": {
            "kind": "dataset",
            "path": "claims.jsonl",
            "key": "claim_id",
            "columns": {"claim": "text", "label": "bool", "topic": "category"},
        },
        "parts": {
            "kind": "split",
            "of": "claims",
            "into": {"made_on": 0.5, "test": 0.5},
            "stratify": ["topic"],
        },
        "asked": {
            "kind": "prompts",
            "rows": "parts",
            "over": {"text as side": {"plus": "Yes. {{claim}}", "minus": "No. {{claim}}"}},
        },
        "felt": {"kind": "states", "prompts": "asked", "at": "last", "over": {"layer": [0, 1]}},
        "vector": {
            "kind": "mean_diff",
            "plus": "felt[side=plus, split=made_on]",
            "minus": "felt[side=minus, split=made_on]",
        },
        "cosine": {"kind": "cosine", "states": "felt[split=test]", "vector": "vector"},
        "known": {
            "kind": "predictivity",
            "score": "cosine",
            "label": "claims.label",
            "rows": TESTED,
            "within": "topic",
            "family": ["layer", "side"],
            "states": "felt[split=test]",
            "null_vectors": 200,
        },
        "alone": {
            "kind": "predictivity",
            "score": "cosine",
            "label": "claims.label",
            "rows": TESTED,
            "within": "topic",
        },
        "moved": {"kind": "difference", "plus": "cosine[side=plus]", "minus": "cosine[side=minus]"},
        "by_topic": {
            "kind": "summary",
            "of": "moved",
            "stats": ["mean", "n", "flips"],
            "by": "topic",
            "test": "permutation",
            "family": ["layer"],
        },
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    made = Lab(tmp_path_factory.mktemp("families"))
    made.data()
    return made


@pytest.fixture(scope="module")
def ran(lab: Lab) -> Ran:
    return lab.run(STUDY)


@pytest.fixture(scope="module")
def estimates(lab: Lab, ran: Ran) -> dict[str, Estimate]:
    """Every Estimate by its address."""
    context = RunContext(Session(lab.project).store, ran.opened.state)
    steps = ("known", "alone", "by_topic")
    found = {
        str(node): context.library.open(ran.opened.state.keys[node], ran.opened.state.digests[node])
        for node in ran.opened.plan.nodes
        if node.step in steps
    }
    return {name: one for name, one in found.items() if isinstance(one, Estimate)}


def test_every_cell_has_its_own_p_and_that_of_its_family(estimates: dict[str, Estimate]):
    known = {name.removeprefix("known"): one for name, one in estimates.items() if name.startswith("known")}
    assert len(known) == 4
    for name, one in known.items():
        own = estimates["alone" + name].stats["p"].value
        assert one.stats["p"].value == own and one.notes["family"] == 4
        assert one.stats["p_max"].value >= own  # pyright: ignore[reportOperatorIssue]
        assert one.stats["null_auroc_97"].value is not None


def test_a_family_is_computed_once(ran: Ran):
    assert len([node for node in ran.opened.plan.nodes if node.step == "known/joint"]) == 1
    assert len([node for node in ran.opened.plan.nodes if node.step == "by_topic/joint"]) == 2


def test_levels_hold_their_own_rows(estimates: dict[str, Estimate]):
    found = {name: one for name, one in estimates.items() if name.startswith("by_topic")}
    assert len(found) == 4 and all(one.stats["n"].value == 2 for one in found.values())
    assert len({one.row_set for one in found.values()}) == 2
    assert all(one.stats["p_adjusted"].value is not None for one in found.values())


def test_a_vector_judged_on_the_rows_that_made_it_is_flagged(lab: Lab, ran: Ran):
    """With states of the rows it was made on, the check that always runs fails; with others it holds."""
    assert flagged(lab, ran).holds
    leaky = copy.deepcopy(STUDY)
    leaky["steps"]["vector"] |= {
        "plus": "felt[side=plus, split=test]",
        "minus": "felt[side=minus, split=test]",
    }
    assert not flagged(lab, lab.run(leaky)).holds


def flagged(lab: Lab, ran: Ran) -> Finding:
    context = RunContext(Session(lab.project).store, ran.opened.state)
    (check,) = [one for one in ran.opened.plan.checks if one.name == "chosen_elsewhere"]
    return context.input(Edge(check.node)).open()


def test_running_again_makes_nothing(lab: Lab, ran: Ran):
    assert not lab.run(STUDY).made
