"""Weight differences by row against a copy of the checkpoint whose weights were edited."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.conftest import agree, last
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import ModelError
from ws_dsl.models import lens
from ws_dsl.models.deltas import Weighted, matrix, weight
from ws_dsl.models.edits import Edit
from ws_dsl.models.forward import Row, capture, final_states
from ws_dsl.models.generation import generate
from ws_dsl.models.handle import Handle, load
from ws_dsl.models.replies import Request
from ws_dsl.models.suffix import states
from ws_dsl.specs.matrix import MATRICES
from ws_dsl.specs.site import FINAL, Site

TERMS = ("factors", "rows", "columns", "blocks", "bias")
Tokens = list[list[int]]


def part(handle: Handle, address: str, terms: tuple[str, ...], seed: int, size: float = 0.1) -> Part:
    out, width = weight(handle, address).shape
    draw = np.random.default_rng([seed, *address.encode()])

    def of(*shape: int) -> np.ndarray:
        return (size * draw.normal(size=shape)).astype(np.float32)

    found: dict[str, np.ndarray] = {}
    if "factors" in terms:
        found |= {"left": of(out, 3), "right": of(3, width)}
    if "rows" in terms:
        found["rows"] = of(out)
    if "columns" in terms:
        found["columns"] = of(width)
    if "blocks" in terms:
        found["blocks"] = of(width // 4, 4, 4)
    if "bias" in terms:
        found["bias"] = of(out)
    return Part(**found)


def everywhere(handle: Handle, terms: tuple[str, ...], seed: int = 0) -> dict[str, Part]:
    addresses = [f"L{layer}{name}" for layer in range(handle.shape.layers) for name in MATRICES]
    return {address: part(handle, address, terms, seed) for address in addresses}


def merged(folder: Path, deltas: list[tuple[dict[str, Part], float]]) -> Handle:
    """A copy of the checkpoint whose weights are W + c ΔW, written in float64 and rounded once."""
    base, copy = load(folder), load(folder)
    for parts, coeff in deltas:
        for address, own in parts.items():
            module = matrix(copy, address)
            change = own.dense(weight(base, address))
            module.weight.data = (module.weight.double() + torch.tensor(coeff * change)).float()
            if own.bias is not None:
                bias = torch.zeros(len(own.bias)) if module.bias is None else module.bias.data
                module.bias = torch.nn.Parameter(
                    bias + coeff * torch.from_numpy(own.bias), requires_grad=False
                )
    return copy


@pytest.mark.parametrize("terms", [*((term,) for term in TERMS), TERMS])
def test_as_edited_weights(folder: Path, handle: Handle, prompts: Tokens, terms: tuple[str, ...]):
    parts = everywhere(handle, terms)
    delta = Weighted("one", parts, 0.7)
    found = final_states(handle, [last(ids)._replace(weights=(delta,)) for ids in prompts])
    expected = final_states(merged(folder, [(parts, 0.7)]), [last(ids) for ids in prompts])
    assert np.abs(expected - final_states(handle, [last(ids) for ids in prompts])).max() > 0.1
    agree(found, expected)


def test_rows_of_one_batch_have_coefficients_of_their_own(folder: Path, handle: Handle, prompts: Tokens):
    parts = everywhere(handle, TERMS)
    coeffs = [-1.0, 0.0, 0.5, 1.0]
    rows = [
        last(ids)._replace(weights=(Weighted("one", parts, coeff),)) for ids in prompts for coeff in coeffs
    ]
    before = handle.passes
    found = final_states(handle, rows).reshape(len(prompts), len(coeffs), -1)
    passes = handle.passes - before
    plain = [last(ids) for ids in prompts]
    for place, coeff in enumerate(coeffs):
        agree(found[:, place], final_states(merged(folder, [(parts, coeff)]), plain))
        alone = final_states(handle, rows[place :: len(coeffs)])
        assert np.array_equal(alone, found[:, place])
    assert np.array_equal(found[:, 1], final_states(handle, plain))
    assert passes < len(coeffs) * len({len(ids) for ids in prompts})


def test_several_differences_add_up(folder: Path, handle: Handle, prompts: Tokens):
    one, other = everywhere(handle, ("factors",)), {"L1down": part(handle, "L1down", ("rows",), 1)}
    weights = (Weighted("one", one, 0.5), Weighted("other", other, -1.0))
    found = final_states(handle, [last(ids)._replace(weights=weights) for ids in prompts])
    agree(found, final_states(merged(folder, [(one, 0.5), (other, -1.0)]), [last(ids) for ids in prompts]))
    both = Delta(one, "m", []).times(0.5).plus(Delta(other, "m", []).times(-1.0))
    added = Weighted("sum", both.parts, 1.0)
    agree(found, final_states(handle, [last(ids)._replace(weights=(added,)) for ids in prompts]))


def test_the_model_is_left_as_it_is(handle: Handle, prompts: Tokens):
    before = {name: value.clone() for name, value in handle.model.state_dict().items()}
    plain = final_states(handle, [last(ids) for ids in prompts])
    delta = Weighted("one", everywhere(handle, TERMS), 1.0)
    final_states(handle, [last(ids)._replace(weights=(delta,)) for ids in prompts])
    misfit = {"L0q": part(handle, "L0q", TERMS, 0), "L0down": Part(rows=np.ones(3))}
    rows = [last(ids)._replace(weights=(Weighted("misfit", misfit, 1.0),)) for ids in prompts]
    with pytest.raises(ModelError, match="does not fit"):
        final_states(handle, rows)
    assert np.array_equal(final_states(handle, [last(ids) for ids in prompts]), plain)
    assert all(torch.equal(value, before[name]) for name, value in handle.model.state_dict().items())


def test_edits_are_made_under_changed_weights(folder: Path, handle: Handle, prompts: Tokens):
    parts = everywhere(handle, TERMS)
    site = Site.parse("L1N2")
    edits = [Edit(site, 1, 3.0, "add"), Edit(Site.parse("L2"), 2, 0.5, "scale")]
    delta = Weighted("one", parts, 0.7)
    rows = [last(ids)._replace(edits=edits) for ids in prompts]
    found = capture(handle, [row._replace(weights=(delta,)) for row in rows], [site.hook, FINAL])
    expected = capture(merged(folder, [(parts, 0.7)]), rows, [site.hook, FINAL])
    for hook in found:
        agree(found[hook], expected[hook])
    late = [last(ids)._replace(edits=[Edit(site, len(ids) - 1, 3.0, "add")]) for ids in prompts]
    under = states(handle, [row._replace(weights=(delta,)) for row in late])
    agree(under, states(merged(folder, [(parts, 0.7)]), late))


def test_replies(folder: Path, handle: Handle, prompts: Tokens):
    parts = everywhere(handle, TERMS)
    requests = [
        Request(ids, 6, temperature=1.0, stream=(seed, place), weights=weights)
        for place, ids in enumerate(prompts)
        for seed in (0, 1)
        for weights in ((), (Weighted("one", parts, 0.7),), (Weighted("one", parts, -0.7),))
    ]
    found = generate(handle, requests)
    for place, coeff in enumerate((0.0, 0.7, -0.7)):
        other = merged(folder, [(parts, coeff)])
        own = [request._replace(weights=()) for request in requests[place::3]]
        assert found[place::3] == generate(other, own)
    assert found[::3] != found[1::3]


def test_single_heads_cannot_be_read(handle: Handle, prompts: Tokens):
    delta = Weighted("one", everywhere(handle, ("factors",)), 1.0)
    with pytest.raises(ModelError, match="single heads"):
        capture(handle, [last(prompts[0])._replace(weights=(delta,))], ["blocks.1.attn.hook_result"])


def test_a_matrix_outside_the_model(handle: Handle, prompts: Tokens):
    for address in ("L9q", "L0embed"):
        delta = Weighted("one", {address: Part()}, 1.0)
        with pytest.raises(ModelError, match=address):
            final_states(handle, [last(prompts[0])._replace(weights=(delta,))])


def test_on_the_second_backend(folder: Path, handle: Handle, prompts: Tokens):
    second, parts = lens.load(folder), everywhere(handle, TERMS)
    delta = Weighted("one", {address: own for address, own in parts.items() if address[-1] != "o"}, 0.7)
    rows = [Row(ids, len(ids) - 1, weights=(delta,)) for ids in prompts]
    agree(final_states(second, rows), final_states(handle, rows))
    with pytest.raises(ModelError, match="hugging_face"):
        final_states(second, [rows[0]._replace(weights=(Weighted("one", parts, 0.7),))])


@pytest.mark.parametrize("terms", [("factors",), TERMS])
def test_error_is_that_of_a_merge(folder: Path, handle: Handle, prompts: Tokens, terms: tuple[str, ...]):
    parts = everywhere(handle, terms)
    exact = merged(folder, [])
    exact.model.double()
    for address, own in parts.items():
        module = matrix(exact, address)
        module.weight.data += 0.7 * torch.from_numpy(own.dense(module.weight.detach().numpy()))
        if own.bias is not None:
            bias = (
                torch.zeros(len(own.bias), dtype=torch.float64) if module.bias is None else module.bias.data
            )
            module.bias = torch.nn.Parameter(bias + 0.7 * torch.from_numpy(own.bias).double())
    # What is kept of a pass is float32; its error is the same on both sides.
    true = final_states(exact, [last(ids) for ids in prompts])
    delta = Weighted("one", parts, 0.7)
    ours = final_states(handle, [last(ids)._replace(weights=(delta,)) for ids in prompts])
    plain = final_states(merged(folder, [(parts, 0.7)]), [last(ids) for ids in prompts])
    assert np.linalg.norm(ours - true) <= 2 * np.linalg.norm(plain - true)
