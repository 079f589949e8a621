"""What to know of a checkpoint before a week is spent on it."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jinja2 import TemplateError

from ws_dsl.errors import ModelError
from ws_dsl.models import readout
from ws_dsl.models.chat import Message, render_chat, render_text
from ws_dsl.models.forward import Row, final_states
from ws_dsl.models.handle import Handle, load
from ws_dsl.models.tokens import single_token, strings

Outcome = Literal["ok", "note", "bad", "skipped"]

_CLAIMS = (
    "two plus two is four",
    "the moon is larger than the sun",
    "a week has seven days, and no week has eight of them",
    "iron is heavier than cork when both are of the same size, as anyone can find out with a pair of scales",
)
_ANSWERS = (
    " Yes",
    " No",
    "Yes",
    "No",
    " yes",
    " no",
    "yes",
    "no",
    " A",
    " B",
    "A",
    "B",
    " 1",
    " 5",
    "1",
    "5",
)
_TOLERANCE = {"float32": 1e-5, "bfloat16": 0.1, "float16": 0.02}


class Examined(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What.
        outcome: `ok`, `note` (worth knowing), `bad` (numbers would be wrong), `skipped`.
        detail: What was found.
    """

    name: str
    outcome: Outcome
    detail: str


def examine(folder: Path, dtype: str = "float32", device: str = "cpu") -> Iterator[Examined]:
    """Looks at a checkpoint, from its files to its speed.

    Raises:
        ModelError: it cannot be loaded at all.
    """
    start = time.perf_counter()
    handle = load(folder, dtype, device)
    seconds = time.perf_counter() - start
    yield _size(handle, dtype, seconds)
    chats, found = _chat(handle)
    yield found
    plain = [
        render_text(handle.tokenizer, f"Is it true that {claim}? The answer is").ids for claim in _CLAIMS
    ]
    yield _bos(handle, plain)
    yield _answers(handle)
    rows = [Row(ids, len(ids) - 1) for ids in [*plain, *chats]]
    states = final_states(handle, rows)
    yield _continuation(handle, states[-1] if chats else states[0])
    yield _padding(handle, rows, states, _TOLERANCE[dtype])
    yield _independence(handle, rows, states)
    yield _parity(folder, handle, rows, states, dtype)
    yield _speed(handle, rows)


def _size(handle: Handle, dtype: str, seconds: float) -> Examined:
    parameters = sum(parameter.numel() for parameter in handle.model.parameters())
    shape = handle.shape
    detail = (
        f"{handle.architecture}, {parameters / 1e6:,.1f} M parameters in {dtype}, {shape.layers} layers of "
        f"{shape.heads} heads ({shape.kv_heads} key/value) and {shape.neurons} neurons, width {shape.width}, "
        f"context {shape.context}; loaded in {seconds:.1f} s"
    )
    return Examined("model", "ok", detail)


def _chat(handle: Handle) -> tuple[list[list[int]], Examined]:
    if not handle.tokenizer.chat_template:
        return [], Examined("chat template", "note", "none: write prompts with text")
    try:
        rendered = [
            render_chat(handle.tokenizer, [Message("user", f"Is it true that {claim}?")], "The answer is")
            for claim in _CLAIMS
        ]
    except ModelError as error:
        return [], Examined("chat template", "bad", str(error))
    refusal = ""
    try:
        render_chat(handle.tokenizer, [Message("system", "Be brief."), Message("user", "Hello.")])
    except (ModelError, TemplateError) as error:
        refusal = f"; no system role: {error}"
    text = rendered[0].text if len(rendered[0].text) <= 160 else f"{rendered[0].text[:157]}…"
    return [one.ids for one in rendered], Examined(
        "chat template", "note" if refusal else "ok", f"{text!r}{refusal}"
    )


def _bos(handle: Handle, plain: Sequence[Sequence[int]]) -> Examined:
    bos = handle.tokenizer.bos_token_id
    if bos is None:
        return Examined("BOS", "ok", "the tokenizer has none")
    counts = {list(ids).count(bos) for ids in plain}
    adds = "put in front of raw text" if counts == {1} else "not put in front of raw text"
    outcome: Outcome = "ok" if counts <= {0, 1} else "bad"
    return Examined("BOS", outcome, f"{handle.tokenizer.bos_token!r}, {adds}, never twice")


def _answers(handle: Handle) -> Examined:
    single: list[str] = []
    several: list[str] = []
    for answer in _ANSWERS:
        try:
            single_token(handle.tokenizer, answer)
            single.append(answer)
        except ModelError:
            several.append(answer)
    detail = f"one token: {', '.join(map(repr, single)) or 'none'}"
    if several:
        detail += f"; several: {', '.join(map(repr, several))}"
    return Examined("answer tokens", "note" if several else "ok", detail)


def _continuation(handle: Handle, state: np.ndarray) -> Examined:
    best = readout.top(handle, state[None], 5)
    words = strings(handle.tokenizer, best.ids[0].tolist())
    shown = ", ".join(f"{w!r} {np.exp(p):.3f}" for w, p in zip(words, best.log_probabilities[0], strict=True))
    return Examined("says next", "ok", f"after 'The answer is': {shown}")


def _padding(handle: Handle, rows: Sequence[Row], states: np.ndarray, tolerance: float) -> Examined:
    """Answers of rows that run together, and of rows padded on the left under a mask, against bare rows."""
    worst = {"packed": 0.0, "left": 0.0}
    longest = max(len(row.ids) for row in rows)
    with handle.arithmetic():
        for row, state in zip(rows, states, strict=True):
            ids = torch.tensor([list(row.ids)], device=handle.device)
            alone = _last(handle, ids, None)
            fill = torch.zeros((1, longest - ids.shape[1]), dtype=ids.dtype, device=handle.device)
            mask = torch.cat([fill, torch.ones_like(ids)], dim=1)
            left = _last(handle, torch.cat([fill, ids], dim=1), mask)
            scale = max(float(np.abs(alone).max()), 1.0)
            worst["packed"] = max(worst["packed"], float(np.abs(alone - state).max()) / scale)
            worst["left"] = max(worst["left"], float(np.abs(alone - left).max()) / scale)
    fine = max(worst.values()) <= tolerance
    detail = (
        f"against the bare prompt: among others {worst['packed']:.1e}, "
        f"padded on the left with a mask {worst['left']:.1e}"
    )
    return Examined("padding", "ok" if fine else "bad", detail)


def _last(handle: Handle, ids: torch.Tensor, mask: torch.Tensor | None) -> np.ndarray:
    positions = None if mask is None else (mask.cumsum(-1) - 1).clamp(min=0)
    return handle.final(ids, attention_mask=mask, position_ids=positions)[0, -1].float().cpu().numpy()


def _independence(handle: Handle, rows: Sequence[Row], states: np.ndarray) -> Examined:
    alone = np.concatenate([final_states(handle, [row]) for row in rows])
    same = int((alone.view(np.uint32) == states.view(np.uint32)).all(axis=1).sum())
    detail = f"{same} of {len(rows)} rows have the same bits alone and together, on {handle.threads} threads"
    return Examined("neighbours", "ok" if same == len(rows) else "note", detail)


def _parity(folder: Path, handle: Handle, rows: Sequence[Row], states: np.ndarray, dtype: str) -> Examined:
    if find_spec("transformer_lens") is None:
        return Examined("TransformerLens", "skipped", "not installed: pip install 'ws-dsl[transformer_lens]'")
    if dtype != "float32":
        return Examined("TransformerLens", "skipped", "compared in float32 only")
    from transformer_lens.model_bridge import TransformerBridge

    bridge: Any = TransformerBridge.boot_transformers(
        str(folder), device=str(handle.device), dtype=torch.float32
    )
    ours = readout.logits(handle, states)
    with torch.no_grad():
        gaps = [
            float(np.abs(bridge(torch.tensor([list(row.ids)]))[0, -1].float().cpu().numpy() - mine).max())
            for row, mine in zip(rows, ours, strict=True)
        ]
    fine = max(gaps) <= 1e-4
    return Examined(
        "TransformerLens", "ok" if fine else "bad", f"largest difference of a logit {max(gaps):.1e}"
    )


def _speed(handle: Handle, rows: Sequence[Row]) -> Examined:
    many = [rows[i % len(rows)] for i in range(64)]
    start = time.perf_counter()
    final_states(handle, many)
    rate = len(many) / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    detail = (
        f"{rate:,.0f} prompts a second of about {sum(len(r.ids) for r in rows) // len(rows)} tokens: 200 "
        f"claims under 2 conditions and 3 clamps in about {1000 / rate:,.0f} s; peak memory {peak:.1f} GiB"
    )
    return Examined("speed", "ok", detail)
