"""What a study found: checks and verdicts, read from the store without numpy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ws_dsl.artifacts.estimate import Stat, stats_of
from ws_dsl.artifacts.finding import Finding
from ws_dsl.errors import MeasurementError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.store import Store
from ws_dsl.specs.study import Case, Rule


@dataclass(frozen=True)
class CheckOutcome:
    """A check with its finding, and the addresses of the cells that break it."""

    name: str
    severity: str
    finding: Finding
    broken: list[str]

    @property
    def outcome(self) -> str:
        """`passed`, `failed` or `warned`."""
        if self.finding.holds:
            return "passed"
        return "failed" if self.severity == "fail" else "warned"


@dataclass(frozen=True)
class Reading:
    """One cell that a rule reads."""

    labels: dict[str, str]
    node: Node
    stats: dict[str, Stat]


@dataclass(frozen=True)
class Decision:
    """The outcome of a rule.

    Attributes:
        name: Name of the rule.
        rule: The rule.
        taken: Index of the case that decided; the number of cases for `otherwise`.
        readings: What was read, by name.
    """

    name: str
    rule: Rule
    taken: int
    readings: dict[str, list[Reading]]

    @property
    def verdict(self) -> str:
        return (*self.rule.first, self.rule.otherwise)[self.taken].verdict

    @property
    def claim(self) -> str:
        return (*self.rule.first, self.rule.otherwise)[self.taken].claim


def check_outcomes(plan: Plan, state: State, store: Store) -> list[CheckOutcome]:
    """Outcomes of all checks of a study whose cells all exist."""
    found: list[CheckOutcome] = []
    for check in plan.checks:
        finding = Finding.from_files(lambda name, node=check.node: _read(store, state, node, name))
        broken = [check.cells[field][index] for field, index in finding.at]
        found.append(CheckOutcome(check.name, check.severity, finding, broken))
    return found


def decisions(plan: Plan, state: State, store: Store) -> list[Decision]:
    """Verdicts of all rules of a study whose cells all exist.

    Raises:
        MeasurementError: a rule reads a statistic that its estimate does not have.
    """
    found: list[Decision] = []
    for name, rule in plan.spec.rules.items():
        readings = {read: _readings(plan, state, store, text) for read, text in rule.read.items()}
        taken = next(
            (i for i, case in enumerate(rule.first) if _holds(case, readings, name)), len(rule.first)
        )
        found.append(Decision(name, rule, taken, readings))
    return found


def number(stats: dict[str, Stat], statistic: str) -> float | None:
    """A statistic, or the end of its interval: `median`, `mean.low`.

    Raises:
        MeasurementError: there is no such statistic.
    """
    if statistic in stats:
        return stats[statistic].value
    name, _, part = statistic.rpartition(".")
    if name in stats and part in ("low", "high", "sd", "n"):
        return getattr(stats[name], part)
    raise MeasurementError(f"there is no statistic {statistic!r} (there are {', '.join(stats)})")


def _holds(case: Case, readings: dict[str, list[Reading]], rule: str) -> bool:
    for read, condition, bound in case.conditions():
        try:
            numbers = [number(reading.stats, condition.statistic or "value") for reading in readings[read]]
        except MeasurementError as error:
            raise MeasurementError(f"rule {rule} reads {read}: {error}") from None
        outcomes = [condition.holds(value, bound) for value in numbers]
        if not (any(outcomes) if condition.quantifier == "any" else all(outcomes)):
            return False
    return True


def _readings(plan: Plan, state: State, store: Store, text: str) -> list[Reading]:
    relation, _ = plan.view(text)
    found: list[Reading] = []
    for labels, node in relation.entries:
        assert node is not None
        record: dict[str, Any] = json.loads(_read(store, state, node, "estimate.json"))
        found.append(Reading(labels, node, stats_of(record)))
    return found


def _read(store: Store, state: State, node: Node, name: str) -> bytes:
    return store.read(store.require(state.keys[node]), name)
