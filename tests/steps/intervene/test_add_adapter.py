"""An adapter as an arm, against PEFT with the same folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.steps.organism import PRESSURE, Bench
from tests.steps.train.replies import FAMILIES, replies
from ws_dsl.artifacts.adapter import FOLDER, Adapter
from ws_dsl.errors import MeasurementError

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module", params=FAMILIES)
def adapter(request: pytest.FixtureRequest, bench: Bench) -> Adapter:
    fields = {"family": FAMILIES[request.param], "steps": 6, "seed": 0, "warmup": 1}
    made: Adapter = bench("train_adapter", {"data": replies(bench, lie=True)}, **fields)
    return replace(made, model="model")


def test_scores_are_those_of_peft(bench: Bench, adapter: Adapter, tmp_path: Path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    for name in FOLDER:
        (tmp_path / name).write_bytes(adapter.files[name])
    base: Any = AutoModelForCausalLM.from_pretrained(bench.folder, dtype=torch.float32)
    model: Any = PeftModel.from_pretrained(base, str(tmp_path)).eval()
    prompts = bench.prompts(PRESSURE)
    yes, no = (bench.handle.tokenizer.encode(word, add_special_tokens=False)[0] for word in (" Yes", " No"))
    with torch.no_grad():
        logits = [model(torch.tensor([ids])).logits[0, -1] for ids in prompts.tokens]
    expected = [float(one[yes] - one[no]) for one in logits]
    found = bench.scores(prompts, bench("add_adapter", {"adapter": adapter})).columns["value"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(np.subtract(found, bench.scores(prompts).columns["value"])).max() > 1e-3


def test_it_says_what_it_was_trained_on(bench: Bench, adapter: Adapter):
    assert bench("add_adapter", {"adapter": adapter}).chosen_on == adapter.made_on


def test_it_is_of_its_model(bench: Bench, adapter: Adapter):
    with pytest.raises(MeasurementError, match="another model"):
        bench("add_adapter", {"adapter": replace(adapter, model="another")})
