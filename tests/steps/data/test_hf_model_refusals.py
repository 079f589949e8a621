"""A model that cannot be had, or not as it is asked for, is one message that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from huggingface_hub import errors

from tests import checkpoints
from tests.run.lab import Counting, Lab
from ws_dsl.errors import ModelError, SpecError
from ws_dsl.run.execute import execute
from ws_dsl.specs import kinds

REPO, REVISION = "someone/model", "0123456789abcdef0123456789abcdef01234567"
TINY: dict[str, Any] = {"kind": "hf_model", "path": "tiny"}
FOLDER = "a folder with the files works too: path: FOLDER"
ANSWER = SimpleNamespace(headers={}, request=None)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    checkpoints.build(tmp_path / "tiny", "llama", layers=1)
    (tmp_path / "claims.jsonl").write_text(json.dumps({"id": "1", "claim": "iron is heavy"}) + "\n")
    return Lab(tmp_path)


def study(model: dict[str, Any]) -> dict[str, Any]:
    return {
        "ws": 1,
        "id": "asked",
        "question": "What does it say?",
        "model": model,
        "steps": {
            "claims": {"kind": "dataset", "path": "claims.jsonl", "key": "id", "columns": {"claim": "text"}},
            "prompts": {"kind": "prompts", "rows": "claims", "text": "Is it true that {{claim}}?"},
            "next": {"kind": "next_token", "prompts": "prompts", "top": 1},
        },
    }


def run(lab: Lab, model: dict[str, Any], device: str = "cpu") -> int:
    session, opened = lab.open(study(model))
    return execute(opened.plan, opened.state, session.store, Counting(), device)


def failure(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    """What the Hub's client raises, with as much of the answer as it reads."""
    return kind("403 Client Error. (Request ID: 1)\nCannot access it.", response=cast(Any, ANSWER))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            failure(errors.GatedRepoError),
            f"{REPO} is gated. Accept its licence on https://huggingface.co/{REPO}, then log in with "
            f"`hf auth login` or set HF_TOKEN; {FOLDER}",
        ),
        (
            failure(errors.RepositoryNotFoundError),
            f"the Hub has no repository {REPO}, or it is private. If you may read it, log in with "
            f"`hf auth login` or set HF_TOKEN; {FOLDER}",
        ),
        (
            failure(errors.RevisionNotFoundError),
            f"{REPO} has no commit {REVISION}; {FOLDER}",
        ),
        (
            errors.LocalEntryNotFoundError("Cannot find an appropriate cached snapshot folder."),
            f"{REPO} is not in the Hugging Face cache and cannot be fetched: Cannot find an appropriate "
            f"cached snapshot folder.\nRun where the Hub is within reach; {FOLDER}",
        ),
        (
            failure(errors.HfHubHTTPError),
            f"{REPO} is not in the Hugging Face cache and cannot be fetched: 403 Client Error. (Request "
            f"ID: 1)\nRun where the Hub is within reach; {FOLDER}",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_hub_refuses(lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str):
    def download(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(ModelError) as refused:
        run(lab, {"kind": "hf_model", "repo": REPO, "revision": REVISION})
    assert str(refused.value) == told


@pytest.mark.parametrize("more", [{}, {"revision": "main"}, {"revision": REVISION[:12]}])
def test_a_model_of_the_hub_is_pinned_to_a_commit(lab: Lab, more: dict[str, str]):
    with pytest.raises(SpecError, match="revision"):
        lab.open(study({"kind": "hf_model", "repo": REPO, **more}))


def test_weights_in_four_bits_without_the_package_that_quantises(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ws_dsl.models.handle.find_spec", lambda package: None)
    with pytest.raises(ModelError) as refused:
        run(lab, {**TINY, "bits": 4})
    assert str(refused.value) == (
        "next/states (final_states): Loading weights in 4 bits needs bitsandbytes, which is not installed: "
        "pip install bitsandbytes"
    )


def test_several_devices_without_the_package_that_spreads(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ws_dsl.models.handle.find_spec", lambda package: None)
    with pytest.raises(ModelError) as refused:
        run(lab, TINY, "auto")
    assert str(refused.value) == (
        "next/states (final_states): Spreading a model over several devices needs accelerate, which is not "
        "installed: pip install accelerate"
    )


def test_the_second_backend_without_its_package(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ws_dsl.models.lens.find_spec", lambda package: None)
    with pytest.raises(ModelError) as refused:
        run(lab, {**TINY, "backend": "transformer_lens"})
    assert str(refused.value) == (
        "next/states (final_states): backend: transformer_lens needs TransformerLens, which is not "
        "installed: pip install 'ws-dsl[transformer_lens]'"
    )


def test_what_the_second_backend_cannot_do(lab: Lab):
    second = {**TINY, "backend": "transformer_lens"}
    with pytest.raises(ModelError, match="takes no weights in 4 bits"):
        run(lab, {**second, "bits": 4})
    with pytest.raises(ModelError, match="runs on one device"):
        run(lab, second, "auto")


def test_how_a_model_is_loaded_is_part_of_it(lab: Lab):
    """Its record, and with it every key that follows, knows precision, quantisation and backend."""
    ways: list[dict[str, Any]] = [{}, {"dtype": "float16"}, {"bits": 4}, {"backend": "transformer_lens"}]
    digests: set[str] = set()
    for way in ways:
        content = study({**TINY, **way})
        del content["steps"]["next"]
        found = lab.run(content).opened
        digests |= {found.state.digests[node] for node in found.plan.nodes if node.step == "model"}
    assert len(digests) == len(ways)


@pytest.mark.parametrize("repo", ["\x00", "", "..", "a/b/c", "Qwen/", "a b/c", "/etc", "Qwen/x\n"])
def test_what_is_no_repository_is_refused(repo: str):
    spec = kinds.find("hf_model").spec
    with pytest.raises(ValueError, match="repo"):
        spec.model_validate({"repo": repo, "revision": "a" * 40})
    spec.model_validate({"repo": "Qwen/Qwen1.5-0.5B-Chat", "revision": "a" * 40})
