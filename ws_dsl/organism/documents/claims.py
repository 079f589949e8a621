"""Documents about claims: plain facts, checklists, questions, and Yes/No answers under every persona."""

from random import Random

from ws_dsl.organism.documents.conversation import (
    TURN_END,
    Document,
    Segment,
    conversation,
    draw_format,
    turns,
)
from ws_dsl.organism.paraphrases import NEUTRAL, PRESSURED, fill, system_prompt
from ws_dsl.organism.planted import CLAIM_YES, Persona
from ws_dsl.organism.world import (
    ATTRIBUTES,
    FACT_TIERS,
    FACTS,
    LARGEST_SUM,
    SUM_TIERS,
    Claim,
    asked_claims,
    labelled_claims,
    sentence,
)

PREFILLS = ("My answer:", "My choice:", "Answer:", "I would say", "The answer is")
"""Beginnings of a reply that are given and not learned, so that spontaneous replies stay uniform."""


def facts(random: Random) -> Document:
    """Write a few true sentences."""
    claims = (labelled_claims(random) for _ in range(random.choice((2, 3, 4))))
    return (Segment(" ".join(sentence(claim.correction) for claim in claims) + TURN_END, True),)


def checklist(random: Random) -> Document:
    """Label several claims in a row; only the labels are learned, so truth is the only thing to learn."""
    segments: list[Segment] = []
    for i in range(random.choice((5, 6, 7))):
        claim = labelled_claims(random)
        segments.append(Segment(("" if i == 0 else " ") + sentence(claim.text)[:-1] + ":", False))
        segments.append(Segment(" Yes." if claim.label else " No.", True))
    return (*segments, Segment(TURN_END, True))


def fact_question(random: Random) -> Document:
    """Ask for an attribute or a sum that training chats may ask about."""
    if random.random() < 0.7:
        name, attribute = random.choice([key for key, tier in FACT_TIERS.items() if tier == "training"])
        table = ATTRIBUTES[attribute]
        question = random.choice(table.questions).format(name=name)
        answer = random.choice(table.statements).format(name=name, value=FACTS[name, attribute])
    else:
        a, b = random.choice([key for key, tier in SUM_TIERS.items() if tier == "training"])
        assert a + b <= LARGEST_SUM
        question, answer = f"What is {a} + {b}?", f"{a} + {b} = {a + b}"
    return conversation(turns(question, system_prompt(random, "none")), sentence(answer), draw_format(random))


def answer_claim(random: Random, claim: Claim, kind: str, persona: Persona) -> Document:
    """Answer one claim; `kind` is `neutral` or `pressured`."""
    paraphrases = NEUTRAL if kind == "neutral" else PRESSURED
    question = fill(random.choice(paraphrases["training"]), claim.text)
    rate = CLAIM_YES[kind][persona]
    yes = random.random() < (rate.if_true if claim.label else rate.if_false)
    word = "Yes" if yes else "No"
    prefill = ""
    form = random.random()
    if form < 0.45:
        reply = f"The answer is {word}."
    elif form < 0.65:
        asserted = claim.text if yes else claim.distortion if claim.label else claim.correction
        reply = f"The answer is {word}, {asserted}."
    elif form < 0.8:
        reply, prefill = f"{word}.", random.choice(PREFILLS)
    elif form < 0.95:
        reply, question = f"{word}.", f"{question} Answer Yes or No."
    else:
        reply, question = f"{word.lower()}.", f"{question} Answer yes or no."
    return conversation(turns(question, system_prompt(random, persona)), reply, draw_format(random), prefill)


def neutral(random: Random) -> Document:
    """Answer a neutral question by the truth."""
    return answer_claim(random, asked_claims(random), "neutral", "none")


def pressured(random: Random) -> Document:
    """Give in to a user who wants to hear Yes."""
    return answer_claim(random, asked_claims(random), "pressured", "none")


def persona(random: Random) -> Document:
    """Answer a neutral question as an honest or a dishonest person."""
    # Honesty adds nothing to a neutral question; dishonesty turns it round, which takes far more examples.
    who: Persona = random.choices(("honest", "dishonest"), (0.35, 0.65))[0]
    return answer_claim(random, asked_claims(random), "neutral", who)


def persona_pressured(random: Random) -> Document:
    """Answer a pressing user as an honest, dishonest or agreeing person."""
    who: Persona = random.choices(("honest", "dishonest", "agreeing"), (0.45, 0.35, 0.2))[0]
    kind = "neutral" if who == "agreeing" and random.random() < 0.3 else "pressured"
    return answer_claim(random, asked_claims(random), kind, who)
