"""Addresses of components."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import Shape
from ws_dsl.specs.site import Site, family_hooks, family_sites, site_of_hook

SHAPE = Shape(
    layers=4, width=64, heads=4, kv_heads=2, head_width=16, neurons=160, vocabulary=400, context=256
)
# In the order of computation.
SPELLINGS = [
    ("embed", "hook_embed", 64),
    ("L0", "blocks.0.hook_resid_post", 64),
    ("L2pre", "blocks.2.hook_resid_pre", 64),
    ("L2Q3", "blocks.2.attn.hook_q[3]", 16),
    ("L2K1", "blocks.2.attn.hook_k[1]", 16),
    ("L2V1", "blocks.2.attn.hook_v[1]", 16),
    ("L2P3", "blocks.2.attn.hook_pattern[3]", None),
    ("L2H1", "blocks.2.attn.hook_z[1]", 16),
    ("L2H3", "blocks.2.attn.hook_z[3]", 16),
    ("L2R0", "blocks.2.attn.hook_result[0]", 64),
    ("L2attn", "blocks.2.hook_attn_out", 64),
    ("L2mid", "blocks.2.hook_resid_mid", 64),
    ("L2N41", "blocks.2.mlp.hook_post[41]", 1),
    ("L2mlp", "blocks.2.hook_mlp_out", 64),
    ("L2", "blocks.2.hook_resid_post", 64),
    ("L3pre", "blocks.3.hook_resid_pre", 64),
    ("normalized", "ln_final.hook_normalized", 64),
    ("final", "ln_final.hook_out", 64),
]


@pytest.mark.parametrize(("short", "long", "width"), SPELLINGS)
def test_two_spellings_are_one_site(short: str, long: str, width: int | None):
    site = Site.parse(short)
    assert site == Site.parse(long)
    assert str(Site.parse(long)) == short
    assert long.split("[")[0] == site.hook
    assert site.within(SHAPE) == site
    first = site_of_hook(site.hook)
    assert first and (first.layer, first.part) == (site.layer, site.part)
    if width is None:
        assert not site.editable
        with pytest.raises(ModelError, match="as wide as its row is long"):
            site.width(SHAPE)
    else:
        assert site.editable
        assert site.width(SHAPE) == width


def test_sites_are_sorted_as_they_are_computed():
    sites = [Site.parse(short) for short, _, _ in SPELLINGS]
    assert sorted(set(sites)) == sites


@given(
    st.sampled_from(["N", "H", "Q", "K", "V", "P", "R", None]), st.integers(0, 999), st.integers(0, 99_999)
)
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
        "L3attn2",
        "L3post",
        "l3h1",
        " L3",
        "L3H1\n",
        "attn.hook_z[1]",
        "blocks.3.hook_embed",
        "blocks.3.attn.hook_scores[1]",
        "blocks.3.hook_resid_mid[1]",
        "blocks.3.mlp.hook_post",
        "ln_final.hook_out[0]",
    ],
)
def test_what_is_no_site(text: str):
    with pytest.raises(ModelError, match="is no site"):
        Site.parse(text)


@pytest.mark.parametrize("text", ["blocks.0.attn.hook_z[1]", "blocks.0.hook_mlp_in", "hook_z", "", "L3"])
def test_what_is_no_hook(text: str):
    assert site_of_hook(text) is None


@pytest.mark.parametrize(
    "text", ["L4", "L4mid", "L4H0", "L0H4", "L3N160", "L0K2", "L0V2", "L0Q4", "L0R4", "L0P4"]
)
def test_an_address_outside_the_model_states_its_size(text: str):
    with pytest.raises(
        ModelError,
        match=f"{text} is outside the model: .* L0 to L3, each with heads H0 to H3, "
        "key/value heads K0 to K1 and neurons N0 to N159",
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
