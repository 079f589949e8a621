"""Parts of a delta in the parameters of its family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.steps.ablate.deltas import adds_up, change, dense, halves
from tests.steps.organism import Bench
from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.models.deltas import where

SHAPES = {"L0k": (64, 64), "L0o": (64, 64), "L1down": (64, 192)}
FORMS: dict[str, set[str]] = {
    "lora": {"factors"},
    "pissa": {"factors"},
    "delora": {"factors"},
    "dora": {"factors", "rows"},
    "oft": {"blocks"},
    "ia3": {"rows"},
}
COMPONENTS = {
    "rank_first_half": ["lora", "dora", "pissa", "delora"],
    "magnitude": ["dora"],
    "direction": ["dora"],
    "lambda": ["delora"],
    "rotation": ["oft"],
    "attention_gate": ["ia3"],
    "mlp_gate": ["ia3"],
}
PAIRS = [(component, family) for component, families in COMPONENTS.items() for family in families]


def trained(family: str, seed: int = 0, strengths: tuple[float, float] = (1.0, 1.0)) -> Delta:
    """A delta in the form of its family: the plus side, minus the minus side."""
    sides: list[Delta] = []
    for place, strength in enumerate(strengths):
        parts = {}
        for address, shape in SHAPES.items():
            terms = FORMS[family]
            if family == "ia3":
                terms = {"columns"} if address == "L1down" else {"rows", "bias"}
            parts[address] = change(shape, terms, 4, seed + 100 * place + len(parts))
        sides.append(Delta(parts, "model", ["rows"]).times(strength))
    plus, minus = sides
    return replace(plus.plus(minus.times(-1.0)), notes={"family": family})


@pytest.mark.parametrize(("component", "family"), PAIRS)
def test_keep_and_drop_are_the_whole(bench: Bench, component: str, family: str):
    whole = trained(family)
    kept, dropped = halves(bench, "parameters", whole, component=component)
    assert adds_up(bench, whole, kept, dropped)
    assert kept.parts and dropped.parts


def test_gates_are_those_of_attention_and_of_the_mlp(bench: Bench):
    whole = trained("ia3")
    attention, mlp = (
        halves(bench, "parameters", whole, component=f"{name}_gate")[0] for name in ("attention", "mlp")
    )
    assert {where(address)[1] for address in attention.parts} == {"k", "o"}
    assert set(mlp.parts) == {"L1down"}
    assert adds_up(bench, whole, attention, mlp)


def test_magnitude_is_what_scales_rows_and_direction_what_factors_add(bench: Bench):
    whole = trained("dora")
    (magnitude, rest), (direction, scaling) = (
        halves(bench, "parameters", whole, component=name) for name in ("magnitude", "direction")
    )
    for address, part in whole.parts.items():
        np.testing.assert_array_equal(magnitude.parts[address].rows, part.rows)  # pyright: ignore
        np.testing.assert_array_equal(dense(bench, rest, address), dense(bench, direction, address))
        np.testing.assert_array_equal(dense(bench, scaling, address), dense(bench, magnitude, address))


def test_a_rotation_of_blocks_is_kept_whole_to_first_order(bench: Bench):
    """R' − I of a small rotation is skew but for what is of second order."""
    from scipy.linalg import expm

    draw = np.random.default_rng(0)
    small = 1e-3 * draw.standard_normal((4, 16, 16))
    turned = np.stack([expm(block - block.T).T - np.eye(16) for block in small]).astype(np.float32)
    part = replace(change((64, 64), {"blocks"}, 1, 0), blocks=turned)
    whole = Delta({"L0o": part}, "model", [], {"family": "oft"})
    kept, dropped = halves(bench, "parameters", whole, component="rotation")
    share = np.linalg.norm(dense(bench, dropped, "L0o")) / np.linalg.norm(dense(bench, kept, "L0o"))
    assert 0 < share < 0.02
    blocks = kept.parts["L0o"].blocks
    assert blocks is not None
    np.testing.assert_array_equal(blocks, -blocks.transpose(0, 2, 1))


def test_sides_of_one_strength_differ_in_direction_alone(bench: Bench):
    """With equal norms nothing is due to them; with equal directions, everything is."""
    strong, weak = trained("delora", strengths=(3.0, 1.0)), trained("delora")
    address, shape = "L0k", SHAPES["L0k"]
    same = change(shape, {"factors"}, 4, 0)
    apart = Delta({address: same.times(3.0)}, "model", []).plus(
        Delta({address: same}, "model", []).times(-1.0)
    )
    kept, dropped = halves(
        bench, "parameters", replace(apart, notes={"family": "delora"}), component="lambda"
    )
    np.testing.assert_allclose(dense(bench, kept, address), 2 * same.dense(), atol=1e-5)
    assert np.abs(dense(bench, dropped, address)).max() < 1e-5
    shares = [
        halves(bench, "parameters", one, component="lambda")[0].notes["energy_share"]
        for one in (weak, strong)
    ]
    assert 0 <= shares[0] < 0.01 < 0.1 < shares[1]  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]


def test_half_of_the_ranks_of_either_side(bench: Bench):
    sides = [change((64, 64), {"factors"}, 4, seed) for seed in (0, 1)]
    whole = replace(
        Delta({"L0o": sides[0]}, "model", []).plus(Delta({"L0o": sides[1]}, "model", []).times(-1.0)),
        notes={"family": "lora"},
    )
    kept, _ = halves(bench, "parameters", whole, component="rank_first_half")

    def half(part: Any) -> np.ndarray:
        return part.left[:, :2].astype(np.float64) @ part.right[:2]

    np.testing.assert_allclose(dense(bench, kept, "L0o"), half(sides[0]) - half(sides[1]), atol=1e-6)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({"family": "lora"}, "a delta of lora has no magnitude"),
        ({}, "a delta of no family has no magnitude"),
        ({"family": "dora", "ablations": ["subspace keep"]}, "after subspace keep"),
    ],
)
def test_what_has_no_such_part(bench: Bench, notes: dict[str, Any], said: str):
    with pytest.raises(MeasurementError, match=said):
        bench(
            "parameters", {"delta": replace(trained("dora"), notes=notes)}, component="magnitude", part="keep"
        )


def test_layers_and_modules_leave_the_form(bench: Bench):
    inner, _ = halves(bench, "layers", trained("dora"), layers=[0])
    assert halves(bench, "parameters", inner, component="magnitude")[0].parts
