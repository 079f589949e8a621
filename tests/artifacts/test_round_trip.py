"""Every artifact comes back as it was, and the same value always has the same bytes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ws_dsl.artifacts.arm import Arm, Change, Given
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.decode import column_of, decode
from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.sites import Sites
from ws_dsl.artifacts.states import States
from ws_dsl.artifacts.table import STATUSES, Table
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import canonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**53), 2**53)
IDS = st.lists(TEXTS, unique=True, max_size=6) | st.lists(INTEGERS, unique=True, max_size=6)


def files_of(artifact: Artifact) -> dict[str, bytes]:
    return {name: content for name, content in artifact.files.items() if isinstance(content, bytes)}


def again(value: Any) -> Any:
    """The value after a journey through bytes; its second encoding must equal its first."""
    artifact = value.to_artifact()
    assert canonical(artifact.facts)
    files = files_of(artifact)
    back = type(value).from_files(files.__getitem__)
    assert files_of(back.to_artifact()) == files
    assert back.to_artifact().facts == artifact.facts
    return back


@st.composite
def all_rows(draw: st.DrawFn) -> Rows:
    ids = draw(IDS)

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(st.none() | values, min_size=len(ids), max_size=len(ids)))

    columns = {
        "klé": ids,
        "claim": column(TEXTS),
        "topic": column(TEXTS),
        "label": column(st.booleans()),
        "utility": column(NUMBERS),
        "sign": column(st.sampled_from([-1, 1])),
    }
    types = {
        "klé": "key",
        "claim": "text",
        "topic": "category",
        "label": "bool",
        "utility": "number",
        "sign": "sign",
    }
    return Rows(("klé",), columns, types, draw(st.sampled_from([("klé",), ("topic",)])), "organism")


@st.composite
def all_tables(draw: st.DrawFn) -> Table:
    ids = draw(IDS)
    statuses = draw(st.lists(st.sampled_from(STATUSES), min_size=len(ids), max_size=len(ids)))
    columns = {
        "id": ids,
        "part": list(range(len(ids))),
        "value": [draw(NUMBERS) if status == "ok" else None for status in statuses],
        "status": statuses,
        "pmass": draw(st.lists(st.none() | st.floats(0, 1), min_size=len(ids), max_size=len(ids))),
        "token": draw(st.lists(st.none() | TEXTS, min_size=len(ids), max_size=len(ids))),
    }
    return Table(
        ("id", "part"),
        columns,
        draw(st.dictionaries(TEXTS, TEXTS | st.floats(-1e9, 1e9) | st.lists(TEXTS), max_size=3)),
    )


@settings(deadline=None)
@given(all_rows())
def test_rows(rows: Rows):
    assert again(rows) == rows


@settings(deadline=None)
@example(Table(("id",), {"id": [1, 2], "value": [1.7e308] * 2, "status": ["ok"] * 2}, {}))
@given(all_tables())
def test_table(table: Table):
    assert again(table) == table


def test_prompts():
    columns: dict[str, list[Any]] = {
        "id": ["a", "ü"],
        "text": ["Is it?", "日本 ▁x"],
        "ids": [[0, 5, 6], [0]],
        "strings": [["<s>", "Is", " it?"], ["<s>"]],
        "spans": [{"user": [1, 3], "assistant": [3, 3]}, {"user": [1, 1]}],
    }
    prompts = Prompts(("id",), columns, "0" * 64, {" Yes": 1, " No": 0}, [1, -1])
    assert again(prompts) == prompts
    unsigned = Prompts(("id",), columns, "0" * 64, {}, None)
    assert again(unsigned) == unsigned
    assert list(again(prompts).answers) == [" Yes", " No"]


@pytest.mark.parametrize("rows", [0, 3])
def test_states(rows: int):
    tensors = {"ln_final.hook_normalized": np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)}
    back = again(States(("id",), {"id": list(range(rows))}, tensors, {"position": "last"}))
    assert back.ids() == [(i,) for i in range(rows)] and back.notes == {"position": "last"}
    np.testing.assert_array_equal(
        back.tensors["ln_final.hook_normalized"], tensors["ln_final.hook_normalized"]
    )


def test_vectors():
    values = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
    vectors = Vectors(
        values, "L2", {"token": " Yes", "count": 1}, "pca_diff", 7.5, "m" * 64, ["1", "2"], ["r" * 64]
    )
    back = again(vectors)
    np.testing.assert_array_equal(back.values, values)
    assert replace(back, values=None) == replace(vectors, values=None)  # pyright: ignore
    assert back.norms().tolist() == [5.0, 0.0]
    np.testing.assert_allclose(back.units(), [[0.6, 0.8, 0.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("mean_norm", [0.0, 8.0, 0.1])
def test_a_whole_mean_norm_comes_back_as_the_number_that_it_was(mean_norm: float):
    vectors = Vectors(np.ones((1, 2), np.float32), "L2", "last", "own", mean_norm, "m" * 64, [""], [])
    assert repr(again(vectors).mean_norm) == repr(mean_norm)


def test_arm():
    values = {"L3N41": np.array([[0.5], [1.5], [2.5]], np.float32), "L3H1": np.ones((3, 8), np.float32)}
    given = Given(("id",), {"id": ["a", "b"]}, [1, 2], [[7], [7, 8]], values, everywhere=False)
    mean = Given((), {}, [1], [[]], {"L2": np.ones((1, 64), np.float32)}, everywhere=True)
    changes = [
        Change("set", ["L3N41", "L3H1"], ["last", {"token": " Yes", "count": -1}], given=given),
        Change("set", ["L2"], during="both", given=mean),
        Change("scale", ["embed"], at=-2, number=0.5),
    ]
    back = again(Arm(changes, "m" * 64, ["r" * 64]))
    assert (back.model, back.chosen_on) == ("m" * 64, ["r" * 64])
    assert [replace(change, given=None) for change in back.changes] == [
        replace(change, given=None) for change in changes
    ]
    for expected, found in zip(changes, back.changes, strict=True):
        if expected.given is None:
            assert found.given is None
            continue
        assert replace(found.given, values={}) == replace(expected.given, values={})
        assert found.given.ids() == expected.given.ids()
        for address, array in expected.given.values.items():
            np.testing.assert_array_equal(found.given.values[address], array)


@pytest.mark.parametrize(
    "value",
    [
        Sites(["L3N41", "L3H1"], [2.5, -1.0], "r" * 64, ["L2H0"], {"searched": 512}),
        Sites(["L3"]),
        Model(
            {"config.json": "c" * 64}, "t" * 64, "organism", "float32", None, "hugging_face", "organism-qwen3"
        ),
    ],
)
def test_records(value: Any):
    assert again(value) == value


def test_estimate():
    stats = {
        "share_ge_0.5": Stat(0.5, 0.25, 0.75, 0.1, 12),
        "mean": Stat(2.0, None, None, None, 1, "no interval"),
        "median": Stat(None, None, None, None, 0, "no row has a value"),
    }
    draws = {"share_ge_0.5": np.array([0.25, np.nan, 0.75])}
    back = again(Estimate(stats, draws, "u" * 64, "r" * 64, {"excluded": {"refusal": 2}}))
    assert back.stats == stats and list(back.stats) == list(stats)
    assert isinstance(back.stats["mean"].value, float)
    assert (back.units, back.row_set, back.notes) == ("u" * 64, "r" * 64, {"excluded": {"refusal": 2}})
    np.testing.assert_array_equal(back.draws["share_ge_0.5"], draws["share_ge_0.5"])


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_statistic_that_is_no_number_is_refused(number: float):
    with pytest.raises(ValueError, match="not finite"):
        Estimate({"mean": Stat(number, None, None, None, 1)}, {}, "", "").to_artifact()


def test_order_of_draws_and_notes_changes_no_byte():
    draws = {name: np.arange(4.0) for name in ("b", "a", "c")}
    turned = dict(reversed(draws.items()))
    first = Estimate({}, draws, "u", "r", {"x": 1, "y": 2}).to_artifact()
    assert files_of(Estimate({}, turned, "u", "r", {"y": 2, "x": 1}).to_artifact()) == files_of(first)


def test_finding():
    finding = Finding(False, "mean ≥ 0.5", "mean is 0.25", [("of", 0), ("of", 3)])
    assert again(finding) == finding


@pytest.mark.parametrize(
    "value",
    [
        Sites(["L3"]),
        Finding(True, "", ""),
        Table(("id",), {"id": [1], "value": [0.5], "status": ["ok"]}, {}),
        Rows(("id",), {"id": ["a"]}, {"id": "key"}, ("id",), "real"),
        Estimate({}, {}, "u", "r"),
    ],
)
def test_the_type_follows_from_the_files(value: Any):
    files = files_of(value.to_artifact())
    assert type(decode(set(files), files.__getitem__)) is type(value)


def test_a_column_of_rows_is_a_table():
    rows = Rows(
        ("id",), {"id": ["a", "b"], "utility": [2, None]}, {"id": "key", "utility": "number"}, ("id",), "real"
    )
    made = again(column_of(rows, "utility"))
    assert made.columns["value"] == [2.0, None] and made.columns["status"] == ["ok", "excluded"]
    assert made.row_set() == rows.to_artifact().facts["row_set"]
    assert made.series("utility") == made.series()
    with pytest.raises(MeasurementError, match="no numbers: it is a key"):
        column_of(rows, "id")
    with pytest.raises(MeasurementError, match="no row column 'utlity'; the rows have id, utility"):
        column_of(rows, "utlity")
