"""A vector that was made in one study is found and used in another."""

from __future__ import annotations

from typing import Any

import lancedb
import pytest

from tests.run.lab import Lab, small
from ws_dsl.registry.vectors import VectorIndex, layer_of, vector_sets

STATES = {
    "kind": "states",
    "prompts": "prompts[condition=pressure, paraphrase=sure]",
    "at": "last",
    "layer": 2,
}
MAKING: dict[str, Any] = {
    "pressed": STATES,
    "free": {**STATES, "prompts": "prompts[condition=neutral]"},
    "after": {"kind": "states", "prompts": "prompts[condition=neutral]", "at": "last", "site": "L1mid"},
    "mean": {"kind": "mean_diff", "plus": "pressed", "minus": "free"},
    "probe": {"kind": "logistic_probe", "states": "pressed", "label": "claims.label"},
    "classes": {"kind": "class_mean_diff", "states": "pressed", "label": "claims.label"},
    "ridge": {"kind": "ridge_direction", "states": "pressed", "score": "clean.value"},
    "clean": {
        "kind": "logit_diff",
        "prompts": "prompts[condition=pressure, paraphrase=sure]",
        "tokens": {"plus": [" Yes"], "minus": [" No"]},
    },
    "written": {"kind": "weight_directions", "matrix": "o", "layer": 1, "top": 2, "states": "after"},
    "read": {"kind": "weight_directions", "matrix": "gate", "layer": 1},
}
METHODS = {"mean_diff", "logistic_probe", "class_mean_diff", "ridge_direction", "weight_directions"}


def extracting() -> dict[str, Any]:
    study = small()
    steps = {name: study["steps"][name] for name in ("claims", "prompts")}
    return {
        "ws": 1,
        "id": "extracting",
        "question": "Which directions are there?",
        "model": study["model"],
        "steps": steps | MAKING,
    }


def steering() -> dict[str, Any]:
    """Another study, in which the same vector has another name and other steps follow from it."""
    study = extracting()
    wanted = {name: study["steps"][name] for name in ("claims", "prompts", "pressed", "free")}
    wanted |= {
        "direction": study["steps"]["mean"],
        "steer": {"kind": "add_vector", "vector": "direction", "coeff": -0.5, "during": "both"},
        "moved": {**study["steps"]["clean"], "arm": "steer"},
    }
    return study | {"id": "steering", "question": "Does it move answers?", "steps": wanted}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("vectors"))
    lab.data()
    return lab


def test_a_vector_of_one_study_is_a_hit_in_another(lab: Lab):
    first = lab.run(extracting())
    second = lab.run(steering())
    assert {"mean", "pressed", "free"} <= first.computed
    assert not {"direction", "pressed", "free", "prompts", "claims"} & {
        cell.split("[")[0] for cell in second.computed
    }
    assert second.rows == 8, "one pass of the steered rows"
    named = {str(node): node for node in first.opened.plan.nodes}
    other = {str(node): node for node in second.opened.plan.nodes}
    assert first.opened.state.keys[named["mean"]] == second.opened.state.keys[other["direction"]]


def test_every_vector_is_a_row_with_all_that_is_known_of_it(lab: Lab):
    made = lab.run(extracting())
    store = lab.open(extracting())[0].store
    sets = vector_sets(store)
    assert {one.method for one in sets} == METHODS
    index = VectorIndex(store)
    model = made.opened.state.digests[next(node for node in made.opened.plan.nodes if str(node) == "model")]
    for one in sets:
        vectors = index.vectors(one.key)
        assert one.kind == one.method == vectors.method
        assert (one.model, one.width, one.layer) == (model, 64, layer_of(vectors.site))
        found = index.near(vectors.values[0], 3, {})
        assert found.searched == len(sets) and not found.damaged
        assert found.found[0].key == one.key and found.found[0].cosine == pytest.approx(1.0)
    (table,) = lancedb.connect(store.root / "vectors").list_tables().tables
    rows = lancedb.connect(store.root / "vectors").open_table(table).to_arrow().to_pylist()
    assert {row["key"] for row in rows} == {one.key for one in sets} and len(rows) == len(sets)
    for row in rows:
        assert all(row[name] is not None for name in row), row
        assert row["model"] == model and row["layer"] in (1, 2) and row["norm"] > 0
        norm_is_known = not (row["method"] == "weight_directions" and row["at"] == '"all"')
        assert (row["mean_norm"] > 0) == norm_is_known
        assert (row["made_on"] == "[]") == (row["method"] == "weight_directions")
