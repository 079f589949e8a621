"""What a judge's reply means: one of the declared answers, or why it is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from ws_dsl.artifacts.reply import Reply
from ws_dsl.steps.measure._answers import Parsed, parse

Form: TypeAlias = Literal["word", "json"]

_THINK, _THOUGHT = "<think>", "</think>"
_FENCE = re.compile(r"^```(?:json)?\s*|\s*```$")


class Verdict(NamedTuple):
    """What a reply counts as.

    Attributes:
        status: `ok`, `refusal`, `unclear` or `out_of_scale`.
        value: Value of the answer; None where the status is not `ok`.
    """

    status: Literal["ok", "refusal", "unclear", "out_of_scale"]
    value: float | None = None


_UNCLEAR = Verdict("unclear")
_GIVEN = ("ok", "out_of_scale")


def read(reply: Reply, answers: Mapping[str, float], form: Form) -> Verdict:
    """The verdict of a reply.

    Thoughts before `</think>` are left out. In the form `word` an answer counts at the beginning of what is
    left, or after the last colon of its last line, as in `Rating: 4`; where they differ, none does. In the
    form `json` it is the field `answer`.
    """
    if reply.refusal is not None or reply.finish == "content_filter":
        return Verdict("refusal")
    said = (reply.text or "").rpartition(_THOUGHT)[2].strip()
    if _THINK in said:
        return _UNCLEAR
    if form == "json":
        return _counted(_field(said, answers), answers)
    found, last = (parse(part, answers) for part in (said, _last(said)))
    if last.status in _GIVEN and last != found:
        found = Parsed(None, "unclear") if found.status in _GIVEN else last
    cut = reply.finish == "length" and found.answer is not None and _goes_on(said, found.answer, answers)
    return _UNCLEAR if cut else _counted(found, answers)


def _last(said: str) -> str:
    """What stands after the last colon of the last line."""
    return said.rpartition("\n")[2].rpartition(":")[2]


def _field(said: str, answers: Mapping[str, float]) -> Parsed:
    try:
        written: Any = json.loads(_FENCE.sub("", said))
    except (ValueError, RecursionError):
        return parse(said, {}) if said else Parsed(None, "unclear")
    answer = written.get("answer") if isinstance(written, dict) else None
    if isinstance(answer, bool) or not isinstance(answer, (str, int, float)):
        return Parsed(None, "unclear")
    return parse(str(answer), answers)


def _goes_on(said: str, answer: str, answers: Mapping[str, float]) -> bool:
    """Whether a reply that was cut ends in what another answer begins with."""
    name = answer.strip().casefold()
    others = (other.strip().casefold() for other in answers)
    return said.casefold().endswith(name) and any(
        one.startswith(name) and len(one) > len(name) for one in others
    )


def _counted(found: Parsed, answers: Mapping[str, float]) -> Verdict:
    if found.answer is not None:
        return Verdict("ok", answers[found.answer])
    # A judge that says nothing has not been left out.
    return Verdict("unclear" if found.status in ("ok", "excluded") else found.status)
