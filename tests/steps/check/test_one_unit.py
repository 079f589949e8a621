from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.specs.kind import Gathered
from ws_dsl.specs.kinds import find
from ws_dsl.steps.check.one_unit import OneUnit

COEFFS = {"coeff": [-1, 1]}
SEEN = {"kind": "states", "at": "last", "layer": 1}
PUSH = {"kind": "add_vector", "during": "both", "over": COEFFS}
NORM = {**PUSH, "vector": "mean"}
RAW = {**NORM, "unit": "raw"}
ADAPTER = {"kind": "train_adapter", "data": "said", "steps": 2, "seed": 0}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.data()
    return lab


def study(figures: dict[str, Any] | None = None, **arms: dict[str, Any]) -> dict[str, Any]:
    """Arms along one axis of coefficients, in one table."""
    made = small()
    made["steps"] = {name: made["steps"][name] for name in ("claims", "prompts")} | {
        "neutral": "prompts[condition=neutral]",
        "said": {
            "kind": "prompts",
            "rows": "claims",
            "user": "Is it true that {{claim}}?",
            "over": {"reply as side": {"plus": "Yes.", "minus": "No."}},
        },
        "felt": {**SEEN, "prompts": "said", "at": "reply_last"},
        "mean": {"kind": "mean_diff", "plus": "felt[side=plus]", "minus": "felt[side=minus]"},
        "first_pc": {"kind": "pca_diff", "plus": "felt[side=plus]", "minus": "felt[side=minus]"},
        "random": {"kind": "random_vectors", "like": "mean", "seed": 0},
        "adapter": {
            **ADAPTER,
            "over": {"family": {"small": {"kind": "lora", "rank": 2}, "gates": {"kind": "ia3"}}},
        },
        "dW": {"kind": "weight_diff", "plus": "adapter[side=plus]", "minus": "adapter[side=minus]"},
        **arms,
        "arms": {"kind": "stack", "axis": "set", "of": {"base": "none", **{name: name for name in arms}}},
        "score": {
            "kind": "logit_diff",
            "prompts": "neutral",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
            "arm": "arms",
        },
        "moved": {"kind": "difference", "plus": "score[set!=base]", "minus": "score[set=base]"},
        "effect": {"kind": "summary", "of": "moved", "stats": ["mean"]},
    }
    return {**made, "rules": {}, "report": figures or {"tables": {"effect": {"of": "effect"}}}}


def gathered(lab: Lab, content: dict[str, Any]) -> Gathered | None:
    return OneUnit.gather(lab.open(content)[1].plan.nodes)


def units(found: Gathered | None) -> set[str]:
    assert found is not None
    return {str(unit) for unit in found.settings["units"]}  # pyright: ignore


def test_what_was_gathered_is_told():
    told = ["table effect along coeff"] * 3
    found = finding("one_unit", {"of": [Given(None)] * 3}, units=["one", "other", "one"], shown=told)
    assert not found.holds and found.at == [("of", 0), ("of", 1), ("of", 2)]
    assert found.detail == "table effect along coeff: 1 is one, or other"
    assert find("one_unit").spec.severity == "warn"  # pyright: ignore


def test_raw_beside_mean_norms(lab: Lab):
    found = gathered(lab, study(norm=NORM, raw=RAW))
    assert units(found) == {"the mean norm of activations", "the vector as it is (mean_diff)"}
    assert found is not None and len(found.inputs["of"]) == 4
    assert set(found.settings["shown"]) == {"table effect along coeff"}  # pyright: ignore


def test_raw_differences_of_two_families(lab: Lab):
    found = gathered(lab, study(weights={"kind": "add_weights", "delta": "dW", "over": COEFFS}))
    assert units(found) == {f"the weight difference as it is ({name})" for name in ("lora", "ia3")}


def test_raw_vectors_of_two_methods(lab: Lab):
    found = gathered(lab, study(one=RAW, other={**RAW, "vector": "first_pc"}))
    assert units(found) == {f"the vector as it is ({name})" for name in ("mean_diff", "pca_diff")}


def test_a_contrast_of_two_units(lab: Lab):
    made = study(norm=NORM, raw=RAW)
    made["steps"]["lead"] = {"kind": "difference", "plus": "effect[set=norm]", "minus": "effect[set=raw]"}
    made["report"] = {"tables": {"lead": {"of": "lead"}}}
    assert len(units(gathered(lab, made))) == 2


CALIBRATED = {
    "kind": "calibrate",
    "prompts": "neutral",
    "p95_kl": 0.1,
    "over": {
        "arm": {"weights": {"kind": "add_weights", "delta": "dW"}, "vector": {**NORM, "over": {}}},
        **COEFFS,
    },
}


@pytest.mark.parametrize(
    "arms",
    [
        {"norm": NORM, "other": {**NORM, "vector": "first_pc"}},
        {"raw": RAW, "chance": {**RAW, "vector": "random"}},
        {"one": {"kind": "add_weights", "delta": "dW[family=small]", "over": COEFFS}},
        {"strong": CALIBRATED},
        {"norm": NORM, "raw": {**RAW, "over": {"coeff": {"weakly": 0.1, "strongly": 1}}}},
    ],
    ids=["mean norms", "random and like it", "one family", "calibrated", "words"],
)
def test_one_unit(lab: Lab, arms: dict[str, dict[str, Any]]):
    assert gathered(lab, study(**arms)) is None


def test_apart_they_are_not_side_by_side(lab: Lab):
    tables = {name: {"of": f"effect[set={name}]"} for name in ("norm", "raw")}
    assert gathered(lab, study({"tables": tables}, norm=NORM, raw=RAW)) is None
    assert (
        gathered(lab, study({"tables": {"at_one": {"of": "effect[coeff=1]"}}}, norm=NORM, raw=RAW))
        is not None
    )


def test_a_number_that_is_no_coefficient(lab: Lab):
    """Layer 1 and a coefficient of 1."""
    layers = {"over": {"layer": [1, 2]}}
    made = study(norm={**NORM, "over": {}}, raw={**RAW, "over": {}})
    made["steps"]["felt"] |= layers
    assert gathered(lab, made) is None
