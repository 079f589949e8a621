"""Components held at another condition's values.

What it does
    Runs the source prompts, records the activation of the named heads, neurons or residual streams at one
    position, and gives an arm that puts these values, row by row, in place of whatever the measured prompts
    make them. Several sites are held at once; sites pooled over an axis are held together.

What it cannot show
    That a component is the only route, or that it carries nothing else: a clamp also removes whatever else
    differs between the two conditions there.

Inputs and output
    `source`: Prompts that give the values; `sites`: Sites, or addresses such as `[L21N1876, L19H2]` (none of
    them is no intervention); `at`: position. Gives an Arm.

Reference
    A neuron is an entry of the input of `down_proj`, a head its slice of the input of `o_proj`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import field_validator

from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import ModelError
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.specs.site import Site
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.extract._rows import forward_rows


class Clamp(Kind[types.Arm]):
    """Sites held at the values they have under other prompts."""

    computes = True

    source: Ref[types.Prompts]
    sites: Ref[types.Sites] | list[str]
    at: Literal["last", "prompt_last"] = "last"
    model: Ref[types.Model] = Named("model")

    @field_validator("sites", mode="after")
    @classmethod
    def _addresses(cls, sites: Any) -> Any:
        if not isinstance(sites, list):
            return sites
        try:
            addresses = [str(Site.parse(site)) for site in sites]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        except ModelError as error:
            raise ValueError(str(error)) from None
        if len(set(addresses)) < len(addresses):
            raise ValueError("a site is written twice")
        return addresses

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
                Site.parse(address).within(shape).width(shape)  # pyright: ignore[reportUnknownArgumentType]
            except ModelError as error:
                yield Complaint("sites", "unknown-site", str(error))


version = 1


def run(cells: Sequence[Cell[Clamp]], context: Context) -> Iterator[tuple[Cell[Clamp], Artifact]]:
    """Records each source's sites; one pass per source for all cells that clamp to it."""
    from ws_dsl.models.forward import at_sites

    by_source: dict[tuple[str, str, str], list[Cell[Clamp]]] = {}
    for cell in cells:
        by_source.setdefault((cell.one("source").digest, cell.one("model").digest, cell.spec.at), []).append(
            cell
        )
    for group in by_source.values():
        model, prompts = group[0].one("model"), group[0].open("source")
        wanted = {cell.name: _sites(cell) for cell in group}
        sites = sorted({Site.parse(address) for addresses, _ in wanted.values() for address in addresses})
        rows = forward_rows(prompts, group[0].spec.at, None, model.digest)
        values = at_sites(context.model(model), rows, sites, context.advance)
        columns = {name: prompts.columns[name] for name in prompts.keys}
        for cell in group:
            addresses, chosen_on = wanted[cell.name]
            own = {address: values[address] for address in addresses}
            arm = Arm("set", cell.spec.at, addresses, prompts.keys, columns, own, model.digest, chosen_on)
            yield cell, arm.to_artifact()


def _sites(cell: Cell[Clamp]) -> tuple[list[str], list[str]]:
    """Addresses, and the row sets that they were chosen on."""
    if isinstance(cell.spec.sites, list):
        return list(cell.spec.sites), []
    found = [one.open() for one in cell.inputs["sites"]]
    addresses = dict.fromkeys(address for sites in found for address in sites.addresses)
    return list(addresses), sorted({sites.chosen_on for sites in found if sites.chosen_on})
