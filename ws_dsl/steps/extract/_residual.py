"""Matrices that write to, or read from, the residual stream where states of it were taken."""

from __future__ import annotations

from collections.abc import Sequence

from ws_dsl.errors import MeasurementError
from ws_dsl.specs.matrix import Matrix
from ws_dsl.specs.site import Part, Site
from ws_dsl.steps.cell import Input

_WRITTEN: dict[Part, tuple[Matrix, ...]] = {
    "hook_attn_out": ("o",),
    "hook_resid_mid": ("o",),
    "hook_mlp_out": ("down",),
    "hook_resid_post": ("o", "down"),
}
_READ: dict[Part, tuple[Matrix, ...]] = {"hook_resid_pre": ("q", "k", "v"), "hook_resid_mid": ("gate", "up")}


def by_site(inputs: Sequence[Input]) -> dict[str, list[Input]]:
    """Inputs that are States, by the address of their place; in the order of the model."""
    found: dict[str, list[Input]] = {}
    for one in inputs:
        (site,) = one.open().tensors
        found.setdefault(site, []).append(one)
    return {site: found[site] for site in sorted(found, key=Site.parse)}


def writers(site: str) -> list[str]:
    """Addresses of the matrices whose writes end at a place: of `L3`, `L3o` and `L3down`.

    Raises:
        MeasurementError: no matrix writes there.
    """
    return _addresses(site, _WRITTEN, "write to", "L3, L3mid, L3attn or L3mlp")


def readers(site: str) -> list[str]:
    """Addresses of the matrices that read a place: of `L3mid`, `L3gate` and `L3up`.

    Raises:
        MeasurementError: no matrix reads there.
    """
    return _addresses(site, _READ, "read", "L3pre or L3mid")


def _addresses(site: str, known: dict[Part, tuple[Matrix, ...]], verb: str, such: str) -> list[str]:
    place = Site.parse(site)
    if place.part not in known:
        raise MeasurementError(f"no matrices {verb} {site}; states at a place such as {such} have some")
    return [f"L{place.layer}{name}" for name in known[place.part]]
