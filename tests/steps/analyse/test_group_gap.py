"""The gap between groups: its value, its invariances, its interval."""

import numpy as np
import pytest

from tests.steps.analyse.cells import estimate, rows, table
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.analyse.group_gap import GroupGap

STREAM = np.random.default_rng(4)
LABELS = [i % 4 == 0 for i in range(120)]
SCORES = STREAM.normal(size=120) + np.array(LABELS)
CLAIMS = rows(list(range(120)), label=LABELS, topic=[f"t{i % 3}" for i in range(120)])


def scores(values):
    return table({i: float(v) for i, v in enumerate(values)})


def gap(of, behind=CLAIMS, *, by="label", plus=True, minus=False, **inputs):
    return estimate("group_gap", {"of": of, "row_columns": behind} | inputs, by=by, plus=plus, minus=minus)


def test_value_and_standard_error_are_those_of_two_means():
    found = gap(scores(SCORES)).stats["value"]
    true, false = SCORES[np.array(LABELS)], SCORES[~np.array(LABELS)]
    assert found.value == pytest.approx(true.mean() - false.mean())
    assert found.n == 120
    assert found.sd == pytest.approx(np.sqrt(true.var() / len(true) + false.var() / len(false)), rel=0.06)


def test_a_shift_of_all_scores_changes_nothing():
    plain, shifted = gap(scores(SCORES)), gap(scores(SCORES + 3))
    np.testing.assert_allclose(shifted.stats["value"][:4], plain.stats["value"][:4], atol=1e-12)


def test_groups_exchanged_change_the_sign():
    plain, turned = (
        gap(scores(SCORES)).stats["value"],
        gap(scores(SCORES), plus=False, minus=True).stats["value"],
    )
    assert turned.value == -plain.value


def test_shift_of_one_group_moves_the_difference_of_gaps_by_as_much():
    raised = gap(scores(SCORES + 0.5 * np.array(LABELS)))
    drop = estimate("difference", {"plus": raised, "minus": gap(scores(SCORES))}).stats["value"]
    np.testing.assert_allclose(drop[:3], 0.5)


def test_scarce_groups_never_vanish_from_a_draw():
    few = rows(list(range(120)), label=[i < 2 for i in range(120)])
    found = gap(scores(SCORES), few)
    assert not np.isnan(found.draws["value"]).any()


def test_rows_of_neither_group_are_left_out_and_counted():
    found = gap(scores(SCORES), by="topic", plus="t0", minus="t1")
    assert found.notes["neither"] == 40 and found.stats["value"].n == 80


def test_units_in_both_groups_keep_their_pairing():
    topic = [f"t{i // 2}" for i in range(120)]
    behind = rows(list(range(120)), unit=("topic",), label=[i % 2 == 0 for i in range(120)], topic=topic)
    effect = np.repeat(STREAM.normal(0, 5, size=60), 2)
    found = gap(scores(effect + STREAM.normal(0, 0.1, size=120)), behind).stats["value"]
    assert found.sd < 0.05


def test_a_group_without_values_leaves_the_gap_undefined():
    values = {i: None if label else 1.0 for i, label in enumerate(LABELS)}
    found = gap(table(values)).stats["value"]
    assert found.value is None and found.reason == "no row with label = True has a value"


def test_true_is_not_one():
    with pytest.raises(MeasurementError, match="no row has label = 1; there are False, True"):
        gap(scores(SCORES), plus=1)


def test_a_column_that_the_rows_lack_is_refused():
    with pytest.raises(MeasurementError, match="no row column 'lable'; the rows have id, label, topic"):
        gap(scores(SCORES), by="lable")


class Labelled:
    """What the planner knows of the rows before anything runs."""

    def columns(self, field):
        return {"id": "key", "label": "bool", "topic": "category"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"by": "lable", "plus": True, "minus": False}, "unknown-column"),
        ({"by": "label", "plus": "true", "minus": False}, "wrong-label"),
        ({"by": "topic", "plus": "a", "minus": "a"}, "equal-groups"),
        ({"by": "topic", "plus": "a", "minus": "b"}, None),
    ],
)
def test_mistakes_show_before_anything_runs(fields, code):
    spec = GroupGap.model_validate({"of": "score", **fields})
    assert [complaint.code for complaint in GroupGap.inspect(spec, Labelled())] == ([code] if code else [])


def test_rows_that_are_unknown_are_refused():
    with pytest.raises(MeasurementError, match="only in table: 119"):
        gap(scores(SCORES), CLAIMS.take(list(range(119))))


def test_repeats_are_averaged_before_groups():
    pooled = gap([scores(SCORES + 1), scores(SCORES - 1)]).stats["value"]
    np.testing.assert_allclose(pooled[:4], gap(scores(SCORES)).stats["value"][:4], atol=1e-12)


def test_rows_that_differ_along_pooled_axes_are_refused():
    halves = [rows([0, 1], label=[True, False]), rows([2, 3], label=[True, False])]
    with pytest.raises(MeasurementError, match="rows differs along the axes that are pooled, 2 times"):
        gap(scores(SCORES), rows=halves)
