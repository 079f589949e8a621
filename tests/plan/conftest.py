"""Small studies planned without a model, and kinds that exist for these tests alone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ws_dsl.errors import Problem, SpecError
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.planner import make_plan
from ws_dsl.specs import kinds
from ws_dsl.specs.source import read

KINDS = Path(__file__).parent / "kinds"
HEAD = """\
ws: 1
id: small
question: Does it plan?
model: {kind: made_model}
steps:
"""


@pytest.fixture(autouse=True)
def own_kinds() -> Iterator[None]:
    kinds.use_folder(KINDS)
    yield
    kinds.use_folder(KINDS / "nowhere")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(steps: str, rest: str = "", name: str = "study.yaml", head: str = HEAD) -> Path:
        file = tmp_path / name
        indented = textwrap.indent(textwrap.dedent(steps).strip("\n"), "  ")
        file.write_text(f"{head}{indented}\n{textwrap.dedent(rest)}", encoding="utf-8")
        return file

    return write


@pytest.fixture
def plan(write: Callable[..., Path]) -> Callable[..., Plan]:
    """Plans steps (and what follows them)."""

    def plan(steps: str, rest: str = "") -> Plan:
        return make_plan(read(write(steps, rest)))

    return plan


@pytest.fixture
def wrong(write: Callable[..., Path]) -> Callable[..., list[Problem]]:
    """The mistakes of steps (and what follows them)."""

    def wrong(steps: str, rest: str = "") -> list[Problem]:
        with pytest.raises(SpecError) as caught:
            make_plan(read(write(steps, rest)))
        return caught.value.problems

    return wrong


def cells(plan: Plan, reference: str) -> list[dict[str, str]]:
    """Labels of the cells behind a reference."""
    return [entry.labels for entry in plan.view(reference)[0].entries]


def short(problems: list[Problem]) -> list[tuple[int, int, str, str]]:
    """Line, column, code and subject of each mistake."""
    return [(p.place.line, p.place.column, p.code, p.subject) for p in problems]
