"""The page of a step: every artifact of it, with what it was made from and how to look at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ws_dsl.report.account import ArtifactView, InputView, StepView
from ws_dsl.report.content import CheckView, StudyPage
from ws_dsl.report.printer import stem as stem_of
from ws_dsl.report.quantity import Labels

_SCHEMA = 1


@dataclass(frozen=True)
class Shared:
    """One artifact, and every cell of a step that it is.

    Attributes:
        artifact: It.
        cells: Labels of the cells.
        differs: Fields whose value is not that of all artifacts of the step.
        inputs: What it was made from, each once, with all the fields that name it.
    """

    artifact: ArtifactView
    cells: tuple[Labels, ...]
    differs: Mapping[str, Any]
    inputs: tuple[tuple[str, InputView], ...]


@dataclass(frozen=True)
class StepPage:
    """A step with its artifacts.

    Attributes:
        name: Its name in the study.
        stem: Stem of its files.
        kind: Its kind.
        version: Version of the kind.
        view: What the methods say of it; None for a check.
        check: The outcome, where it is a check.
        common: Fields that all its artifacts share.
        environment: Class of environment of its artifacts.
        artifacts: Its artifacts, each once.
    """

    name: str
    stem: str
    kind: str
    version: int
    view: StepView | None
    check: CheckView | None
    common: Mapping[str, Any]
    environment: Mapping[str, Any]
    artifacts: tuple[Shared, ...]


def steps(page: StudyPage) -> list[StepPage]:
    """Every step of a study, in the order of its plan."""
    views = {view.name: view for view in page.methods.steps}
    checks = {check.key: check for check in page.checks}
    members: dict[str, list[ArtifactView]] = {}
    for artifact in page.provenance:
        members.setdefault(artifact.step, []).append(artifact)
    return [_step(name, found, views.get(name), checks.get(found[0].key)) for name, found in members.items()]


def _step(
    name: str, artifacts: list[ArtifactView], view: StepView | None, check: CheckView | None
) -> StepPage:
    first = artifacts[0]
    common = {
        field: value
        for field, value in first.params.items()
        if all(field in one.params and one.params[field] == value for one in artifacts)
    }
    cells: dict[str, list[Labels]] = {}
    for one in artifacts:
        cells.setdefault(one.key, []).append(one.labels)
    by_key = {one.key: one for one in artifacts}
    return StepPage(
        name,
        stem_of(name),
        first.kind,
        first.version,
        view,
        check if name.startswith("check/") else None,
        common,
        first.environment,
        tuple(
            Shared(
                one,
                tuple(cells[key]),
                {f: v for f, v in one.params.items() if f not in common},
                _inputs(one),
            )
            for key, one in by_key.items()
        ),
    )


def _inputs(one: ArtifactView) -> tuple[tuple[str, InputView], ...]:
    fields: dict[tuple[str, str | None], list[str]] = {}
    inputs = {(found.key, found.column): found for found in one.inputs}
    for found in one.inputs:
        fields.setdefault((found.key, found.column), []).append(found.field)
    return tuple((", ".join(dict.fromkeys(fields[at])), found) for at, found in inputs.items())


def record(page: StudyPage, step: StepPage) -> str:
    """A step's artifacts in full, as JSON beside its page: one a line, so that changes show as lines."""
    head = {"schema": _SCHEMA, "study": page.id, "file": page.source, "step": step.name}
    opened = json.dumps(head, ensure_ascii=False)[:-1]
    lines = ",\n".join(json.dumps(_record(one), ensure_ascii=False) for one in step.artifacts)
    return f'{opened}, "artifacts": [\n{lines}\n]}}\n'


def _record(shared: Shared) -> dict[str, Any]:
    one = shared.artifact
    return {
        "key": one.key,
        "digest": one.digest,
        "kind": one.kind,
        "version": one.version,
        "cells": [dict(labels) for labels in shared.cells],
        "params": dict(one.params),
        "inputs": _by_field(one),
        "environment": dict(one.environment),
        "facts": dict(one.facts),
        "statistics": {
            number.statistic: {
                "value": number.value,
                "low": number.low,
                "high": number.high,
                "n": number.n,
                "reason": number.reason,
            }
            for number in one.numbers
        },
    }


def _by_field(one: ArtifactView) -> dict[str, list[str]]:
    """Keys of inputs by field, with the column that is picked; study.json says which cells they are."""
    found: dict[str, list[str]] = {}
    for read in one.inputs:
        picked = f".{read.column}" if read.column else ""
        found.setdefault(read.field, []).append(f"{read.key}{picked}")
    return found
