from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import CLAIMS, Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.specs.kind import Gathered
from ws_dsl.specs.kinds import find
from ws_dsl.steps.check.direction_stated import DirectionStated

CLAIM = {"verdict": "supported", "claim": "It is read."}
OPEN = {"verdict": "undecided", "claim": "That cannot be told."}


def predicted(auroc: float | None, p: float | None, p_max: float | None = None, **labels: str) -> Given:
    values = {"auroc_within": auroc, "p": p, **({} if p_max is None else {"p_max": p_max})}
    stats = {name: Stat(value, None, None, None, 9, "") for name, value in values.items()}
    return Given(Estimate(stats, {}, "", "", {}), labels=labels)


def test_a_find_the_wrong_way_round():
    found = finding("direction_stated", {"of": [predicted(0.2, 0.01, layer="2"), predicted(0.8, 0.01)]})
    assert not found.holds and found.at == [("of", 0)]
    assert "2 cells with no direction stated, 1 of them below ½: [layer=2]: 0.2 with p = 0.01" in found.detail
    assert find("direction_stated").spec.severity == "warn"  # pyright: ignore


@pytest.mark.parametrize("case", [(0.8, 0.01), (0.2, 0.2), (0.2, 0.01, 0.3), (None, None)], ids=str)
def test_what_may_be_chance_or_is_the_right_way_round(case: tuple[float | None, ...]):
    assert finding("direction_stated", {"of": [predicted(*case)]}).holds


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.data(CLAIMS)
    return lab


def study(**changes: Any) -> dict[str, Any]:
    """Cosines with a vector at two layers, and what they predict."""
    made = small()
    seen = {"kind": "states", "at": "last", "over": {"layer": [1, 2]}}
    made["steps"] = {name: made["steps"][name] for name in ("claims", "prompts")} | {
        "plus": {**seen, "prompts": "prompts[condition=pressure, paraphrase=sure]"},
        "minus": {**seen, "prompts": "prompts[condition=neutral]"},
        "vector": {"kind": "mean_diff", "plus": "plus", "minus": "minus"},
        "cosine": {"kind": "cosine", "states": "minus", "vector": "vector"},
        "predicts": {"kind": "predictivity", "score": "cosine", "label": "claims.label", "family": ["layer"]},
        **changes.pop("steps", {}),
    }
    return {**made, "rules": {}, "report": {}, **changes}


def rule(read: str, **when: float) -> dict[str, Any]:
    return {"read": {"r": read}, "first": [{"when": {"r": when}, **CLAIM}], "otherwise": OPEN}


def gathered(lab: Lab, content: dict[str, Any]) -> Gathered | None:
    return DirectionStated.gather(lab.open(content)[1].plan.nodes)


BEST = {"kind": "choose", "of": "predicts", "axes": ["layer"], "take": "max"}


def test_nothing_says_which_way(lab: Lab):
    found = gathered(lab, study())
    assert found is not None and len(found.inputs["of"]) == 2


@pytest.mark.parametrize(
    "stated",
    [
        {"rules": {"r": rule("predicts[layer=1]", **{"auroc.low_gt": 0.5})}},
        {"rules": {"r": rule("predicts", all_r_pb_lt=0)}},
        {"checks": {"c": {"kind": "holds", "of": "predicts", "when": {"auroc_within_ge": 0.5}}}},
        {"steps": {"best": {**BEST, "statistic": "spearman"}}},
        {
            "steps": {"best": {**BEST, "statistic": "p", "take": "min"}},
            "rules": {"r": rule("predicts[best]", auroc_gt=0.5)},
        },
    ],
    ids=["rule", "other way", "holds", "choice", "chosen"],
)
def test_the_direction_is_stated(lab: Lab, stated: dict[str, Any]):
    assert gathered(lab, study(**stated)) is None


@pytest.mark.parametrize(
    "blind",
    [
        {"rules": {"r": rule("predicts", any_p_max_lt=0.05)}},
        {"steps": {"best": {**BEST, "statistic": "r_pb", "take": "max_abs"}}},
        {"steps": {"best": {**BEST, "statistic": "p_max", "take": "min"}}},
    ],
    ids=["rule", "farthest", "least p"],
)
def test_what_reads_both_ways_states_nothing(lab: Lab, blind: dict[str, Any]):
    assert gathered(lab, study(**blind)) is not None


def test_a_score_without_a_vector_has_no_direction_to_choose(lab: Lab):
    scored = {
        "kind": "logit_diff",
        "prompts": "prompts[condition=neutral]",
        "tokens": {"plus": [" Yes"], "minus": [" No"]},
    }
    steps = {"score": scored, "predicts": {"kind": "predictivity", "score": "score", "label": "claims.label"}}
    assert gathered(lab, study(steps=steps)) is None
