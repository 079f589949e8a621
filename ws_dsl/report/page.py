"""A study's page as Markdown, with its figures, its data and a page of every step beside it.

    FOLDER/index.md                verdicts, figures, tables, checks, methods, provenance
    FOLDER/figures/NAME.svg
    FOLDER/data/NAME.csv
    FOLDER/artifacts/STEP.md       every artifact of a step, under the beginning of its key
    FOLDER/artifacts/STEP.json     the same in full

The same page always gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ws_dsl.report import escape, numbers, step_page
from ws_dsl.report.account import SeedView
from ws_dsl.report.content import StudyPage
from ws_dsl.report.escape import Written
from ws_dsl.report.printer import Printer, printer, short
from ws_dsl.report.quantity import Quantity
from ws_dsl.report.shell import templates_folder

if TYPE_CHECKING:
    from jinja2 import Template

_FEW_VERDICTS = 2


def render(page: StudyPage) -> str:
    """The Markdown of a study's page."""
    template = _template("study.md.j2", printer(page.provenance, "artifacts/"))
    return template.render(page=page, counts=_outcomes(page), few=_FEW_VERDICTS, **_told(page))


def write(page: StudyPage, folder: Path) -> Path:
    """Writes the page, its figures, data and pages of steps; those of an earlier page go.

    Args:
        page: What to write.
        folder: The study's folder under `site/studies`.

    Returns:
        The path of `index.md`.
    """
    text = render(page)
    for name in ("figures", "data", "artifacts"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    for figure in (*page.headline, *page.figures):
        (folder / "figures" / f"{figure.name}.svg").write_bytes(figure.svg)
        (folder / "data" / f"{figure.name}.csv").write_bytes(figure.data)
    for table in page.tables:
        (folder / "data" / f"{table.name}.csv").write_bytes(table.data)
    template = _template("step.md.j2", printer(page.provenance, ""))
    for step in step_page.steps(page):
        stem = folder / "artifacts" / step.stem
        told = template.render(page=page, step=step)
        stem.with_name(f"{step.stem}.md").write_text(told, encoding="utf-8", newline="\n")
        stem.with_name(f"{step.stem}.json").write_text(
            step_page.record(page, step), encoding="utf-8", newline="\n"
        )
    index = folder / "index.md"
    index.write_text(text, encoding="utf-8", newline="\n")
    return index


def _template(name: str, shown: Printer) -> Template:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from ws_dsl.report.compiled import COMPILED

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates_folder()),
        bytecode_cache=COMPILED,
        undefined=StrictUndefined,
        finalize=escape.text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "code": escape.code,
        "cell_code": escape.cell_code,
        "fence": escape.fence,
        "prose": escape.prose,
        "front_matter": _front_matter,
        "quoted": _quoted,
        "figure": shown.figure,
        "table": shown.table,
        "reading": shown.reading,
        "estimate": shown.estimate,
        "alone": _alone,
        "linked_step": shown.step,
        "linked_code": shown.code,
        "linked_cell": shown.cell_code,
        "labels": shown.cell,
        "facts": shown.facts,
        "fields": shown.fields,
        "short": short,
        "spread": _spread,
    }
    environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType]
    return environment.get_template(name)


def _front_matter(page: StudyPage) -> Written:
    """What the index of studies shows, one JSON value a line, which is YAML too."""
    facts = {
        "id": page.id,
        "title": page.question,
        "models": [model.title for model in page.methods.models],
        "verdicts": [{"rule": v.rule, "verdict": v.verdict, "claim": v.claim} for v in page.verdicts],
        "checks": _outcomes(page),
        "registered": next((view.registered for view in page.verdicts), None),
        "kinds": list(dict.fromkeys(step.kind for step in page.methods.steps)),
        "failed_checks": [check.name for check in page.checks if check.outcome == "failed"],
    }
    return Written("\n".join(f"{name}: {json.dumps(value)}" for name, value in facts.items()))


def _outcomes(page: StudyPage) -> dict[str, int]:
    outcomes = [check.outcome for check in page.checks]
    return {name: outcomes.count(name) for name in ("passed", "failed", "warned")}


def _spread(counts: Sequence[int]) -> str:
    return numbers.spread(min(counts), max(counts))


def _quoted(value: object) -> Written:
    return Written(json.dumps(str(value)))


def _alone(quantity: Quantity) -> str:
    """An estimate on the page of its own artifact."""
    return numbers.estimate(quantity, numbers.digits_of([quantity]))


def _told(page: StudyPage) -> dict[str, object]:
    """What the template prints of the study as a whole."""
    read = [key for verdict in page.verdicts for one in verdict.readings for key in one.cells]
    return {
        "kinds": {step.kind: step for step in page.methods.steps},
        "steps": step_page.steps(page),
        "estimates": sum(bool(artifact.numbers) for artifact in page.provenance),
        "read": len(read),
        "lone": [seed for seed in page.methods.seeds if _is_lone(seed)],
    }


def _is_lone(seed: SeedView) -> bool:
    return len(seed.seeds) == 1
