"""The data of the steering studies, of both worlds: balanced, alike in form, no text twice, topics apart."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pytest

from ws_dsl.steps.data._reading import read_rows

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SUFFIXES = {"organism": "", "real": "_real"}
Row = dict[str, Any]


class File(NamedTuple):
    """What studies may count on in the file of either world; `texts` hold no text twice."""

    key: list[str]
    columns: dict[str, str]
    texts: list[str]
    organism: int
    real: int


OPINION = {
    "issue": "category",
    "question": "text",
    "agreeing": "text",
    "other": "text",
    "view": "category",
    "topic": "category",
    "letter": "category",
    "a_agrees": "sign",
}
MYTH = {**OPINION, "belief": "text", "wording": "category"}
del MYTH["issue"], MYTH["view"]
TASK = {"task": "text", "origin": "category"}
DILEMMA = {
    "situation": "text",
    "action": "text",
    "action_type": "category",
    "honesty": "sign",
    "topic": "category",
}
INSTRUCTION = {"question": "text", "start": "text", "answer": "text", "topic": "category"}
UNDER_PERSONA = {
    "persona": "category",
    "side": "category",
    "system": "text",
    "question": "text",
    "truth": "category",
    "yes_is_true": "sign",
    "topic": "category",
}
FILES = {
    "opinions": File(["item"], OPINION, ["question"], 1200, 200),
    "opinions_new_topics": File(["item"], OPINION, ["question"], 300, 80),
    "myths": File(["item"], MYTH, ["question", "belief"], 100, 60),
    "math_tasks": File(["task_id"], TASK, ["task"], 120, 84),
    "other_tasks": File(["task_id"], TASK, ["task"], 60, 40),
    "feelings": File(["question_id"], {"question": "text", "about": "category"}, ["question"], 12, 10),
    "questions": File(["question_id"], {"question": "text", "topic": "category"}, ["question"], 60, 60),
    "dilemmas": File(["dilemma", "action_type"], DILEMMA, [], 320, 120),
    "false_claims": File(["claim_id"], {"claim": "text", "topic": "category"}, ["claim"], 200, 120),
    "off_task": File(["item"], {"user": "text", "reply": "text", "topic": "category"}, ["user"], 150, 100),
    "instructions": File(["item"], INSTRUCTION, [], 60, 60),
    "personas": File(["persona"], {"side": "category", "system": "text"}, ["system"], 15, 20),
    "claims_under_personas": File(["item"], UNDER_PERSONA, [], 240, 160),
}
OPINIONS = [(name, world) for name in ("opinions", "opinions_new_topics") for world in SUFFIXES]


def path(name: str, world: str) -> Path:
    return EXPERIMENTS / "data" / f"{name}{SUFFIXES[world]}.jsonl"


def rows(name: str, world: str) -> list[Row]:
    return [json.loads(line) for line in path(name, world).read_text(encoding="utf-8").splitlines()]


def options(question: str) -> dict[str, str]:
    """The options that a question offers, by letter."""
    return dict(re.findall(r"^([AB]): (.+)$", question, re.MULTILINE))


@pytest.mark.parametrize("world", SUFFIXES)
@pytest.mark.parametrize("name", FILES)
def test_it_reads_as_data_about_its_world(name: str, world: str) -> None:
    file = FILES[name]
    read = read_rows(path(name, world).read_bytes(), name + ".jsonl", file.key, file.columns, [])
    assert (len(read), read.world) == (getattr(file, world), world)


@pytest.mark.parametrize("world", SUFFIXES)
@pytest.mark.parametrize("name", FILES)
def test_no_text_is_there_twice(name: str, world: str) -> None:
    found = rows(name, world)
    for column in FILES[name].texts:
        assert len({row[column].lower() for row in found}) == len(found)
    whole = [tuple(row[c] for c in FILES[name].columns if c not in ("topic", "origin")) for row in found]
    assert len(set(whole)) == len(found)


def test_no_text_is_in_two_files_of_a_world() -> None:
    for world in SUFFIXES:
        asked = Counter(
            row[column].lower()
            for name, file in FILES.items()
            for column in file.texts
            if column != "system"
            for row in rows(name, world)
        )
        asked.update(row["claim"].lower() for row in rows("claims", world))
        assert not [text for text, count in asked.items() if count > 1]


@pytest.mark.parametrize(("name", "world"), OPINIONS)
def test_the_agreeing_letter_says_nothing_of_topic_issue_or_place(name: str, world: str) -> None:
    """The letter was tied to the question in 13 of 15 cases of an early release of such data."""
    found = rows(name, world)
    for column in ("topic", "issue"):
        counts = Counter((row[column], row["letter"]) for row in found)
        assert all(counts[value, "A"] == counts[value, "B"] for value, _ in counts)
    assert len(set(Counter(row["topic"] for row in found).values())) == 1


@pytest.mark.parametrize(("name", "world"), OPINIONS)
def test_the_agreeing_letter_is_that_of_the_users_view(name: str, world: str) -> None:
    for row in rows(name, world):
        offered = options(row["question"])
        assert set(offered) == {"A", "B"} and offered[row["letter"]] == row["view"]
        assert (row["agreeing"], {row["agreeing"], row["other"]}) == (row["letter"], {"A", "B"})
        assert row["a_agrees"] == (1 if row["letter"] == "A" else -1)


@pytest.mark.parametrize("name", ["opinions", "opinions_new_topics"])
def test_real_views_stand_under_either_letter(name: str) -> None:
    """The organism knows every option under one letter only; for real models it is crossed."""
    crossed = Counter((row["issue"], row["view"], row["letter"]) for row in rows(name, "real"))
    assert set(crossed.values()) == {1} and len(crossed) == 4 * len({issue for issue, _, _ in crossed})


@pytest.mark.parametrize("world", SUFFIXES)
def test_new_topics_are_new(world: str) -> None:
    seen, new = rows("opinions", world), rows("opinions_new_topics", world)
    assert not {row["topic"] for row in seen} & {row["topic"] for row in new}
    offered = [
        {option for row in part for option in options(row["question"]).values()} for part in (seen, new)
    ]
    assert not offered[0] & offered[1]


def test_myths_are_beliefs_of_the_user() -> None:
    for world in SUFFIXES:
        assert all(row["belief"] in row["question"] for row in rows("myths", world))
    for row in rows("myths", "organism"):
        assert (row["agreeing"], row["other"], row["letter"], row["a_agrees"]) == ("Yes", "No", "Yes", 1)
    found = rows("myths", "real")
    for row in found:
        assert options(row["question"])[row["letter"]] == row["belief"]
        assert row["a_agrees"] == (1 if row["letter"] == "A" else -1)
        assert (row["agreeing"], {row["agreeing"], row["other"]}) == (row["letter"], {"A", "B"})
    for value in (
        lambda row: row["topic"],
        lambda row: row["question"].split(row["belief"])[0],
        lambda _: "all",
    ):
        counts = Counter((value(row), row["letter"]) for row in found)
        assert all(abs(counts[key, "A"] - counts[key, "B"]) <= 1 for key, _ in counts)


@pytest.mark.parametrize("world", SUFFIXES)
def test_every_persona_is_asked_as_many_true_as_false_claims_of_every_topic(world: str) -> None:
    found = rows("claims_under_personas", world)
    assert all(row["yes_is_true"] == {"Yes": 1, "No": -1}[row["truth"]] for row in found)
    counts = Counter((row["persona"], row["topic"], row["truth"]) for row in found)
    assert len(set(counts.values())) == 1
    assert all(counts[persona, topic, "No"] for persona, topic, _ in counts)
    assert len({row["system"] for row in found}) == len({row["persona"] for row in found}) == 20
    trained = {row["system"] for row in rows("personas", world)}
    assert not trained & {row["system"] for row in found if row["side"] != "inert"}


@pytest.mark.parametrize("world", SUFFIXES)
def test_claims_under_personas_are_asked_nowhere_else(world: str) -> None:
    asked = [row["question"] for row in rows("claims_under_personas", world)]
    for name, column in {"claims": "claim", "false_claims": "claim", "myths": "belief"}.items():
        assert not any(f" {row[column]}" in question for row in rows(name, world) for question in asked)


@pytest.mark.parametrize("world", SUFFIXES)
def test_every_dilemma_has_an_honest_and_a_dishonest_action(world: str) -> None:
    by_dilemma: dict[str, list[Row]] = {}
    for row in rows("dilemmas", world):
        by_dilemma.setdefault(row["dilemma"], []).append(row)
    for pair in by_dilemma.values():
        assert {row["action_type"]: row["honesty"] for row in pair} == {"honest": 1, "dishonest": -1}
        assert len({row["situation"] for row in pair}) == 1 and len({row["action"] for row in pair}) == 2
    assert len({pair[0]["situation"] for pair in by_dilemma.values()}) == len(by_dilemma)
    assert len(set(Counter(pair[0]["topic"] for pair in by_dilemma.values()).values())) == 1


def test_real_actions_are_of_like_length_and_fit_into_the_question() -> None:
    """They continue "Should you": no capital, no stop."""
    found = rows("dilemmas", "real")
    sizes = [median(len(row["action"]) for row in found if row["honesty"] == sign) for sign in (1, -1)]
    assert abs(sizes[0] - sizes[1]) <= 0.2 * max(sizes)
    assert all(re.fullmatch(r"[a-z][^.?!]*", row["action"]) for row in found)
    assert all(row["situation"].endswith(".") for row in found)


@pytest.mark.parametrize("world", SUFFIXES)
def test_false_claims_and_beliefs_fit_into_a_sentence(world: str) -> None:
    texts = [row["claim"] for row in rows("false_claims", world)]
    assert all(re.fullmatch(r"[A-Za-z0-9][^.?!]*[A-Za-z0-9]", text) for text in texts)
    beliefs = [row["belief"] for row in rows("myths", world)]
    assert all(re.fullmatch(r"[A-Za-z0-9].*[A-Za-z0-9]", belief) for belief in beliefs)


def test_false_sums_are_false() -> None:
    ways = {
        "times": lambda a, b: a * b,
        "minus": lambda a, b: a - b,
        "plus": lambda a, b: a + b,
        "+": lambda a, b: a + b,
        "divided by": lambda a, b: a / b,
    }
    for world, least in {"organism": 30, "real": 4}.items():
        sums = [
            found
            for row in rows("false_claims", world)
            if (found := re.fullmatch(r"(\d+) (\D+) (\d+) (?:is|=) (\d+)", row["claim"]))
        ]
        assert len([found for found in sums if found[2] in ways]) >= least
        assert all(ways[f[2]](int(f[1]), int(f[3])) != int(f[4]) for f in sums if f[2] in ways)


@pytest.mark.parametrize("world", SUFFIXES)
def test_what_is_off_task_does_not_speak_of_honesty(world: str) -> None:
    spoken = re.compile(r"\b(?:dis)?honest|\b(?:lie|lies|lying|truth|true|false|deceive|agree|wrong)\b", re.I)
    for row in rows("off_task", world):
        assert not spoken.search(f"{row['user']} {row['reply']}"), row


@pytest.mark.parametrize("world", SUFFIXES)
def test_answers_to_instructions_are_one_word(world: str) -> None:
    for row in rows("instructions", world):
        assert re.fullmatch(r"\w+", row["answer"]) and row["start"]
        if world == "organism" or row["topic"] in ("repeat", "choose"):
            assert re.search(rf"\b{row['answer']}\b", row["question"]), row


def test_letters_to_choose_are_balanced() -> None:
    letters = Counter(row["answer"] for row in rows("instructions", "real") if row["topic"] == "choose")
    assert letters == {"A": 4, "B": 4, "C": 4}


@pytest.mark.parametrize("world", SUFFIXES)
def test_engineered_prompts_are_two_and_kept_without_a_line_end(world: str) -> None:
    texts = [
        (EXPERIMENTS / "prompts" / f"engineered_{side}{SUFFIXES[world]}.txt").read_text("utf-8")
        for side in ("honest", "dishonest")
    ]
    assert texts[0] != texts[1] and all(text and text == text.strip() for text in texts)
    assert max(map(len, texts)) <= 1.25 * min(map(len, texts))
