"""Losses of training in figures and in `show`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.run.lab import CLAIMS, STUDY, Lab
from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.errors import SpecError
from ws_dsl.registry import Store
from ws_dsl.run.context import Library

FIGURE = {"kind": "line", "of": "adapter", "x": "step", "colour": "curve", "facet": "family", "alt": "Loss"}
LEARNED: dict[str, Any] = {
    "ws": 1,
    "id": "learned",
    "question": "Did it learn?",
    "model": {"kind": "organism"},
    "steps": {
        "claims": STUDY["steps"]["claims"],
        "said": {"kind": "prompts", "rows": "claims", "user": "Is it true that {{claim}}?", "reply": "No."},
        "adapter": {
            "kind": "train_adapter",
            "data": "said",
            "steps": 3,
            "seed": 0,
            "look_every": 2,
            "hold_out": {"share": 0.3, "by": "topic"},
            "over": {"family": {"lora": {"kind": "lora", "rank": 2}, "ia3": {"kind": "ia3"}}},
        },
    },
    "report": {"figures": {"loss": FIGURE}},
}


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    lab = Lab(tmp_path)
    (lab.root / "ws-dsl.toml").touch()
    lab.data(CLAIMS)
    return Terminal(lab, monkeypatch, capsys)


def test_a_figure_has_every_step_and_every_look(at: Terminal):
    at.lab.study(LEARNED)
    assert at("run", "learned.yaml").code == 0
    with (at.lab.root / "site/studies/learned/data/loss.csv").open(encoding="utf-8") as file:
        drawn = list(csv.DictReader(file))
    store = Store(at.lab.root / "registry")
    keys = [entry.key for entry in store.catalogue.artifacts() if entry.kind == "train_adapter"]
    found: list[Adapter] = [Library(store).open(key, store.require(key).digest) for key in keys]
    for made in found:
        own = [row for row in drawn if row["family"] == made.notes["family"]]
        train, looks = ([row for row in own if row["curve"] == name] for name in ("train", "validation"))
        assert [float(row["loss"]) for row in train] == made.curves["train"]
        assert [[int(row["step"]), float(row["loss"])] for row in looks] == made.curves["validation"]
        assert [row["step"] for row in looks] == ["0", "2", "3"]
    shown = at("show", "learned:adapter", "--study", "learned.yaml", "--json").json["rows"]
    assert len(shown) == len(drawn) == 2 * (3 + 3)


def test_a_table_of_adapters_is_refused(at: Terminal):
    study = {**LEARNED, "report": {"tables": {"loss": {"of": "adapter", "rows": "family"}}}}
    with pytest.raises(SpecError, match="Table or Estimate or Sites, and 'adapter' is Adapter"):
        at.lab.open(study)
