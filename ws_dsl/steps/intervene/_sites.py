"""What every intervention at sites declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from pydantic import field_validator, model_validator

from ws_dsl.errors import ModelError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.specs.position import During, Positions, write
from ws_dsl.specs.site import Site
from ws_dsl.steps.cell import Cell

Placed: TypeAlias = Positions | Literal["shared_suffix"]
"""Named tokens, or all with which source and prompt end alike."""


class Where(Kind[types.Arm]):
    """Which tokens are changed."""

    computes = True

    at: Placed | None = None
    during: During | None = None
    model: Ref[types.Model] = Named("model")

    @model_validator(mode="after")
    def _said_once(self) -> Where:
        if (self.at is None) == (self.during is None):
            raise ValueError(
                "say where: either at (last, prompt_last, an index, {token: ...}, several of them) or during "
                "(prompt, generated, both)"
            )
        return self

    @property
    def place(self) -> Json:
        """Where, in its JSON form; None where `during` says it."""
        return None if self.at is None else write(self.at)


class AtSites(Where):
    """Components that are changed, and where in the row.

    Sites are Sites that a ranking found, or addresses such as `[L21N1876, L19H2]`; none of them is no
    intervention. Found ones are changed `each` alone, or `up_to` their rank together.
    """

    sites: Ref[types.Sites] | list[str]
    group: Literal["each", "up_to"] = "each"

    @field_validator("sites", mode="after")
    @classmethod
    def _addresses(cls, sites: Any) -> Any:
        if not isinstance(sites, list):
            return sites
        try:
            parsed = [Site.parse(site) for site in sites]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        except ModelError as error:
            raise ValueError(str(error)) from None
        if any(not site.editable for site in parsed):
            raise ValueError("attention patterns are read, not changed")
        if len(set(parsed)) < len(parsed):
            raise ValueError("a site is written twice")
        return [str(site) for site in parsed]

    @model_validator(mode="after")
    def _ranked(self) -> AtSites:
        if self.group == "up_to" and isinstance(self.sites, list):
            raise ValueError("up_to goes with ranked sites; those of a list are changed together")
        return self

    @classmethod
    def changes_nothing(cls, spec: Any) -> bool:
        return spec.sites == []

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        shape = inspection.shape()
        if shape is None or not isinstance(spec.sites, list):
            return
        for address in spec.sites:  # pyright: ignore[reportUnknownVariableType]
            try:
                Site.parse(address).within(shape)  # pyright: ignore[reportUnknownArgumentType]
            except ModelError as error:
                yield Complaint("sites", "unknown-site", str(error))


def chosen(cell: Cell[Any]) -> tuple[list[str], list[str]]:
    """Addresses that a cell changes, and the row sets that they were chosen on."""
    if isinstance(cell.spec.sites, list):
        return list(cell.spec.sites), []
    found = [one.open() for one in cell.inputs["sites"]]
    above = (sites.above if cell.spec.group == "up_to" else [] for sites in found)
    addresses = dict.fromkeys(
        address for own, sites in zip(above, found, strict=True) for address in [*own, *sites.addresses]
    )
    return list(addresses), sorted({sites.chosen_on for sites in found if sites.chosen_on})
