from __future__ import annotations

from typing import Any

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given
from tests.steps.check.findings import finding
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.steps.check.searched import Searched


def with_p(p: float | None, step: int = 0, **labels: str) -> Given:
    stats = {"p": Stat(p, None, None, None, 9, "" if p is not None else "no rows")}
    return Given(Estimate(stats, {}, "", "", {}), (step, 0), labels=labels)


def test_one_test_is_no_search():
    assert finding("searched", {"of": [with_p(0.2), with_p(0.1, 1)]}, family=[[], []]).holds


def test_many_tests_and_no_family():
    cells = [with_p(p, layer=str(layer)) for layer, p in enumerate([0.4, 0.04, None])]
    found = finding("searched", {"of": [*cells, with_p(0.3, 1)]}, family=[[], []])
    assert not found.holds and found.at == [("of", 0), ("of", 1), ("of", 2)]
    assert "3 cells (3 along layer), least p 0.04, not corrected" in found.detail
    corrected = finding("searched", {"of": cells}, family=[["layer"]])
    assert corrected.holds and "corrected over layer" in corrected.detail


def test_what_is_looked_at(tmp_path):
    lab = Lab(tmp_path)
    lab.data()
    study: dict[str, Any] = small()
    shift = {"kind": "summary", "of": "delta", "stats": ["mean"], "test": "sign"}
    study["steps"] |= {"alone": shift, "together": {**shift, "family": ["paraphrase"]}}
    _, opened = lab.open(study)
    gathered = Searched.gather(opened.plan.nodes)
    assert gathered is not None
    assert {edge.node.step for edge in gathered.inputs["of"]} == {"alone", "together"}
    assert gathered.settings == {"family": [[], ["paraphrase"]]}
