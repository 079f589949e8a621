"""Replies as chat models write them, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import STUDY, Lab
from tests.steps.analyse.cells import files_of, rows, run
from tests.steps.measure.said import by_hand
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError, SpecError

Answers = Mapping[str, float | str]
SCALE: Answers = {str(level): level for level in range(1, 6)}
YES: Answers = {" Yes": 1, " No": 0}
LETTERS: Answers = {"A": 1, "B": -1}
AGREE: Answers = {"agree": 1, "strongly agree": 2, "disagree": -1}
SIGNED: Answers = {str(level): level for level in range(-2, 3)}


def parsed(replies: list[str], answers: Answers, **more: Any) -> Table:
    signs = more.pop("signs", None)
    fields = {name: value for name, value in more.items() if name == "equals"}
    inputs = {name: value for name, value in more.items() if name != "equals"}
    made = run("parse_answers", {"of": by_hand(replies, answers, signs), **inputs}, **fields)
    return Table.from_files(files_of(made).__getitem__)


@pytest.mark.parametrize(
    ("answers", "reply", "value"),
    [
        (YES, "Yes", 1),
        (YES, " no, it is not.", 0),
        (YES, "**YES**!", 1),
        (YES, '\n\n"No"', 0),
        (LETTERS, "(B)", -1),
        (LETTERS, "A: summer", 1),
        (LETTERS, "A and a half", 1),
        (LETTERS, "B and a friend", -1),
        (LETTERS, "A or Beach", 1),
        (YES, "Yes, and no doubt about it", 1),
        (YES, "No, and yes I am sure", 0),
        (YES, "Yes or yes", 1),
        (AGREE, "strongly agree and I disagree with them", 2),
        (LETTERS, "b.", -1),
        (AGREE, "Strongly agree.", 2),
        (AGREE, "Agree strongly", 1),
        (SCALE, "3", 3),
        (SCALE, "4/5", 4),
        (SCALE, "- 2", 2),
        (SCALE, "5.0", 5),
        (SCALE, "5,0", 5),
        ({"1000": 1000, "1": 1}, "1,000", 1000),
        (SCALE, "**1** because", 1),
        (SIGNED, "-2", -2),
        (SIGNED, "\u22121.", -1),
        (SIGNED, "+2", 2),
        ({"27": 27, "2": 2}, "27", 27),
        (YES, "The answer is Yes.", 1),
        (LETTERS, "**Answer:** B", -1),
        (LETTERS, "My final choice would be: A", 1),
        (SCALE, "Rating: **4**/5", 4),
        ({"lemon": 0, "grape": 1}, "Grape!", 1),
        ({"The answer is Yes": 1, "The answer is No": 0}, "The answer is No.", 0),
        ({"The answer is Yes": 1, "The answer is No": 0}, "the answer is yes", 1),
    ],
)
def test_answers(answers: Answers, reply: str, value: float):
    assert parsed([reply], answers).columns["value"] == [value]


@pytest.mark.parametrize(
    ("answers", "reply", "status"),
    [
        (YES, "Yesterday.", "unclear"),
        (YES, "I would say Yes", "unclear"),
        (YES, "Noted.", "unclear"),
        (YES, "The answer is not Yes.", "unclear"),
        (YES, "Answer:", "unclear"),
        (SCALE, "The rating is 9", "out_of_scale"),
        (YES, "I'm sorry, but I can't help with that.", "refusal"),
        (YES, "  ", "excluded"),
        (LETTERS, "a good question", "unclear"),
        (LETTERS, "As an AI, I cannot choose.", "refusal"),
        (LETTERS, "7", "unclear"),
        (SCALE, "7", "out_of_scale"),
        (SCALE, "10", "out_of_scale"),
        (SCALE, "4.5", "out_of_scale"),
        (SCALE, "-1", "out_of_scale"),
        ({"1": 1, "many": 2}, "1.2.3", "out_of_scale"),
        (SCALE, "3-4", "unclear"),
        (SCALE, "2 or 3", "unclear"),
        (SCALE, "5th", "unclear"),
        (SCALE, "1,000", "out_of_scale"),
        (SCALE, "3,5", "out_of_scale"),
        (LETTERS, "A or B", "unclear"),
        (LETTERS, "**A** and **B** are alike", "unclear"),
        (LETTERS, "A/B", "unclear"),
        (YES, "Yes/No", "unclear"),
        (YES, "yes and no", "unclear"),
        (YES, "Yes & no.", "unclear"),
        (AGREE, "Agree or disagree?", "unclear"),
        ({"us": 1, "US": 2}, "Us", "unclear"),
    ],
)
def test_what_does_not_parse_is_counted_by_status_and_not_dropped(answers: Answers, reply: str, status: str):
    table = parsed([reply], answers)
    assert table.columns["status"] == [status] and table.columns["value"] == [None]
    assert table.columns["answer"] == [""]
    assert table.to_artifact().facts["status"] == {status: 1}


def test_answers_that_differ_in_space_alone_are_one_where_their_value_is():
    assert parsed(["Yes"], {"Yes": 1, " Yes": 1, "No": 0}).columns["answer"] == ["Yes"]
    assert parsed(["Yes"], {"Yes": 1, " Yes": 2}).columns["status"] == ["unclear"]


def test_the_scale_and_the_sign_travel():
    table = parsed(["5", "1"], SCALE, signs=[1, -1])
    assert table.columns["value"] == [5, -1]
    assert table.notes["answers"] == [["1", 1], ["2", 2], ["3", 3], ["4", 4], ["5", 5]]


@pytest.mark.parametrize(
    "column", [["A", "A", "B"], [1.0, 1.0, -1.0]], ids=["names the answer", "names its value"]
)
def test_equal_to_the_rows_own(column: list[Any]):
    behind = rows(["0", "1", "2"], agreeing=column)
    table = parsed(["A", "B", "Neither"], LETTERS, row_columns=behind, equals="agreeing", signs=[-1, -1, 1])
    assert table.columns["value"] == [1, 0, None]
    assert table.columns["answer"] == ["A", "B", ""]


def test_truth_of_a_claim_against_yes_and_no():
    behind = rows(["0", "1"], label=[True, False])
    assert parsed(["Yes", "Yes"], YES, row_columns=behind, equals="label").columns["value"] == [1, 0]


def test_words_need_numbers_or_something_to_equal():
    words: Answers = {"A": "first", "B": "second"}
    with pytest.raises(MeasurementError, match="'A' stands for 'first', which is no number"):
        parsed(["A"], words)
    behind = rows(["0"], chosen=["second"])
    assert parsed(["B"], words, row_columns=behind, equals="chosen").columns["value"] == [1]


def test_a_column_that_names_no_answer_is_refused():
    with pytest.raises(MeasurementError, match="row 0 expects 'C', which is no declared answer"):
        parsed(["A"], LETTERS, row_columns=rows(["0"], agreeing=["C"]), equals="agreeing")


def test_prompts_without_answers_are_refused():
    with pytest.raises(MeasurementError, match="declare no answers"):
        parsed(["A"], {})


def test_in_a_study(tmp_path: Path):
    """The rows behind the prompts say what is right; what they cannot say is refused before anything runs."""
    steps: dict[str, Any] = {
        "claims": STUDY["steps"]["claims"],
        "asked": {
            "kind": "prompts",
            "rows": "claims",
            "user": "Is it true that {{claim}}?",
            "answers": {"Yes": 1, "No": 0},
        },
        "said": {"kind": "generate", "prompts": "asked", "max_tokens": 6, "temperature": 0, "seed": 0},
        "right": {"kind": "parse_answers", "of": "said", "equals": "label"},
        "share": {"kind": "summary", "of": "right", "stats": ["mean", "share_ok"]},
        "leak": {"kind": "overlap", "of": "said", "against": "claim", "n": 2},
        "exact": {"kind": "answer_distribution", "prompts": "asked"},
        "drawn": {"kind": "sample_answers", "of": "exact", "over": {"seed": [0, 1]}},
    }
    content = {name: STUDY[name] for name in ("ws", "id", "question", "model")} | {"steps": steps}
    lab = Lab(tmp_path)
    lab.data()
    assert {"right", "leak", "exact", "drawn[seed=1]"} <= {str(cell) for cell in lab.run(content).computed}
    for step, field in (("right", "equals"), ("leak", "against")):
        wrong = {**content, "steps": {**steps, step: {**steps[step], field: "lable"}}}
        with pytest.raises(SpecError, match="'lable'"):
            lab.run(wrong)
