"""Declared answers in what a model says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from ws_dsl.errors import MeasurementError
from ws_dsl.steps.measure._refusals import rule
from ws_dsl.steps.measure._words import plain

Status: TypeAlias = Literal["ok", "refusal", "unclear", "out_of_scale", "excluded"]

# A sign belongs to a number unless a space stands between: `- 3` is an item of a list.
_NUMBER = re.compile(r"[+\-\u2212]?\d+(?:[.,]\d+)*")
# A number that goes on as a range names two.
_RANGE = re.compile(r"\s*(?:-|\u2013|to|or|and)\s*\d")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_BEFORE = re.compile(r"[\W_]*")
# What puts another answer beside the first, as in `Yes/No` and `**A** or **B**`.
_BESIDE = re.compile(r"[\s*_\"'`)\]]*(?:[/|&]|\b(?:or|and)\b)[\W_]*", re.I)
# Such as `Answer:`, `**My rating is:**` and `The answer is`.
_LEAD = re.compile(
    r"[\W_]*(?:(?:the|my) )?(?:final )?(?:answer|choice|rating|response)(?:\W{0,3}:| (?:is|would be)\b:?)",
    re.I,
)


class _Found(NamedTuple):
    """A declared answer at the beginning of a reply.

    Attributes:
        name: The answer, without the space around it.
        rest: What comes after it.
    """

    name: str
    rest: str


class Parsed(NamedTuple):
    """What a reply answers.

    Attributes:
        answer: A declared answer, as declared; None where the status is not `ok`.
        status: `ok`, `refusal`, `unclear`, `out_of_scale`, or `excluded` for an empty reply.
    """

    answer: str | None
    status: Status


def column(answer: str, answers: Iterable[str]) -> str:
    """Column of an answer's probability: named without the space around it, where it then still differs."""
    bare = [one.strip() for one in answers]
    name = answer.strip()
    return f"p_{name if bare.count(name) == 1 else answer}"


def levels(answers: Mapping[str, float | str]) -> dict[str, float]:
    """Declared answers with their numbers.

    Raises:
        MeasurementError: none is declared, or one stands for no number.
    """
    if not answers:
        raise MeasurementError("the prompts declare no answers; write `answers` where they are made")
    words = [answer for answer, value in answers.items() if isinstance(value, str)]
    if words:
        raise MeasurementError(
            f"the answer {words[0]!r} stands for {answers[words[0]]!r}, which is no number: declare numbers, "
            f"such as answers: {{{words[0].strip()}: 1, ...}}, or name in `equals` the answer of each row"
        )
    return {answer: float(value) for answer, value in answers.items()}


def parse(text: str, answers: Mapping[str, float | str]) -> Parsed:
    """The declared answer at the beginning of a reply.

    White space and punctuation before it are left out, and so is a lead such as `The answer is`. The longest
    answer that ends where a word ends wins, written as declared or else in whatever case where that is
    unambiguous. One letter in another case must stand alone. An answer with another one beside it (`A or B`)
    is none. Among answers that are numbers any other number is out of scale.
    """
    said = plain(text).strip()
    if not said:
        return Parsed(None, "excluded")
    whole, lead = said, _LEAD.match(said)
    said = said[lead.end() :].strip() if lead else said
    by_name: dict[str, list[str]] = {}
    for answer in answers:
        by_name.setdefault(answer.strip(), []).append(answer)
    if any(_NUMBER.fullmatch(name) for name in by_name) and (number := _number(said)) is not None:
        if _RANGE.match(said, number.end()):
            return Parsed(None, "unclear")
        value = _value(number[0])
        own = next((name for name in by_name if value is not None and _value(name) == value), None)
        return _one(own, by_name, answers) if own is not None else Parsed(None, "out_of_scale")
    # An answer may itself begin as a lead does.
    found = _exact(whole, by_name) or _exact(said, by_name)
    found = found or _in_any_case(whole, by_name) or _in_any_case(said, by_name)
    if found and not _another(found, by_name):
        return _one(found.name, by_name, answers)
    return Parsed(None, "refusal" if rule(text) else "unclear")


def _one(name: str, by_name: Mapping[str, list[str]], answers: Mapping[str, float | str]) -> Parsed:
    """The answer of a name, unless answers that differ in space alone stand for different values."""
    own = by_name[name]
    return Parsed(own[0], "ok") if len({answers[answer] for answer in own}) == 1 else Parsed(None, "unclear")


def _number(said: str) -> re.Match[str] | None:
    """The number at the beginning, where it is no part of a word."""
    before = re.match(r"[^\w+\-\u2212]*", said)
    assert before is not None
    number = _NUMBER.match(said, before.end()) or _NUMBER.match(said, _start(said))
    return None if number is None or said[number.end() : number.end() + 1].isalpha() else number


def _value(written: str) -> float | None:
    """What a number is, None of text that is none."""
    if _THOUSANDS.fullmatch(written.lstrip("+-\u2212")):
        written = written.replace(",", "")
    try:
        return float(written.replace("\u2212", "-").replace(",", "."))
    except ValueError:
        return None


def _start(said: str) -> int:
    found = _BEFORE.match(said)
    assert found is not None
    return found.end()


def _exact(said: str, by_name: Iterable[str]) -> _Found | None:
    """The longest answer that is there as it is declared."""
    # An answer may itself begin with punctuation, which is then not left out.
    for start in (0, _start(said)):
        found = [name for name in by_name if name and _ends(said, start, plain(name))]
        if found:
            name = max(found, key=len)
            return _Found(name, said[start + len(plain(name)) :])
    return None


def _in_any_case(said: str, by_name: Iterable[str]) -> _Found | None:
    """The longest answer that is there in another case, unless two differ in case alone."""
    folded, start = said.casefold(), _start(said.casefold())
    found = [name for name in by_name if name and _ends(folded, start, plain(name).casefold())]
    longest = [name for name in found if len(name) == max(map(len, found))]
    if len(longest) != 1:
        return None
    (name,) = longest
    rest = folded[start + len(name) :]
    # `a` is an article more often than an answer.
    alone = not re.search(r"\w", rest)
    return _Found(name, rest) if len(name) > 1 or alone else None


def _another(found: _Found, by_name: Iterable[str]) -> bool:
    """Whether another answer stands beside the one that was found."""
    beside = _BESIDE.match(found.rest)
    others = [name for name in by_name if name.casefold() != found.name.casefold()]
    if beside is None:
        return False
    rest = found.rest[beside.end() :]
    words = [name for name in others if len(name) > 1]
    return _exact(rest, others) is not None or _in_any_case(rest, words) is not None


def _ends(said: str, start: int, name: str) -> bool:
    """Whether a name is there and a word ends with it."""
    stop = start + len(name)
    return said.startswith(name, start) and not (name[-1].isalnum() and said[stop : stop + 1].isalnum())
