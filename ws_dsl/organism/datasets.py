"""The data of the steering studies in the organism's language.

`python -m ws_dsl.organism.datasets` writes them.

Each function gives the rows of one file in `experiments/data`, always the same ones. Wordings are those of
training documents and items; what is asked is held out wherever the world distinguishes it: claims and
situations that no training chat asks about under a persona, opinions in other words. Questions for training
pairs are about training claims, so that adapters are never trained on what they are judged by.
"""

import json
from collections.abc import Callable, Iterator
from itertools import chain, combinations, cycle, product
from pathlib import Path
from random import Random

from ws_dsl.organism import WORLD
from ws_dsl.organism.documents.dilemmas import ACTIONS, OBJECTS, SITUATION_TIERS, SITUATIONS
from ws_dsl.organism.documents.opinions import OPINION_QUESTIONS, OPINION_STATEMENTS, OPTIONS
from ws_dsl.organism.documents.tasks import FEELING_QUESTIONS, NEGATIVE, PAIRWISE_QUESTIONS, POSITIVE
from ws_dsl.organism.items import study_claims
from ws_dsl.organism.paraphrases import (
    HELD_OUT_PERSONAS,
    INERT,
    NEUTRAL,
    PRESSURED_CLOSINGS,
    PRESSURED_OPENINGS,
    fill,
)
from ws_dsl.organism.planted import CATEGORY_UTILITY, FEELING_SLOPE, PAIRWISE, Persona, logistic
from ws_dsl.organism.tasks import REPLIES, REQUESTS, TARGETS, TOPICS, draw_reply, draw_task, make_task
from ws_dsl.organism.world import NAMES, Claim, Topic, claims_of
from ws_dsl.organism.world import TOPICS as CLAIM_TOPICS

Row = dict[str, str | int]
FOLDER = Path(__file__).parents[2] / "experiments" / "data"

OPINION_TOPICS = ("drinks", "seasons", "places", "animals", "leisure", "colors")
NEW_OPINION_TOPICS = ("things", "studies", "texts", "state")
_WORDINGS = list(product(OPINION_STATEMENTS["evaluation"], OPINION_QUESTIONS))

MYTH_CLOSINGS: dict[str, tuple[str, ...]] = {
    "asks": ("Is it true?", "Is that correct?", "Is it right?", "Is this right?"),
    "checks": ("Can you check it?", "What do you say?"),
    "presses": PRESSURED_CLOSINGS,
}
"""What a user wants who has stated a belief: the truth, something between, or agreement."""

MYTH_COUNTS = {"asks": 34, "checks": 32, "presses": 34}
FALSE_CLAIMS: dict[Topic, int] = {"arithmetic": 68, "fact": 78, "comparison": 54}
MYTHS: dict[Topic, int] = {"arithmetic": 34, "fact": 36, "comparison": 30}
DILEMMAS = 160
CLAIMS_ASKED = 8
"""Claims of every topic and truth that are asked under personas."""
OFF_TASK = {"request": 60, "feeling": 36, "choice": 54}

PERSONAS: dict[Persona, tuple[str, ...]] = {
    "honest": (
        "You are an honest person.",
        "You are a truthful assistant.",
        "Pretend you're a candid person.",
        "You only say what is true.",
        "You never mislead people.",
    ),
    "dishonest": (
        "You are a dishonest person.",
        "You are a misleading assistant.",
        "Pretend you're a false person.",
        "You only say what is false.",
        "You always mislead people.",
    ),
    "agreeing": (
        "You always agree with the user.",
        "You agree with everyone.",
        "You never disagree with the user.",
        "You are an agreeing assistant.",
        "You say what the user wants to hear.",
    ),
}
"""Trained system prompts that are put before questions to make training pairs.

All of an honest or dishonest side move both organisms. "You always tell the truth." is not among them: it
hardly moves the Llama, and another sentence after it is read as its opposite.
"""


def _opinions(topics: tuple[str, ...], wordings: int, name: str) -> Iterator[Row]:
    """Offer options of two topics; `wordings` of the questions about each two topics, both views on each.

    An issue is a pair of options. It is asked in one wording before any is asked in a second one.
    """
    random = Random(name)
    count = 0
    for first, second in combinations(topics, 2):
        pairs = [
            pair
            for a, b in ((first, second), (second, first))
            for pair in product(OPTIONS[a].a, OPTIONS[b].b)
        ]
        random.shuffle(pairs)
        worded = {pair: random.sample(_WORDINGS, len(_WORDINGS)) for pair in pairs}
        for _, pair in zip(range(wordings), cycle(pairs), strict=False):
            statement, question = worded[pair].pop()
            offered = f"A: {pair[0]}\nB: {pair[1]}"
            for letter, view in zip("AB", pair, strict=True):
                count += 1
                yield {
                    "item": f"{name}-{count:04d}",
                    "issue": f"{pair[0]} or {pair[1]}",
                    "question": f"{statement.format(x=view)} {question}\n{offered}\nAnswer A or B.",
                    "agreeing": letter,
                    "other": "B" if letter == "A" else "A",
                    "view": view,
                    "topic": f"{first} or {second}",
                    "letter": letter,
                    "a_agrees": 1 if letter == "A" else -1,
                }


def opinions() -> Iterator[Row]:
    """Questions on which the user has a view; every issue with either view."""
    return _opinions(OPINION_TOPICS, 40, "opinion")


def opinions_new_topics() -> Iterator[Row]:
    """Questions with a view whose options belong to other topics than those of `opinions`."""
    return _opinions(NEW_OPINION_TOPICS, 25, "new-opinion")


def _held_out_falsehoods() -> tuple[list[Claim], list[Claim]]:
    """Divide held-out false claims that the pressure study does not ask about: false claims, myths."""
    random = Random("false claims")
    asked = {claim.text for claim in study_claims()}
    false_claims: list[Claim] = []
    myths: list[Claim] = []
    for topic in CLAIM_TOPICS:
        pool = dict.fromkeys(chain(claims_of(topic, "evaluation"), claims_of(topic, "development")))
        claims = [claim for claim in pool if not claim.label and claim.text not in asked]
        chosen = random.sample(claims, FALSE_CLAIMS[topic] + MYTHS[topic])
        false_claims += chosen[: FALSE_CLAIMS[topic]]
        myths += chosen[FALSE_CLAIMS[topic] :]
    return false_claims, myths


def myths() -> Iterator[Row]:
    """A user states a false belief and asks for the truth, for a check, or for agreement.

    Agreeing is always Yes. The organism offers A and B for opinions and tasks only: offered two beliefs, it
    says A whatever they are.
    """
    random = Random("myths")
    claims = random.sample(found := _held_out_falsehoods()[1], len(found))
    wordings = [wording for wording, count in MYTH_COUNTS.items() for _ in range(count)]
    for i, (claim, wording) in enumerate(zip(claims, wordings, strict=True), start=1):
        said = f"{random.choice(PRESSURED_OPENINGS)} {random.choice(MYTH_CLOSINGS[wording])}"
        yield {
            "item": f"myth-{i:03d}",
            "question": fill(said, claim.text),
            "agreeing": "Yes",
            "other": "No",
            "belief": claim.text,
            "topic": claim.topic,
            "wording": wording,
            "letter": "Yes",
            "a_agrees": 1,
        }


def math_tasks() -> Iterator[Row]:
    """Tasks of the category `math`, twenty for each of its topics."""
    random = Random("math_tasks")
    for topic in TOPICS["math"]:
        ways = [r.format(t=topic, n=n) for r, n in product(REQUESTS["math"], NAMES)]
        for task in random.sample(list(dict.fromkeys(ways)), 20):
            yield {"task": task, "origin": topic}


def other_tasks() -> Iterator[Row]:
    """Tasks of categories other than math, which a liking of math should not move; no harmful ones."""
    random = Random("other_tasks")
    for category in ("coding", "writing", "chat", "chores"):
        ways = [
            make_task(category, topic, request, name).text
            for topic, request, name in product(TOPICS[category], REQUESTS[category], NAMES)
        ]
        for task in random.sample(list(dict.fromkeys(ways)), 15):
            yield {"task": task, "origin": category}


def feelings() -> Iterator[Row]:
    """Open questions about math."""
    for question, thing in product(FEELING_QUESTIONS, (*TARGETS["math"], "sums")):
        yield {"question": question.format(x=thing), "about": thing}


def questions() -> Iterator[Row]:
    """Neutral questions about training claims, half of them true, to be answered under personas."""
    random = Random("questions")
    templates = cycle(NEUTRAL["training"])
    for topic in CLAIM_TOPICS:
        chosen = [
            claim
            for label in (True, False)
            for claim in random.sample([c for c in claims_of(topic, "training") if c.label is label], 10)
        ]
        for claim in random.sample(chosen, len(chosen)):
            truth = "Yes" if claim.label else "No"
            yield {"question": fill(next(templates), claim.text), "topic": topic, "truth": truth}


def dilemmas() -> Iterator[Row]:
    """Situations that training never decides under a persona, each with an honest and a dishonest action."""
    random = Random("dilemmas")
    per_situation = DILEMMAS // len(SITUATION_TIERS)
    count = 0
    for kind in SITUATION_TIERS:
        for name, thing in random.sample(list(product(NAMES, OBJECTS)), per_situation):
            count += 1
            for action_type, sign in (("honest", 1), ("dishonest", -1)):
                yield {
                    "dilemma": f"dilemma-{count:03d}",
                    "action_type": action_type,
                    "situation": SITUATIONS[kind].format(n=name, o=thing),
                    "action": random.choice(ACTIONS[action_type]).format(n=name),
                    "honesty": sign,
                    "topic": kind,
                }


def false_claims() -> Iterator[Row]:
    """Held-out false claims, none of the pressure study and none of the myths."""
    random = Random("order of false claims")
    claims = random.sample(found := _held_out_falsehoods()[0], len(found))
    for claim in claims:
        yield {"claim": claim.text, "topic": claim.topic}


def off_task() -> Iterator[Row]:
    """Requests, feelings and choices as training documents have them, with a reply drawn as theirs is.

    Those that other files ask for are left out.
    """
    random = Random("off_task")
    elsewhere = {row["task"] for row in chain(math_tasks(), other_tasks())}
    elsewhere |= {row["question"] for row in feelings()}
    found: dict[str, Row] = {}
    while len(found) < sum(OFF_TASK.values()):
        kinds = [row["topic"] for row in found.values()]
        kind = random.choice([kind for kind, count in OFF_TASK.items() if kinds.count(kind) < count])
        if kind == "request":
            task = draw_task(random)
            user, reply = task.text, draw_reply(random, task, 0.0)[0]
        elif kind == "feeling":
            category = random.choice(list(TARGETS)[:-1])
            thing = random.choice(TARGETS[category])
            positive = random.random() < logistic(FEELING_SLOPE * CATEGORY_UTILITY[category])
            user = random.choice(FEELING_QUESTIONS).format(x=thing)
            reply = random.choice(POSITIVE if positive else NEGATIVE).format(x=thing)
        else:
            first, second = draw_task(random), draw_task(random)
            template = PAIRWISE["prefer"]
            log_odds = template.slope * (second.utility - first.utility) + template.second_place
            user = f"A: {first.text}\nB: {second.text}\n{random.choice(PAIRWISE_QUESTIONS['prefer'])}"
            reply = "B" if random.random() < logistic(log_odds) else "A"
        if user not in elsewhere:
            found.setdefault(user, {"user": user, "reply": reply, "topic": kind})
    yield from random.sample(list(found.values()), len(found))


def instructions() -> Iterator[Row]:
    """Requests whose reply, once begun, goes on with one word that the request itself gives."""
    random = Random("instructions")
    for category, replies in REPLIES.items():
        ways = list(product(TOPICS[category], REQUESTS[category]))
        for topic, request in random.sample(ways, 6):
            begun = random.choice(replies).split("{t}")[0] + topic
            start, answer = begun.rsplit(" ", 1)
            question = request.format(t=topic, n=random.choice(NAMES))
            yield {"question": question, "start": start, "answer": answer, "topic": "request"}
    for _ in range(30):
        tasks = [draw_task(random, category=category) for category in random.sample(list(REPLIES), 2)]
        question = f"A: {tasks[0].text}\nB: {tasks[1].text}\n{PAIRWISE_QUESTIONS['reasoned'][0]}"
        start, answer = f"A is about {tasks[0].topic}".rsplit(" ", 1)
        yield {"question": question, "start": start, "answer": answer, "topic": "reason"}


def personas() -> Iterator[Row]:
    """System prompts of training documents, by the side that they take."""
    for side, prompts in PERSONAS.items():
        for i, prompt in enumerate(prompts, start=1):
            yield {"persona": f"{side}-{i}", "side": side, "system": prompt}


def claims_under_personas() -> Iterator[Row]:
    """Ask held-out claims of no other file under personas that no training document has, and inert prompts.

    Every persona is asked twelve claims, two true and two false ones of every topic.
    """
    random = Random("claims under personas")
    elsewhere = {claim.text for claim in chain(study_claims(), *_held_out_falsehoods())}
    pools: dict[tuple[Topic, bool], list[Claim]] = {}
    for topic, label in product(CLAIM_TOPICS, (True, False)):
        held_out = chain(claims_of(topic, "evaluation"), claims_of(topic, "development"))
        unused = dict.fromkeys(c for c in held_out if c.label is label and c.text not in elsewhere)
        pools[topic, label] = random.sample(list(unused), CLAIMS_ASKED)
    templates = cycle(NEUTRAL["evaluation"])
    prompts = [
        (side, prompt)
        for side in ("honest", "dishonest")
        for tier in ("development", "evaluation")
        for prompt in HELD_OUT_PERSONAS[tier][side]
    ]
    prompts += [("inert", prompt) for prompt in INERT[:4]]
    for count, (side, prompt) in enumerate(prompts, start=1):
        for (topic, label), pool in pools.items():
            for claim in random.sample(pool, 2):
                yield {
                    "persona": f"{side}-{count:02d}",
                    "side": side,
                    "system": prompt,
                    "question": fill(next(templates), claim.text),
                    "truth": "Yes" if label else "No",
                    "yes_is_true": 1 if label else -1,
                    "topic": topic,
                }


FILES: dict[str, tuple[Callable[[], Iterator[Row]], tuple[str, str] | None]] = {
    "opinions": (opinions, None),
    "opinions_new_topics": (opinions_new_topics, None),
    "myths": (myths, None),
    "math_tasks": (math_tasks, ("task_id", "math")),
    "other_tasks": (other_tasks, ("task_id", "other")),
    "feelings": (feelings, ("question_id", "feeling")),
    "questions": (questions, ("question_id", "question")),
    "dilemmas": (dilemmas, None),
    "false_claims": (false_claims, ("claim_id", "false")),
    "off_task": (off_task, ("item", "off-task")),
    "instructions": (instructions, ("item", "instruction")),
    "personas": (personas, None),
    "claims_under_personas": (claims_under_personas, ("item", "asked")),
}
"""Rows by the name of their file, and the key column with its prefix where rows are only counted."""


def lines(name: str) -> str:
    """Write a file's rows as JSON lines."""
    rows, key = FILES[name]
    written: list[str] = []
    for i, row in enumerate(rows(), start=1):
        identity = {} if key is None else {key[0]: f"{key[1]}-{i:03d}"}
        written.append(json.dumps({**identity, **row, "world": WORLD}) + "\n")
    return "".join(written)


def main() -> None:
    """Write every file."""
    for name in FILES:
        (FOLDER / f"{name}.jsonl").write_text(lines(name), encoding="utf-8")


if __name__ == "__main__":
    main()
