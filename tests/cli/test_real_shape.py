"""A checkpoint with the shape of Qwen1.5-0.5B in the place of a study's model: from a folder, without a
network, in bounded memory.

Its weights are random, so it says nothing of the question; what is tested is that the components which the
question names are in the model, are held, and give numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints import tokenizer
from tests.cli.terminal import ROOT
from ws_dsl.cli.options import model_step
from ws_dsl.run.context import Library
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session

DATA = ROOT / "experiments" / "data" / "claims_real.jsonl"
STUDY = ROOT / "experiments" / "real" / "pressure_agreeing_qwen.yaml"
CLAIMS = 24
MEMORY = 4 << 20  # KiB
RUN = """
import socket, sys

def refused(*_, **__):
    raise OSError("the network is off")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
from ws_dsl.cli.main import main

try:
    main()
finally:
    with open("/proc/self/status") as status, open("peak", "w") as peak:
        peak.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("qwen")
    # Words are tokens, as for the real one, so that prompts are as long as they are there.
    said = [DATA.read_text("utf-8"), STUDY.read_text("utf-8"), "Yes No Yes No yes no"] * 3
    words: Any = tokenizer("qwen2").train_new_from_iterator(said, 2000)
    configuration = Qwen2Config(
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=24,
        num_attention_heads=16,
        num_key_value_heads=16,
        vocab_size=151936,
        max_position_embeddings=32768,
        tie_word_embeddings=True,
        bos_token_id=words.eos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    torch.manual_seed(0)
    model: Any = Qwen2ForCausalLM(configuration)
    model = model.to(torch.bfloat16)
    assert sum(parameter.numel() for parameter in model.parameters()) == 463_987_712
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_the_named_components_of_the_real_shape(checkpoint: Path, tmp_path: Path):
    root = tmp_path / "project"
    (root / "experiments" / "data").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.ws-dsl]\n", encoding="utf-8")
    claims = DATA.read_text("utf-8").splitlines(keepends=True)
    step = len(claims) // CLAIMS
    few = "".join(claims[::step][:CLAIMS])
    (root / "experiments" / "data" / DATA.name).write_text(few, encoding="utf-8")
    text = STUDY.read_text("utf-8")
    assert text.count("count: 200") == 1
    file = root / "experiments" / "real" / "study.yaml"
    file.parent.mkdir()
    file.write_text(text.replace("count: 200", f"count: {CLAIMS}"), encoding="utf-8")

    child = subprocess.run(
        [sys.executable, "-c", RUN, "run", str(file), "--model", str(checkpoint), "--json"],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "empty"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.stdout, child.stderr
    (study,) = json.loads(child.stdout)["studies"]
    failed = {check["check"] for check in study["checks"] if check["outcome"] == "failed"}
    # Random weights put next to nothing on Yes and No, and the study says so.
    assert (child.returncode, failed) == (1, {"pmass"})
    assert int((root / "peak").read_text()) <= MEMORY

    session = Session(Project(root, root / "registry", root / "site"))
    opened = session.open(file, model_step(str(checkpoint)))
    library = Library(session.store)
    found: dict[str, Any] = {
        str(node): library.open(opened.state.keys[node], opened.state.digests[node])
        for node in opened.plan.nodes
    }
    scores = {
        cell: np.array(table.columns["value"]) for cell, table in found.items() if cell.startswith("score[")
    }
    assert len(scores) == 10
    assert all(values.shape == (CLAIMS,) and np.isfinite(values).all() for values in scores.values())
    under = {
        arm: scores[f"score[arm={arm}, tokens=spaced, condition=pressure]"]
        for arm in ("none", "neuron", "head", "both")
    }
    assert all(np.abs(under[arm] - under["none"]).max() > 0 for arm in ("neuron", "head", "both"))
    assert np.abs(under["both"] - under["neuron"]).max() > 0
    shares = [found[f"share[arm={arm}, tokens=spaced]"].stats["median"] for arm in ("neuron", "head", "both")]
    assert all(share.value is not None and share.n > 0 for share in shares)
