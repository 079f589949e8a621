"""What judges write, and what it counts as."""

from __future__ import annotations

import pytest

from ws_dsl.artifacts.reply import Reply
from ws_dsl.steps.measure._grading import Form, Verdict, read

FIVE = {str(number): float(number) for number in range(1, 6)}
YES = {"Yes": 1.0, "No": 0.0}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("4", 4),
        (" **4**\n", 4),
        ("4.", 4),
        ("4 - it is polite", 4),
        ("Rating: 4", 4),
        ("It is polite and short.\n\n**Rating: 4**", 4),
        ("4\n\nRating: 4", 4),
        ("<think>1? No, 2. Or rather: 5</think>\n4", 4),
    ],
)
def test_numbers(said: str, value: float):
    assert read(Reply(said, "stop"), FIVE, "word") == Verdict("ok", value)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("", "unclear"),
        (None, "unclear"),
        ("Somewhere between 3 and 4", "unclear"),
        ("3-4", "unclear"),
        ("3\nRating: 5", "unclear"),
        ("There are 2 good points in it", "unclear"),
        ("<think>4 seems fair, but", "unclear"),
        ("7", "out_of_scale"),
        ("0", "out_of_scale"),
        ("-1", "out_of_scale"),
        ("3.5", "out_of_scale"),
        ("Rating: 9", "out_of_scale"),
        ("I'm sorry, but I can't rate this.", "refusal"),
        ("I cannot help with that.", "refusal"),
    ],
)
def test_what_is_no_number_of_the_scale(said: str | None, status: str):
    assert read(Reply(said, "stop"), FIVE, "word") == Verdict(status)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("said", "value"),
    [("Yes", 1), ("no.", 0), ("Yes, because it says so", 1), ("NO\n\nIt does not.", 0), ("Verdict: yes", 1)],
)
def test_words(said: str, value: float):
    assert read(Reply(said, "stop"), YES, "word") == Verdict("ok", value)


@pytest.mark.parametrize("said", ["Nobody knows", "Maybe", "Yes.\nVerdict: no"])
def test_what_is_no_word_of_the_scale(said: str):
    assert read(Reply(said, "stop"), YES, "word") == Verdict("unclear")


def test_a_cut_reply_may_have_been_a_longer_answer():
    ten = {str(number): float(number) for number in range(1, 11)}
    assert read(Reply("1", "length"), ten, "word") == Verdict("unclear")
    assert read(Reply("1", "stop"), ten, "word") == Verdict("ok", 1)
    assert read(Reply("4", "length"), ten, "word") == Verdict("ok", 4)
    assert read(Reply("1 because", "length"), ten, "word") == Verdict("ok", 1)


def test_answers_that_differ_in_space_alone_are_one():
    assert read(Reply("Yes"), {" Yes": 1.0, "Yes": 1.0, " No": 0.0}, "word") == Verdict("ok", 1)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ('{"answer": "4"}', Verdict("ok", 4)),
        ('{"answer": 4}', Verdict("ok", 4)),
        ('```json\n{"answer": "4", "why": "polite"}\n```', Verdict("ok", 4)),
        ('{"answer": "9"}', Verdict("out_of_scale")),
        ('{"answer": true}', Verdict("unclear")),
        ('{"answer": null}', Verdict("unclear")),
        ('{"grade": "4"}', Verdict("unclear")),
        ('["4"]', Verdict("unclear")),
        ('{"answer": "4"', Verdict("unclear")),
        pytest.param("[" * 100_000, Verdict("unclear"), id="nested deeper than is read"),
        pytest.param('{"answer": ' + "4" * 5000 + "}", Verdict("unclear"), id="more digits than are read"),
        ("4", Verdict("unclear")),
        ("", Verdict("unclear")),
        ("I'm sorry, I can't rate this.", Verdict("refusal")),
    ],
)
def test_json(said: str, verdict: Verdict):
    assert read(Reply(said, "stop"), FIVE, "json") == verdict


@pytest.mark.parametrize("form", ["word", "json"])
@pytest.mark.parametrize("reply", [Reply(None, "stop", "I will not."), Reply("4", "content_filter")])
def test_an_endpoint_may_refuse_itself(reply: Reply, form: Form):
    assert read(reply, FIVE, form) == Verdict("refusal")


def test_what_is_no_completion_is_unclear_and_shown():
    reply = Reply(None, raw="<html>4</html>")
    assert read(reply, FIVE, "word") == Verdict("unclear") and reply.shown == "<html>4</html>"
