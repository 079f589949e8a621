"""Deltas of the embedded model made by hand: every form that a change of a matrix can have."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.models.deltas import weight
from ws_dsl.specs.matrix import MATRICES

TERMS = ("factors", "rows", "columns", "blocks", "bias")
LAYERS = 4


def change(shape: tuple[int, int], terms: set[str], rank: int, seed: int) -> Part:
    """A random change of a matrix of this shape that has the named terms."""
    out, size = shape
    draw = np.random.default_rng(seed)

    def numbers(*shape: int) -> np.ndarray:
        return draw.standard_normal(shape).astype(np.float32)

    found: dict[str, np.ndarray] = {}
    if "factors" in terms:
        found |= {"left": 0.1 * numbers(out, rank), "right": 0.1 * numbers(rank, size)}
    if "rows" in terms:
        found["rows"] = 0.1 * numbers(out)
    if "columns" in terms:
        found["columns"] = 0.1 * numbers(size)
    if "blocks" in terms:
        found["blocks"] = 0.1 * numbers(size // 16, 16, 16)
    if "bias" in terms:
        found["bias"] = numbers(out)
    return Part(**found)


@st.composite
def deltas(draw: st.DrawFn, bench: Bench) -> Delta:
    """Deltas over a few matrices, each with terms of its own."""
    addresses = [f"L{layer}{module}" for layer in range(LAYERS) for module in MATRICES]
    chosen = draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=4, unique=True))
    parts = {
        address: change(
            weight(bench.handle, address).shape,  # pyright: ignore[reportArgumentType]
            draw(st.sets(st.sampled_from(TERMS), min_size=1)),
            draw(st.integers(1, 6)),
            draw(st.integers(0, 2**16)),
        )
        for address in chosen
    }
    return Delta(parts, "model", ["rows"])


def low_rank(bench: Bench, addresses: list[str], rank: int, seed: int, **notes: Any) -> Delta:
    """A delta of random factors at these matrices."""
    parts = {
        address: change(weight(bench.handle, address).shape, {"factors"}, rank, seed + place)  # pyright: ignore
        for place, address in enumerate(addresses)
    }
    return Delta(parts, "model", ["rows"], dict(notes))


def dense(bench: Bench, delta: Delta, address: str) -> np.ndarray:
    """The change of one matrix written out; zeros where there is none."""
    matrix = weight(bench.handle, address)
    part = delta.parts.get(address, Part())
    return np.zeros(matrix.shape) + part.dense(matrix)


def bias(bench: Bench, delta: Delta, address: str) -> np.ndarray:
    """The change of one bias; zeros where there is none."""
    part = delta.parts.get(address, Part())
    return np.zeros(len(weight(bench.handle, address))) + (0 if part.bias is None else part.bias)


def adds_up(bench: Bench, whole: Delta, *parts: Delta) -> bool:
    """Whether the parts are the whole, within 1e-5 of every matrix."""
    for address in whole.parts:
        for of in (dense, bias):
            wanted, found = of(bench, whole, address), sum(of(bench, part, address) for part in parts)
            if np.linalg.norm(wanted - found) > 1e-5 * np.linalg.norm(wanted):
                return False
    return all(set(part.parts) <= set(whole.parts) for part in parts)


def halves(bench: Bench, kind: str, delta: Any, **fields: Any) -> tuple[Delta, Delta]:
    """What `keep` and `drop` of an ablation leave."""
    given = fields.pop("inputs", {})
    cells = [({"delta": delta, **given}, {**fields, "part": part}) for part in ("keep", "drop")]
    kept, dropped = bench.cells(kind, cells)
    return kept, dropped


def share(delta: Delta) -> float:
    """The share of the energy that an ablation left."""
    found = delta.notes["energy_share"]
    assert isinstance(found, (int, float))
    return found
