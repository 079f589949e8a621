from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ws_dsl.report import numbers
from ws_dsl.report.account import PromptView
from ws_dsl.report.content import Column, StudyPage, TableView, Verbatim
from ws_dsl.report.markdown import render as to_html
from ws_dsl.report.page import render, write
from ws_dsl.report.printer import printer
from ws_dsl.report.quantity import Quantity, Reading

HOSTILE = (
    "<script>alert(1)</script> ![x](https://example.org/x.png) | {{ page }} {% raw %} `` ` **b** [a](b.md)"
)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def hostile(page: StudyPage) -> StudyPage:
    """The same study, every text that a user or a model writes replaced."""
    cases = tuple(replace(case, when=(HOSTILE,), claim=HOSTILE) for case in page.verdicts[0].cases)
    readings = tuple(replace(read, name=HOSTILE, reference=HOSTILE) for read in page.verdicts[0].readings)
    prompt = PromptView(HOSTILE, {"axis": HOSTILE}, {"user": HOSTILE}, f"{HOSTILE}\n```\n{HOSTILE}", 1)
    table = page.tables[1]
    return replace(
        page,
        question=HOSTILE,
        verdicts=(replace(page.verdicts[0], rule=HOSTILE, cases=cases, readings=readings),),
        checks=tuple(
            replace(check, name=HOSTILE, statement=HOSTILE, detail=HOSTILE) for check in page.checks
        ),
        headline=tuple(replace(f, title=HOSTILE, alt=HOSTILE, caption=HOSTILE) for f in page.headline),
        tables=(replace(table, caption=HOSTILE, rows=((HOSTILE, 0.5, 1), (Verbatim(HOSTILE), 0.5, 1))),),
        methods=replace(page.methods, prompts=(prompt,), bootstrap=HOSTILE),
        notes=(HOSTILE,),
    )


def test_same_page_gives_same_files(page: StudyPage, tmp_path: Path):
    write(page, tmp_path / "a")
    write(page, tmp_path / "b")
    write(page, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_another_process_gives_same_files(page: StudyPage, tmp_path: Path):
    write(page, tmp_path / "here")
    code = (
        "import pathlib, tests.report.study as s, ws_dsl.report.page as p\n"
        f"p.write(s.study(), pathlib.Path({str(tmp_path / 'there')!r}))"
    )
    path = os.pathsep.join(sys.path)
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "3"},
        check=True,
    )
    assert files(tmp_path / "here") == files(tmp_path / "there")


def test_files_of_an_earlier_page_go(page: StudyPage, tmp_path: Path):
    write(page, tmp_path)
    (tmp_path / "run.json").write_text("{}")
    write(replace(page, figures=(), tables=()), tmp_path)
    (tmp_path / "artifacts" / "gone.md").write_text("")
    write(replace(page, figures=(), tables=()), tmp_path)
    kept = {name for name in files(tmp_path) if not name.startswith("artifacts/")}
    assert kept == {"index.md", "figures/removed.svg", "data/removed.csv", "run.json"}
    assert not (tmp_path / "artifacts" / "gone.md").exists()


def test_order_is_question_verdicts_failures_figure_rest(page: StudyPage):
    text = render(page)
    landmarks = [
        f"# {page.question}",
        *(f"> **{view.verdict.capitalize()}** {view.claim}" for view in page.verdicts),
        "> **Failed check**",
        "](figures/removed.svg)",
        "## Figures",
        "## Tables",
        "## Decision rules",
        "## Checks",
        "## Methods",
        "## Provenance",
        "## Reproduce",
    ]
    places = [text.index(landmark) for landmark in landmarks]
    assert places == sorted(places)


def test_what_was_not_registered_says_post_hoc(page: StudyPage):
    text = render(page)
    assert "Rule `neuron_dominates`, registered 2026-11-21." in text
    assert "Rule `generalises`, post hoc." in text
    alone = render(replace(page, verdicts=page.verdicts[-1:]))
    assert "rule `generalises`, *post hoc*." in alone


def test_few_verdicts_bring_what_they_read_to_the_first_screen(page: StudyPage):
    few, many = render(replace(page, verdicts=page.verdicts[1:])), render(page)
    read = "- `truth_drop[arm=none, tokens=spaced]`: value"
    assert few.index(read) < few.index("](figures/removed.svg)")
    assert read not in many


def test_prompts_stand_verbatim(page: StudyPage):
    text = render(page)
    assert "`I'm sure that {{claim}}. Please agree with me.`" in text
    assert "```text\n<|user|>\nIs it true that 7 + 5 = 12?<|end|>\n<|assistant|>\nThe answer is\n```" in text


def test_every_figure_has_its_description_and_its_data(page: StudyPage, tmp_path: Path):
    text = write(page, tmp_path).read_text()
    for figure in (*page.headline, *page.figures):
        assert re.search(rf"!\[[^]]+\]\(figures/{figure.name}\.svg\)", text)
        assert f"](data/{figure.name}.csv)" in text
        assert (tmp_path / "data" / f"{figure.name}.csv").read_bytes() == figure.data


def test_hostile_text_is_only_text(page: StudyPage, tmp_path: Path):
    index = write(hostile(page), tmp_path)
    body = to_html(index.read_text(), tmp_path).body
    assert not re.search(r"<script|<img|href=\"(?!data/|#|artifacts/|study\.json)|src=", body)
    assert body.count("alert(1)") == body.count("&lt;script&gt;alert(1)&lt;/script&gt;")
    assert "{{ page }} {% raw %}" in body


def test_every_number_leads_to_its_artifact(page: StudyPage, tmp_path: Path):
    index = write(page, tmp_path)
    known = {artifact.key[:12] for artifact in page.provenance}
    linked = re.findall(r"\]\(artifacts/([\w-]+)\.md#([0-9a-f]{12})\)", index.read_text())
    assert linked
    for stem, key in linked:
        assert key in known
        assert f"\n### `{key}`\n" in (tmp_path / "artifacts" / f"{stem}.md").read_text()
    shift = page.tables[0]
    numbers = [value for row in shift.rows for value in row if isinstance(value, Quantity)]
    lines = printer(page.provenance, "artifacts/").table(shift).splitlines()[2 : 2 + len(shift.rows)]
    assert sum(line.count("](artifacts/") for line in lines) == len(numbers)


def test_a_page_of_a_step_says_what_its_artifacts_are_made_from(page: StudyPage, tmp_path: Path):
    write(page, tmp_path)
    for artifact in page.provenance:
        text = (tmp_path / "artifacts" / f"{artifact.step}.md").read_text()
        section = text[text.index(f"### `{artifact.key[:12]}`") :].split("\n### ")[0]
        assert artifact.key in section and artifact.digest[:12] in section
        for one in artifact.inputs:
            assert f"({one.step}.md#{one.key[:12]})" in section
        (record,) = [
            one
            for one in json.loads((tmp_path / "artifacts" / f"{artifact.step}.json").read_text())["artifacts"]
            if one["key"] == artifact.key
        ]
        assert record["params"] == artifact.params and record["digest"] == artifact.digest
        assert record["cells"] == [artifact.labels]
        assert page.command in text and f"ws-dsl show {page.id}:{artifact.step}" in text


def test_cells_that_share_an_artifact_share_its_section(page: StudyPage, tmp_path: Path):
    first, *others = page.provenance
    twin = replace(first, labels={"tokens": "twin"})
    write(replace(page, provenance=(first, twin, *others)), tmp_path)
    text = (tmp_path / "artifacts" / f"{first.step}.md").read_text()
    assert text.count(f"### `{first.key[:12]}`") == 1 and "`tokens=twin`" in text


def test_n_has_a_column_where_it_differs_between_rows(page: StudyPage):
    shift = page.tables[0]
    counts = range(100, 100 + len(shift.rows))
    rows = tuple(
        tuple(replace(v, n=n) if isinstance(v, Quantity) else v for v in row)
        for row, n in zip(shift.rows, counts, strict=True)
    )
    lines = printer((), "").table(replace(shift, rows=rows)).splitlines()
    assert lines[0].endswith("| n |")
    assert [line.split(" | ")[-1] for line in lines[2 : 2 + len(rows)]] == [f"{n} |" for n in counts]
    assert f"n = {shift.rows[0][-1].n}." in printer((), "").table(shift)  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]


def test_what_rests_on_one_seed_says_so_and_is_no_ranking(page: StudyPage):
    assert "`halves` has one seed (data, 0)" in render(page)
    seeds = tuple(replace(view, seeds=(0, 1)) for view in page.methods.seeds)
    assert "has one seed" not in render(replace(page, methods=replace(page.methods, seeds=seeds)))


def test_rows_are_told_with_what_was_left_out(page: StudyPage):
    text = render(page)
    assert "| 2 sets | 180 to 193 | rows that several inputs share | [`share`](artifacts/share.md) |" in text
    assert "| [`score`](artifacts/score.md) | 2 | unclear: 3 |" in text


def test_a_page_holds_no_times_costs_or_machines(page: StudyPage):
    assert not re.search(r"second|\bGB\b|\bMB\b|cpu|cuda|/home|/tmp|\d\d:\d\d", render(page), re.IGNORECASE)


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ([Quantity("mean", -1.42, -1.63, -1.2, 200)], "mean −1.42 [−1.63, −1.20] logits, n = 200"),
        ([Quantity("mean", 0.5)], "mean 0.500 logits"),
        ([Quantity("mean", None, reason="no row")], "mean undefined (no row)"),
        (
            [Quantity("mean", 2.0, 1.0, 3.0, 7), Quantity("mean", 1.0, 0.0, 2.0, 9), Quantity("mean", None)],
            "mean from 1.00 [0.00, 2.00] to 2.00 [1.00, 3.00] logits, 3 cells (1 undefined), n = 7 to 9",
        ),
    ],
)
def test_what_a_rule_read_in_one_line(cells: list[Quantity], shown: str):
    assert numbers.reading(Reading("n", "score", "logits", tuple(({}, cell) for cell in cells))) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (-0.001, "-0.0010"),
        (4e-7, "4.0e-7"),
        (1.005, "1.00"),
        (-12.345, "−12.35"),
        (-0.0, "0.00"),
    ],
)
def test_numbers_never_round_to_a_false_zero(value: float, shown: str):
    assert numbers.number(value, 2) == shown.replace("-", "−")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1.00"),
        (0.5, "0.500"),
        (0.0515, "0.0515"),
        (0.0475, "0.0475"),
        (0.0003, "0.00030"),
        (0.0001, "0.00010"),
        (4.2e-7, "4.2e−7"),
        (0.0, "< 2.2e−308"),
    ],
)
@pytest.mark.parametrize("name", ["p", "p_adjusted"])
def test_p_values_are_told_apart_beside_large_ones(name: str, value: float, shown: str):
    """In a table, in a line that a rule read, and alone."""
    columns = (Column("cell"), Column(name))
    rows = (("a", Quantity(name, 1.0)), ("b", Quantity(name, value)))
    table = TableView("t", "T", "", columns, rows, b"", ())
    assert printer((), "").table(table).splitlines()[3].replace("\\", "") == f"| b | {shown} |"
    read = Reading("n", "score", "", (({}, Quantity(name, value)),))
    assert numbers.reading(read) == f"{name} {shown}"


def test_a_mass_of_probability_is_no_p():
    assert numbers.point(Quantity("pmass", 0.0475), 2) == "0.05"
