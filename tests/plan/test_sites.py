"""Sites that a model does not have, or that cannot be held, are mistakes of the study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.run.lab import CLAIMS
from ws_dsl.errors import SpecError
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session

STUDY = """\
ws: 1
id: sites
question: Is it there?
model: {kind: organism}
steps:
  claims: {kind: dataset, path: claims.jsonl, key: claim_id, columns: {claim: text}}
  prompts: {kind: prompts, rows: claims, text: "{{claim}}"}
  held: {kind: clamp, source: prompts, at: last, sites: [%s]}
"""


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("L9N1", "layers L0 to L3"),
        ("L1N192", "neurons N0 to N191"),
        ("L1H4", "heads H0 to H3"),
    ],
)
def test_a_site_that_cannot_be_held(tmp_path: Path, site: str, said: str) -> None:
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(claim) + "\n" for claim in CLAIMS))
    (tmp_path / "study.yaml").write_text(STUDY % site)
    session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
    with pytest.raises(SpecError, match=said) as caught:
        session.open(tmp_path / "study.yaml")
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line) == ("unknown-site", 8)
