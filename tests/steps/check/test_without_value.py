from __future__ import annotations

from tests.run.lab import Lab, small
from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding
from ws_dsl.steps.check.without_value import WithoutValue


def parsed(gone: int, step: int = 0, **labels: str) -> Given:
    """Ten replies, some of which give no answer."""
    values = {f"r{row}": None if row < gone else 1.0 for row in range(10)}
    return Given(table(values), (step, gone), labels=labels)


def test_every_cell_may_lose_a_tenth():
    found = finding("without_value", {"of": [parsed(0), parsed(1), parsed(1, 1)]})
    assert found.holds
    assert found.detail == "shares without a value: 0.0% to 10.0% of 2 cells, 10.0% to 10.0% of 1 cells"


def test_a_cell_that_loses_many():
    found = finding("without_value", {"of": [parsed(0, arm="none"), parsed(4, arm="steer")]})
    assert not found.holds and found.at == [("of", 1)]
    assert "[arm=steer]: 4 of 10 rows: 4 unclear" in found.detail


def test_what_is_looked_at(tmp_path):
    lab = Lab(tmp_path)
    lab.data()
    study = small()
    study["steps"] |= {
        "spoken": {
            "kind": "generate",
            "prompts": "prompts[condition=neutral]",
            "max_tokens": 2,
            "temperature": 0,
            "seed": 0,
        },
        "refused": {"kind": "refusal", "of": "spoken"},
    }
    _, opened = lab.open(study)
    gathered = WithoutValue.gather(opened.plan.nodes)
    assert gathered is not None
    assert [edge.node.step for edge in gathered.inputs["of"]] == ["refused"]
    assert WithoutValue.gather([node for node in opened.plan.nodes if node.step != "refused"]) is None
