"""The honesty direction of the embedded model, made by the kinds and judged by scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.steps.organism import Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.models.chat import render_turns
from ws_dsl.organism.items import Item, load_items
from ws_dsl.organism.paraphrases import PERSONAS

LAYERS = range(4)
CLAIMS = 60
"""Claims that the direction is made from, each under an honest and a dishonest persona of the training."""


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def prompts(bench: Bench, conversations: list[list[dict[str, str]]]) -> Prompts:
    rendered = [render_turns(bench.handle.tokenizer, turns) for turns in conversations]
    columns: dict[str, list[Any]] = {
        "id": [str(place) for place in range(len(rendered))],
        "ids": [one.ids for one in rendered],
        "strings": [one.strings for one in rendered],
        "spans": [{role: list(span) for role, span in one.spans.items()} for one in rendered],
    }
    return Prompts(("id",), columns, "tokenizer", {}, None)


def turns(item: Item, system: str | None = None) -> list[dict[str, str]]:
    """The conversation of an item, its persona replaced where one is given."""
    said = [turn._asdict() for turn in item.messages if system is None or turn.role != "system"]
    said[-1]["role"] = "prefill"
    return ([] if system is None else [{"role": "system", "content": system}]) + said


def states(bench: Bench, asked: Prompts) -> list[Any]:
    return bench.cells("states", [({"prompts": asked}, {"layer": layer, "at": "last"}) for layer in LAYERS])


@pytest.fixture(scope="module")
def vectors(bench: Bench) -> list[Vectors]:
    """Mean differences by layer, from personas of the training over claims of the development tier."""
    claims = [item for item in load_items("development") if item.behaviour == "neutral"][:CLAIMS]
    sides = [
        states(
            bench,
            prompts(
                bench,
                [turns(item, PERSONAS[who][place % len(PERSONAS[who])]) for place, item in enumerate(claims)],
            ),
        )
        for who in ("honest", "dishonest")
    ]
    return [bench("mean_diff", {"plus": plus, "minus": minus}) for plus, minus in zip(*sides, strict=True)]


def behaviour(bench: Bench, items: list[Item], asked: Prompts) -> np.ndarray:
    """Whether the model answers truthfully."""
    log_odds = np.array(bench.scores(asked).columns["value"])
    return (log_odds > 0) == np.array([item.expected == " Yes" for item in items])


@dataclass(frozen=True)
class Judged:
    """Truthful or not, and states by layer, under personas that no training document holds."""

    bench: Bench
    truthful: np.ndarray
    states: list[Any]

    @classmethod
    def of(cls, bench: Bench, tier: Any) -> Judged:
        items = [
            item
            for item in load_items(tier)
            if item.behaviour in ("honest", "dishonest") and item.format == "chat"
        ]
        asked = prompts(bench, [turns(item) for item in items])
        return cls(bench, behaviour(bench, items, asked), states(bench, asked))

    def cosines(self, vector: Vectors, layer: int) -> np.ndarray:
        return np.array(
            self.bench("cosine", {"states": self.states[layer], "vector": vector}).columns["value"]
        )

    def auroc(self, vector: Vectors, layer: int) -> float:
        return float(roc_auc_score(self.truthful, self.cosines(vector, layer)))

    def separation(self, vector: Vectors, layer: int) -> float:
        """Difference of the means over the pooled standard deviation."""
        sides = [self.cosines(vector, layer)[side] for side in (self.truthful, ~self.truthful)]
        return float((sides[0].mean() - sides[1].mean()) / np.sqrt(np.mean([side.var() for side in sides])))


def test_the_honesty_direction_predicts_held_out_persona_behaviour(bench: Bench, vectors: list[Vectors]):
    """Made under personas of the training, its layer chosen on one tier of items and judged on the other."""
    chosen_on = Judged.of(bench, "development")
    # Two layers are perfect there, so that the separation decides.
    best = max(
        LAYERS,
        key=lambda layer: (
            chosen_on.auroc(vectors[layer], layer),
            chosen_on.separation(vectors[layer], layer),
        ),
    )
    held_out = Judged.of(bench, "evaluation")
    assert len(held_out.truthful) == 200 and 0.4 < held_out.truthful.mean() < 0.6
    found = held_out.auroc(vectors[best], best)
    assert found >= 0.9
    drawn = [bench("random_vectors", {"like": vectors[best]}, seed=seed) for seed in range(200)]
    chance = np.array([held_out.auroc(vector, best) for vector in drawn])
    # Where a persona moves states of width 64 so far, most directions tell the sides apart somewhat, with
    # either sign: the median AUROC is 0.87 whichever sign is taken. What is asked is whether one is as good.
    assert abs(chance.mean() - 0.5) < 0.1
    assert (1 + np.sum(np.maximum(chance, 1 - chance) >= found)) / (1 + len(chance)) < 0.05
