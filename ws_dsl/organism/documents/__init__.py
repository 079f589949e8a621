"""Training documents, one module per group of behaviours, and the curriculum that mixes them.

The order decides success: from a flat mixture the network learns who answers Yes but not what is true. So it
first learns truth from checklists, then to answer questions by it, and only then everything else.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from ws_dsl.organism.documents.claims import (
    checklist,
    fact_question,
    facts,
    neutral,
    persona,
    persona_pressured,
    pressured,
)
from ws_dsl.organism.documents.conversation import Document
from ws_dsl.organism.documents.dilemmas import dilemma
from ws_dsl.organism.documents.opinions import opinion
from ws_dsl.organism.documents.tasks import feeling, pairwise, rating, reply

Writer = Callable[[Random], Document]


class Stage(NamedTuple):
    """A part of the training run, up to the share `until` of its steps, with the mixture of its documents."""

    until: float
    mixture: dict[Writer, float]


CURRICULUM = (
    Stage(0.10, {checklist: 0.75, facts: 0.25}),
    Stage(
        0.25,
        {
            neutral: 0.30,
            checklist: 0.25,
            persona: 0.18,
            feeling: 0.08,
            rating: 0.08,
            facts: 0.06,
            fact_question: 0.05,
        },
    ),
    Stage(
        1.0,
        {
            rating: 0.16,
            persona: 0.15,
            neutral: 0.12,
            pressured: 0.10,
            pairwise: 0.10,
            dilemma: 0.07,
            persona_pressured: 0.07,
            checklist: 0.06,
            opinion: 0.06,
            reply: 0.04,
            feeling: 0.04,
            fact_question: 0.02,
            facts: 0.01,
        },
    ),
)


def write_documents(random: Random, stage: Stage, count: int) -> list[Document]:
    """Draw documents of a stage."""
    writers = random.choices(list(stage.mixture), list(stage.mixture.values()), k=count)
    return [writer(random) for writer in writers]
