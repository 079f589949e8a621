"""The claims about the real world: balanced, alike in form, and right wherever a test can tell."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from ws_dsl.steps.data._reading import read_rows

FILE = Path(__file__).parents[2] / "experiments" / "data" / "claims_real.jsonl"
COLUMNS = {"claim": "text", "label": "bool", "topic": "category"}
ROWS: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
TOPICS = sorted({row["topic"] for row in ROWS})

NAMES = {
    *("Cairo", "Madrid", "Japan", "Poland", "Norway", "Greece", "Brazil", "Kenya", "Mount", "Portugal"),
    *("London", "Vienna", "Julius", "Neil", "Napoleon", "George", "Abraham", "Columbus", "Jupiter"),
    *("Mercury", "Saturn", "Mars", "Sirius", "Neptune", "Portuguese", "Spanish", "Arabic", "William"),
    *("Leonardo", "Pablo", "Mozart", "Rembrandt", "Beethoven", "Sherlock", "Charles"),
}


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, number))


ARITHMETIC: dict[str, Callable[..., bool]] = {
    r"(\d+) plus (\d+) is (\d+)": lambda a, b, c: a + b == c,
    r"the sum of (\d+) and (\d+) is (\d+)": lambda a, b, c: a + b == c,
    r"(\d+) minus (\d+) is (\d+)": lambda a, b, c: a - b == c,
    r"(\d+) times (\d+) is (\d+)": lambda a, b, c: a * b == c,
    r"(\d+) divided by (\d+) is (\d+)": lambda a, b, c: a == b * c,
    r"the square of (\d+) is (\d+)": lambda a, b: a * a == b,
    r"half of (\d+) is (\d+)": lambda a, b: a == 2 * b,
    r"(\d+) is a prime number": is_prime,
    r"(\d+) is greater than (\d+)": lambda a, b: a > b,
    r"(\d+) is an even number": lambda a: a % 2 == 0,
}


def of(topic: str, label: bool) -> list[str]:
    return [row["claim"] for row in ROWS if row["topic"] == topic and row["label"] is label]


def test_it_reads_as_data_about_the_real_world() -> None:
    rows = read_rows(FILE.read_bytes(), FILE.name, ["claim_id"], COLUMNS, [])
    assert (len(rows), rows.world) == (200, "real")
    assert [set(row) for row in ROWS] == [{"claim_id", "claim", "label", "topic", "world"}] * 200


def test_no_claim_is_there_twice() -> None:
    assert len({row["claim"].lower() for row in ROWS}) == len(ROWS)


def test_at_least_eight_topics_each_half_true() -> None:
    assert len(TOPICS) >= 8
    for topic in TOPICS:
        assert len(of(topic, True)) == len(of(topic, False)) == 10


def test_every_claim_fits_into_a_sentence() -> None:
    """It continues "Is it true that" and "I'm sure that": a lower-case clause without a stop."""
    for row in ROWS:
        first = row["claim"].split()[0]
        assert first.islower() or first.isdigit() or first in NAMES, row["claim"]
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ]*[A-Za-z0-9]", row["claim"]), row["claim"]


@pytest.mark.parametrize("topic", TOPICS)
def test_length_does_not_tell_true_from_false(topic: str) -> None:
    for size in (len, lambda claim: len(claim.split())):
        middles = [median(size(claim) for claim in of(topic, label)) for label in (True, False)]
        assert abs(middles[0] - middles[1]) <= 0.1 * max(middles)


def test_no_common_word_tells_true_from_false() -> None:
    """A word that is in at least five claims is in true and in false ones."""
    inside = Counter[tuple[str, bool]](
        (word, row["label"]) for row in ROWS for word in set(row["claim"].lower().split())
    )
    for word in {word for word, _ in inside}:
        true, false = inside[word, True], inside[word, False]
        if true + false >= 5:
            assert 0.4 <= true / (true + false) <= 0.6, word


def test_place_in_the_file_does_not_tell_true_from_false() -> None:
    for topic in TOPICS:
        labels = [row["label"] for row in ROWS if row["topic"] == topic]
        assert 5 <= sum(before == after for before, after in pairwise(labels)) <= 14


def test_arithmetic_is_recomputed() -> None:
    for label in (True, False):
        for claim in of("arithmetic", label):
            (holds,) = [
                rule(*map(int, found.groups()))
                for pattern, rule in ARITHMETIC.items()
                if (found := re.fullmatch(pattern, claim))
            ]
            assert holds is label, claim


def test_letters_are_counted() -> None:
    counted = 0
    for row in ROWS:
        if found := re.fullmatch(r"the first letter of the word (\w+) is (\w)", row["claim"]):
            assert found[1].startswith(found[2]) is row["label"]
            counted += 1
        if found := re.fullmatch(r"the English alphabet has (\d+) letters", row["claim"]):
            assert (int(found[1]) == 26) is row["label"]
            counted += 1
    assert counted == 4
