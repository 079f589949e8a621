"""Addresses of components."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import Shape
from ws_dsl.specs.site import Site, family_hooks, family_sites

SHAPE = Shape(
    layers=4, width=64, heads=4, kv_heads=2, head_width=16, neurons=160, vocabulary=400, context=256
)


@pytest.mark.parametrize(
    ("short", "long", "width"),
    [
        ("L2N41", "blocks.2.mlp.hook_post[41]", 1),
        ("L3H1", "blocks.3.attn.hook_z[1]", 16),
        ("L1", "blocks.1.hook_resid_post", 64),
    ],
)
def test_two_spellings_are_one_site(short: str, long: str, width: int):
    assert Site.parse(short) == Site.parse(long)
    assert str(Site.parse(long)) == short
    assert long.startswith(Site.parse(short).hook)
    assert Site.parse(short).width(SHAPE) == width
    assert Site.parse(short).within(SHAPE) == Site.parse(short)


@given(st.sampled_from(["N", "H", None]), st.integers(0, 999), st.integers(0, 99_999))
def test_shorthand_reads_back(family: str | None, layer: int, index: int):
    text = f"L{layer}" if family is None else f"L{layer}{family}{index}"
    assert str(Site.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "L",
        "3",
        "L-1",
        "L3X2",
        "L3N",
        "l3h1",
        " L3",
        "L3H1\n",
        "blocks.3.attn.hook_q[1]",
        "blocks.3.mlp.hook_post",
    ],
)
def test_what_is_no_site(text: str):
    with pytest.raises(ModelError, match="is no site"):
        Site.parse(text)


@pytest.mark.parametrize("text", ["L4", "L4H0", "L0H4", "L3N160"])
def test_an_address_outside_the_model_states_its_size(text: str):
    with pytest.raises(
        ModelError,
        match=f"{text} is outside the model: .* L0 to L3, each with heads H0 to H3 and neurons N0 to N159",
    ):
        Site.parse(text).within(SHAPE)


def test_families():
    assert family_hooks("heads", SHAPE)[3] == "blocks.3.attn.hook_z"
    assert len(family_sites("neurons", SHAPE)) == 4 * 160
    assert [str(site) for site in family_sites("heads", SHAPE)[:5]] == [
        "L0H0",
        "L0H1",
        "L0H2",
        "L0H3",
        "L1H0",
    ]
