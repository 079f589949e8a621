from __future__ import annotations

import pytest

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding, prompts
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.steps.check.distinct import Distinct


def replied(a: str, b: str, group: int = 0, **labels: str) -> Given:
    asked = prompts({"a": [1], "b": [2]})
    columns = {**asked.columns, "reply": [a, b]}
    return Given(Prompts(asked.keys, columns, "tokenizer", {}, None), (group, 0), labels=labels)


def test_one_row_that_differs_is_enough():
    found = finding("distinct", {"of": [replied("yes", "no", seed="0"), replied("yes", "yes", seed="1")]})
    assert found.holds and "1 of 2 rows differ" in found.detail


def test_greedy_replies_under_several_seeds():
    """A server that ignored the temperature gave one reply under every seed: a reliability of 1."""
    cells = [replied("yes", "no", arm="steer", seed=str(seed)) for seed in range(3)]
    found = finding("distinct", {"of": cells})
    assert not found.holds and len(found.at) == 3
    assert "[arm=steer]: 3 repeats of 2 rows are all the same" in found.detail


@pytest.mark.parametrize("axis", ["seed", None])
def test_groups_are_judged_one_by_one(axis: str | None):
    cells = [
        replied("yes", "no", 0, arm="none", seed="0"),
        replied("no", "no", 0, arm="none", seed="1"),
        replied("yes", "no", 1, arm="steer", seed="0"),
        replied("yes", "no", 1, arm="steer", seed="1"),
    ]
    assert finding("distinct", {"of": cells}, axis=axis).at == [("of", 2), ("of", 3)]


def test_answers_are_compared_too():
    same = [Given(table({"a": 1.0, "b": None}), (0, place)) for place in range(2)]
    other = Given(table({"a": 2.0, "b": None}), (0, 2))
    assert not finding("distinct", {"of": same}).holds
    assert finding("distinct", {"of": [*same, other]}).holds


def test_it_looks_by_itself_at_what_is_sampled_under_several_seeds(tmp_path):
    lab = Lab(tmp_path)
    lab.data()
    study = small()
    spoken = {
        "kind": "generate",
        "prompts": "prompts[condition=neutral]",
        "max_tokens": 4,
        "temperature": 0,
        "over": {"seed as repeat": [0, 1], "arm": ["none", "named"]},
    }
    study["steps"] |= {"spoken": spoken, "once": {**spoken, "seed": 3, "over": {"max_tokens": [4, 5]}}}
    _, opened = lab.open(study)
    gathered = Distinct.gather(opened.plan.nodes)
    assert gathered is not None
    looked_at = [(edge.node.step, edge.node.labels, edge.pooled) for edge in gathered.inputs["of"]]
    assert {step for step, _, _ in looked_at} == {"spoken"}
    groups: dict[int, list[str]] = {}
    for _, labels, (group, _) in looked_at:
        groups.setdefault(group, []).append(labels.pop("repeat"))
    assert len(groups) == 3 and all(seeds == ["0", "1"] for seeds in groups.values())
