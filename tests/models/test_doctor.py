"""The doctor finds what would make numbers wrong, and is content with a sound checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import checkpoints
from ws_dsl.models import doctor

NAMES = ["model", "chat template", "BOS", "answer tokens", "says next", "padding", "neighbours"]
NAMES += ["TransformerLens", "speed"]


@pytest.fixture(scope="module", params=["qwen3", "llama"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doctor") / request.param
    checkpoints.build(folder, request.param, seed=5)
    return folder


def outcomes(folder: Path) -> dict[str, str]:
    return {one.name: one.outcome for one in doctor.examine(folder)}


def test_a_sound_checkpoint_has_nothing_bad(folder: Path) -> None:
    found = outcomes(folder)
    assert list(found) == NAMES
    assert "bad" not in found.values()
    assert [found[name] for name in ("padding", "neighbours", "TransformerLens")] == ["ok"] * 3


def test_a_template_that_rewrites_what_is_said_is_bad(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    before = path.read_text()
    try:
        path.write_text(before.replace("m.content", "(m.content | upper)"))
        assert outcomes(folder)["chat template"] == "bad"
    finally:
        path.write_text(before)


def test_a_dropped_mask_is_bad(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = doctor._last
    monkeypatch.setattr(doctor, "_last", lambda handle, ids, mask: sound(handle, ids, None))
    assert outcomes(folder)["padding"] == "bad"


def test_other_weights_in_the_oracle_are_bad(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformer_lens.model_bridge import TransformerBridge

    other = tmp_path / "other"
    checkpoints.build(other, folder.name, seed=6)  # pyright: ignore[reportArgumentType]
    boot: Any = TransformerBridge.boot_transformers
    monkeypatch.setattr(
        TransformerBridge, "boot_transformers", lambda _folder, **options: boot(str(other), **options)
    )
    assert outcomes(folder)["TransformerLens"] == "bad"
