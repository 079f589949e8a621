"""What a page shows of results: no two cells share a place, and none is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import Lab, Ran, small
from ws_dsl.errors import MeasurementError
from ws_dsl.plan.node import Unavailable
from ws_dsl.registry import Store
from ws_dsl.report.assemble import assemble
from ws_dsl.report.content import StudyPage, TableView
from ws_dsl.report.frames import Results, figure_frame, listing
from ws_dsl.report.quantity import Quantity
from ws_dsl.run.context import Library
from ws_dsl.run.outcome import check_outcomes, decisions
from ws_dsl.specs.study import Figure, Report, TableSpec


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, Ran]:
    lab = Lab(tmp_path_factory.mktemp("assembled"))
    lab.data()
    return lab, lab.run()


@pytest.fixture(scope="module")
def results(ran: tuple[Lab, Ran]) -> Results:
    opened = ran[1].opened
    return Results(opened.plan, opened.state, Library(Store(ran[0].project.registry)))


def assembled(
    results: Results, tables: dict[str, TableSpec], figures: dict[str, Any] | None = None
) -> StudyPage:
    report = Report.model_validate({"tables": tables, "figures": figures or {}})
    spec = results.plan.spec.model_copy(update={"report": report})
    changed = replace(results, plan=replace(results.plan, spec=spec))
    plan, state, store = changed.plan, changed.state, changed.library.store
    return assemble(
        changed, check_outcomes(plan, state, store), decisions(plan, state, store), "small.yaml", None
    )


def table(results: Results, **spec: Any) -> TableView:
    (found,) = assembled(results, {"one": TableSpec(**spec)}).tables
    return found


def quantities(view: TableView) -> list[Quantity]:
    return [value for row in view.rows for value in row if isinstance(value, Quantity)]


@pytest.mark.parametrize(
    "arranged",
    [
        {},
        {"rows": "arm"},
        {"columns": "arm"},
        {"rows": ["site"], "columns": ["paraphrase"]},
        {"rows": "paraphrase"},
    ],
    ids=str,
)
def test_every_cell_is_there_once_however_a_table_is_arranged(results: Results, arranged: dict[str, Any]):
    view = table(results, of="shift", **arranged)
    shown = [(quantity.key, quantity.statistic) for quantity in quantities(view)]
    cells = [node for node in results.plan.nodes if node.step == "shift"]
    wanted = {(results.state.keys[n], name) for n in cells for name in ("mean", "median", "share_gt_0")}
    assert len(shown) == len(set(shown)) and set(shown) == wanted
    assert len({row[: len(view.columns) - len(quantities(view))] for row in view.rows}) <= len(view.rows)


def test_a_picked_statistic_is_shown_alone(results: Results):
    assert {quantity.statistic for quantity in quantities(table(results, of="shift.median"))} == {"median"}


def test_units_follow_the_numbers(results: Results):
    units = {column.name: column.unit for column in table(results, of="shift").columns}
    assert units["mean"] == "nats" and units["share_gt_0"] == ""


def test_what_was_left_out_on_purpose_is_told(results: Results):
    (score,) = [step for step in assembled(results, {}).methods.steps if step.name == "score"]
    assert "neutral" in score.left_out


def test_a_figure_joins_another_step_row_by_row(results: Results):
    figure = Figure(
        kind="scatter", x="delta[arm=none, paraphrase=sure]", y="delta[arm=none, paraphrase=boss]", alt="a"
    )
    frame, _ = figure_frame(figure, results)
    sides = [
        dict(zip(found["claim_id"], found["value"], strict=True))
        for found in (listing(results, str(text)).columns for text in (figure.x, figure.y))
    ]
    for row, x, y in zip(*(frame.columns[name] for name in ("claim_id", figure.x, figure.y)), strict=True):
        assert (x, y) == (sides[0][row], sides[1][row])
    assert len(frame) == 8


def test_estimates_meet_cell_by_cell(results: Results):
    """Without rows of their own they are joined by the axes that both have."""
    figure = Figure(kind="scatter", x="shift.mean", y="shift.share_gt_0", colour="paraphrase", alt="a")
    frame, _ = figure_frame(figure, results)
    cells = listing(results, "shift").columns
    keyed = {
        tuple(cell): (x, y)
        for *cell, x, y in zip(
            cells["arm"], cells["site"], cells["paraphrase"], cells["mean"], cells["share_gt_0"], strict=True
        )
    }
    shown = zip(
        *(frame.columns[c] for c in ("arm", "site", "paraphrase", str(figure.x), str(figure.y))), strict=True
    )
    assert {tuple(cell): (x, y) for *cell, x, y in shown} == keyed and len(frame) == len(keyed)
    assert frame.units["shift.mean"] == "nats"


def test_a_scatter_of_estimates_picks_a_statistic(results: Results):
    with pytest.raises(MeasurementError, match="several statistics; pick one: mean, median"):
        figure_frame(Figure(kind="scatter", x="shift", y="shift.mean", alt="a"), results)


def test_a_row_column_colours_its_rows(results: Results):
    frame, _ = figure_frame(Figure(kind="ecdf", of="delta[arm=none]", colour="topic", alt="a"), results)
    for row, topic in zip(frame.columns["claim_id"], frame.columns["topic"], strict=True):
        assert str(row).startswith(str(topic))


def test_a_step_with_several_cells_for_a_row_is_refused(results: Results):
    figure = Figure(kind="scatter", of="delta[arm=none, paraphrase=sure]", x="score", y="value", alt="a")
    with pytest.raises(MeasurementError, match="several cells for one row"):
        figure_frame(figure, results)


def test_a_role_that_is_nothing_is_refused(results: Results):
    figure = Figure(kind="ecdf", of="delta[arm=none]", colour="nothing", alt="a")
    with pytest.raises(MeasurementError, match="no axis, statistic, row column or step"):
        figure_frame(figure, results)


def test_every_token_set_is_told_with_what_tells_it_apart(tmp_path: Path):
    lab, study = Lab(tmp_path), small()
    lab.data()
    sets = {"plain": {"plus": [" Yes"], "minus": [" No"]}, "small": {"plus": [" yes"], "minus": [" no"]}}
    del study["steps"]["score"]["tokens"]
    study["steps"]["score"]["over"]["tokens as spelling"] = sets
    study["steps"]["delta"]["minus"] = "score[condition=neutral, arm=none]"
    study |= {"rules": {}, "report": {}}
    opened = lab.run(study).opened
    results = Results(opened.plan, opened.state, Library(Store(lab.project.registry)))
    told = {(view.label, view.plus) for view in assembled(results, {}).methods.tokens}
    assert told == {("plain", (" Yes",)), ("small", (" yes",))}


def test_a_figure_and_a_table_of_one_name_keep_their_own_data(results: Results):
    page = assembled(
        results, {"shift": TableSpec(of="shift")}, {"shift": small()["report"]["figures"]["shift"]}
    )
    names = [view.name for view in (*page.headline, *page.figures, *page.tables)]
    assert len(set(names)) == len(names) == 2


def test_cells_that_cannot_be_made_are_told_before_the_numbers(results: Results):
    lacking = [
        Unavailable("native", {"component": component, "family": family}, f"{family} has no {component}")
        for component, family in (("magnitude", "lora"), ("magnitude", "oft"), ("rotation", "lora"))
    ]
    told = replace(results, plan=replace(results.plan, unavailable=[*lacking, lacking[0]]))
    assert assembled(told, {}).notes == (
        "native: 4 cells unavailable: lora has no magnitude; oft has no magnitude; lora has no rotation.",
    )
    assert assembled(results, {}).notes == ()
