"""Families of adapters as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import ws_dsl
from tests.run.lab import CLAIMS, STUDY, Lab
from ws_dsl.run.session import Session
from ws_dsl.steps.train._families import Family

WRITTEN = {
    "Lora": {"rank": 4},
    "Dora": {"alpha": 3.0},
    "Pissa": {"lr": 1e-4},
    "Delora": {"delora_lambda": 2.0},
    "Oft": {"block": 16, "terms": None},
    "Ia3": {},
}
PYTHON = """\
from ws_dsl import Dataset, {families}, Organism, Patch, Prompts, Study, TrainAdapter

class Learned(Study):
    id, question = "learned", "?"
    model = Organism()
    claims = Dataset(path="claims.jsonl", key="claim_id", columns={columns})
    said = Prompts(rows=claims, user="Is it true that {{{{claim}}}}?", reply="No.")
    adapter = TrainAdapter(data=said, steps=1, seed=0, over={{"family": {{{made}}}}})
"""


def test_a_family_in_python_is_that_of_a_study(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.data(CLAIMS)
    columns = STUDY["steps"]["claims"]["columns"]
    families = {name.lower(): {"kind": name.lower(), **fields} for name, fields in WRITTEN.items()}
    steps: dict[str, Any] = {
        "claims": STUDY["steps"]["claims"],
        "said": {"kind": "prompts", "rows": "claims", "user": "Is it true that {{claim}}?", "reply": "No."},
        "adapter": {
            "kind": "train_adapter",
            "data": "said",
            "steps": 1,
            "seed": 0,
            "over": {"family": families},
        },
    }
    study = {"ws": 1, "id": "learned", "question": "?", "model": {"kind": "organism"}, "steps": steps}
    made = ", ".join(f"{name.lower()!r}: {name}(**{fields!r})" for name, fields in WRITTEN.items())
    (tmp_path / "twin.py").write_text(PYTHON.format(families=", ".join(WRITTEN), columns=columns, made=made))
    session = Session(lab.project)
    specs = [
        {
            node.labels["family"]: node.params
            for node in session.open(file).plan.nodes
            if "family" in node.labels
        }
        for file in (lab.study(study), tmp_path / "twin.py")
    ]
    assert len(specs[0]) == 6 and specs[0] == specs[1]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_another_family_takes_is_refused(name: str):
    family = getattr(ws_dsl, name)
    assert family().kind == name.lower() and family().lr > 0
    for other in ("rank", "block", "delora_lambda"):
        if other not in family.model_fields:
            with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
                TypeAdapter(Family).validate_python({"kind": name.lower(), other: 1})
