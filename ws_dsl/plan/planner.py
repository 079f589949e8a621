"""From a study to its plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ws_dsl.errors import SpecError
from ws_dsl.plan import checks, readers
from ws_dsl.plan.evaluator import Evaluator
from ws_dsl.plan.mistakes import Mistakes
from ws_dsl.plan.plan import Plan
from ws_dsl.specs.document import Document
from ws_dsl.specs.study import validate


def make_plan(document: Document, model: Mapping[str, Any] | None = None) -> Plan:
    """Plans a study.

    Args:
        document: The study as read.
        model: A step that takes the place of the study's model, or None.

    Raises:
        SpecError: with every mistake that could be found.
    """
    if model is not None:
        document.data["model"] = dict(model)
    spec, problems, broken = validate(document)
    mistakes = Mistakes(document, problems)
    evaluator = Evaluator(spec, mistakes, broken)
    evaluator.all()
    named = checks.named(evaluator)
    readers.read_rules(evaluator)
    readers.read_report(evaluator)
    if mistakes.found:
        raise SpecError(mistakes.found)
    made = [*named, *checks.always(evaluator)]
    relations = {name: found for name, found in evaluator.relations.items() if found is not None}
    return Plan(
        spec, document, evaluator.nodes, relations, made, evaluator.maker.unavailable, evaluator.views
    )
