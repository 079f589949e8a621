"""How results were made, as plain values: methods and provenance of a study's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ws_dsl.report.quantity import Labels, Quantity


@dataclass(frozen=True)
class ModelView:
    """A checkpoint that the study ran.

    Attributes:
        step: Name of its step, such as `model`.
        title: A human's name for it.
        world: Whose facts it knows, `organism` or `real`.
        precision: Such as `float32`, with what else it is run by.
        digest: Digest of its artifact.
    """

    step: str
    title: str
    world: str
    precision: str
    digest: str


@dataclass(frozen=True)
class PromptView:
    """One template, and its first row as the model saw it.

    Attributes:
        step: Name of the `prompts` step.
        labels: The cell.
        template: Text by role as written, in order: `system`, `user`, `assistant`, …
        example: First row after rendering, chat template included.
        rows: Rows rendered.
    """

    step: str
    labels: Labels
    template: Mapping[str, str]
    example: str
    rows: int


@dataclass(frozen=True)
class TokenSetView:
    """Tokens whose probability is read as an answer.

    Attributes:
        step: Name of the measuring step.
        label: Name of the set; empty where there is one only.
        plus: Token strings that count for, spaces included.
        minus: Token strings that count against.
    """

    step: str
    label: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]


@dataclass(frozen=True)
class AxisView:
    """An axis of a step.

    Attributes:
        name: Its name.
        labels: Its labels, in order.
        declared: Where its labels come from: `over`, `kind` (made by the kind) or `inputs`.
    """

    name: str
    labels: tuple[str, ...]
    declared: Literal["over", "kind", "inputs"]


@dataclass(frozen=True)
class StepView:
    """One step, told from its validated spec and from the documentation of its kind.

    Attributes:
        name: Its name in the study.
        kind: Its kind.
        version: Version of the kind.
        verb: Folder of the kind: `data`, `extract`, `intervene`, `measure`, `analyse`, …
        said: Text of the kind's documentation by heading.
        fields: Every validated field, defaults included; values as one line, told by label where they vary.
        inputs: What it reads by field, as written in the study.
        axes: Its axes.
        left_out: Cells that `except` takes away, as written; empty where there are none.
        cells: Number of cells.
        rows: Number and digest of every row set of its cells.
    """

    name: str
    kind: str
    version: int
    verb: str
    said: Mapping[str, str]
    fields: Mapping[str, str]
    inputs: Mapping[str, str]
    axes: tuple[AxisView, ...]
    left_out: str
    cells: int
    rows: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class RowSetView:
    """Rows that results rest on; many sets that are made and used alike are told together.

    Attributes:
        digests: Digests of their identity.
        rows: How many there are, by set.
        defined: Cells whose Rows they are, as addresses; empty where an analysis intersected others.
        used: Steps with results on them.
    """

    digests: tuple[str, ...]
    rows: tuple[int, ...]
    defined: tuple[str, ...]
    used: tuple[str, ...]


@dataclass(frozen=True)
class SearchView:
    """One search for components.

    Attributes:
        step: Name of the step.
        labels: Its cell, the rank left out.
        among: What was searched.
        searched: How many components.
        kept: How many of them were kept.
        rows: Rows that the search looked at.
        score: What the ranking is by.
        found: What it found, best first.
    """

    step: str
    labels: Labels
    among: str
    searched: int
    kept: int
    rows: int
    score: str
    found: tuple[str, ...]


@dataclass(frozen=True)
class ArmView:
    """One intervention.

    Attributes:
        step: Name of its step.
        labels: Its cell.
        operation: What it does, such as `set`.
        at: Position.
        sites: Where in the model.
    """

    step: str
    labels: Labels
    operation: str
    at: str
    sites: tuple[str, ...]


@dataclass(frozen=True)
class SeedView:
    """Seeds of one step.

    Attributes:
        step: Name of the step.
        scope: What the seed varies: `data`, `init`, `order` or `sampling`.
        seeds: The seeds, in order.
    """

    step: str
    scope: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class MethodView:
    """How the results were made.

    Attributes:
        models: Checkpoints.
        prompts: Templates.
        tokens: Readout tokens.
        steps: Every step, in the order of the plan.
        bootstrap: How intervals were made: draws, unit, seed; empty where there are none.
        selections: Reference by the name that the study gives it.
        row_sets: Row sets, in order of appearance.
        searches: Searches for components.
        arms: Interventions.
        seeds: Seeds of all steps that take one.
        excluded: Rows without a value: step, cells that are alike, and number of rows by status in each.
    """

    models: tuple[ModelView, ...]
    prompts: tuple[PromptView, ...]
    tokens: tuple[TokenSetView, ...]
    steps: tuple[StepView, ...]
    bootstrap: str
    selections: Mapping[str, str] = field(default_factory=dict[str, str])
    row_sets: tuple[RowSetView, ...] = ()
    searches: tuple[SearchView, ...] = ()
    arms: tuple[ArmView, ...] = ()
    seeds: tuple[SeedView, ...] = ()
    excluded: tuple[tuple[str, int, Mapping[str, int]], ...] = ()


@dataclass(frozen=True)
class InputView:
    """One input of an artifact.

    Attributes:
        field: Field that names it.
        step: Its step.
        labels: Its cell.
        key: Its key.
        column: Column picked, or None.
    """

    field: str
    step: str
    labels: Labels
    key: str
    column: str | None = None


@dataclass(frozen=True)
class ArtifactView:
    """One artifact.

    Attributes:
        step: Name of its step.
        labels: The cell.
        kind: Kind that made it.
        version: Version of that kind.
        key: SHA-256 in hex of what it is made from.
        digest: SHA-256 in hex of its bytes.
        params: Its validated fields, as hashed.
        inputs: What it was made from.
        environment: Class of environment, as hashed; empty where the kind runs no model.
        facts: What its manifest says of its content.
        numbers: Its statistics, where it is an Estimate.
    """

    step: str
    labels: Labels
    kind: str
    version: int
    key: str
    digest: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    inputs: tuple[InputView, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict[str, Any])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    numbers: tuple[Quantity, ...] = ()
