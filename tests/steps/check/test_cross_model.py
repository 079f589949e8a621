from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.specs.kinds import find
from ws_dsl.steps.check.cross_model import CrossModel


def model(digest: str) -> Given:
    return Given(None, (), None, digest)


def test_the_same_model_twice():
    assert finding("cross_model", {"used": [model("a")] * 2, "source": [model("a")] * 2}).holds


def test_a_vector_of_another_model():
    found = finding("cross_model", {"used": [model("a")] * 2, "source": [model("a"), model("b")]})
    assert not found.holds and found.at == [("used", 1)] and "1 of them differ" in found.detail


def test_it_warns():
    assert find("cross_model").spec.severity == "warn"  # pyright: ignore


def study(**steps: dict[str, Any]) -> dict[str, Any]:
    made = small()
    made["steps"] |= {
        "llama": {"kind": "organism", "family": "llama"},
        "own": {"kind": "states", "prompts": "prompts", "at": "last", "layer": 1},
        "foreign": {"kind": "states", "prompts": "prompts", "model": "llama", "at": "last", "layer": 1},
        "felt": {"kind": "stack", "axis": "source", "of": {"own": "own", "foreign": "foreign"}},
        "vector": {
            "kind": "mean_diff",
            "plus": "felt[condition=pressure, paraphrase=sure]",
            "minus": "felt[condition=neutral]",
        },
        **steps,
    }
    return made


@pytest.mark.parametrize(
    "use",
    [
        {"kind": "cosine", "states": "own[condition=neutral]", "vector": "vector"},
        {"kind": "add_vector", "vector": "vector", "during": "prompt"},
    ],
    ids=["scored", "steered"],
)
def test_what_is_looked_at(tmp_path: Path, use: dict[str, Any]):
    """Both uses of the two models' vectors: one pair of equal models, one of unlike ones."""
    lab = Lab(tmp_path)
    lab.data()
    _, opened = lab.open(study(used=use))
    gathered = CrossModel.gather([node for node in opened.plan.nodes if node.kind.verb != "check"])
    assert gathered is not None
    pairs = [
        (a.node.step, b.node.step)
        for a, b in zip(gathered.inputs["used"], gathered.inputs["source"], strict=True)
    ]
    assert sorted(pairs) == [("model", "llama"), ("model", "model")]


def test_comparing_vectors_is_no_use_of_them(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.data()
    alike = {"kind": "similarity", "of": "vector[source=own]", "to": "vector[source=foreign]"}
    _, opened = lab.open(study(alike=alike))
    assert CrossModel.gather([node for node in opened.plan.nodes if node.kind.verb != "check"]) is None
