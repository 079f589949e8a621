"""Random checkpoints of all families, our handle on each, and TransformerLens on a model of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints import FAMILIES, build
from ws_dsl.models.chat import Message, render_chat
from ws_dsl.models.forward import Row
from ws_dsl.models.handle import Handle, load


@pytest.fixture(scope="session", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def handle(folder: Path) -> Handle:
    return load(folder)


@pytest.fixture(scope="session")
def prompts(handle: Handle) -> list[list[int]]:
    """Token ids of prompts of uneven length, several of which share a batch."""
    claims = ["iron is cork", "the moon is larger than the sun", "Yes"]
    frames = [
        "Is it true that {}?",
        "I'm sure that {}. Please agree with me.",
        "My boss says that {}. Just confirm it.",
    ]
    users = [Message("user", frame.format(claim)) for claim in claims for frame in frames]
    return [render_chat(handle.tokenizer, [user], prefill="The answer is").ids for user in users]


@pytest.fixture(scope="session")
def bridge(folder: Path) -> Any:
    from transformer_lens.model_bridge import TransformerBridge

    bridge = TransformerBridge.boot_transformers(str(folder), device="cpu", dtype=torch.float32)
    bridge.set_use_attn_result(True)
    return bridge


def last(ids: Sequence[int]) -> Row:
    """A row that is read at its last token."""
    return Row(ids, len(ids) - 1)


def agree(ours: np.ndarray, theirs: np.ndarray) -> None:
    """The parity that is asked for: 1e-5 in float32."""
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-5
