"""What is put where: numbers, means, factors, patches; against plain transformers with hooks of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.steps.intervene.held import HEAD, NEURON, OTHER, UNITS, WHERE, agree, to
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Change, Plain, Unit
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.sites import Sites
from ws_dsl.errors import MeasurementError, SpecError
from ws_dsl.models import readout
from ws_dsl.models.forward import final_states
from ws_dsl.models.positions import shared_suffix
from ws_dsl.plan.planner import make_plan
from ws_dsl.specs.site import FINAL
from ws_dsl.specs.source import read
from ws_dsl.steps.rows import forward_rows

ASKED = "User: Is it true that {}?\nAssistant:"


@pytest.mark.parametrize(("where", "tokens"), WHERE, ids=[str(where) for where, _ in WHERE])
def test_numbers(
    bench: Bench, plain: Plain, where: dict[str, Any], tokens: Callable[[Prompts, int], list[int]]
):
    prompts = bench.prompts(PRESSURE)

    def everywhere(change: Change) -> Callable[[int], Mapping[tuple[Unit, int], Change]]:
        return lambda row: {
            (unit, token): change for unit in (HEAD, NEURON) for token in tokens(prompts, row)
        }

    arm = bench("clamp", {}, sites=UNITS, to=0.75, **where)
    agree(bench, plain, prompts, arm, everywhere(to(0.75)))


def test_zero_is_a_number(bench: Bench, plain: Plain):
    prompts = bench.prompts(PRESSURE)
    arm = bench("clamp", {}, sites=UNITS, to=0, at="last")
    agree(bench, plain, prompts, arm, lambda row: {(unit, -1): to(0.0) for unit in (HEAD, NEURON)})
    removed = bench("scale", {}, sites=UNITS, factor=0, at="last")
    one, other = (bench.scores(prompts, by).columns["value"] for by in (arm, removed))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_mean_over_rows(bench: Bench, plain: Plain):
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)
    within = Rows(("id",), {"id": ["0", "2", "3"]}, {"id": "key"}, ("id",), "organism")
    means = {
        unit: torch.stack([plain.by_row(source, unit.family)[row][unit] for row in (0, 2, 3)]).mean(0)
        for unit in (HEAD, NEURON)
    }
    arm = bench("clamp", {"source": source, "rows": within}, sites=UNITS, to="mean", at="last")
    agree(bench, plain, prompts, arm, lambda row: {(unit, -1): to(mean) for unit, mean in means.items()})


def test_each_row_weighs_the_same_in_a_mean(bench: Bench, plain: Plain):
    """Rows of unequal length: their own means come first."""
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)
    assert len({len(ids) for ids in source.tokens}) > 1
    rows = [
        torch.stack([plain.activations(ids, "heads", token)[HEAD] for token in range(len(ids))]).mean(0)
        for ids in source.tokens
    ]
    mean = torch.stack(rows).mean(0)
    arm = bench("clamp", {"source": source}, sites=[str(HEAD)], to="mean", at="last", source_at="all")
    agree(bench, plain, prompts, arm, lambda row: {(HEAD, -1): to(mean)})


def test_a_patch_of_the_shared_suffix(bench: Bench, plain: Plain):
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)

    def expected(row: int) -> Mapping[tuple[Unit, int], Change]:
        pairs = shared_suffix(source.tokens[row], prompts.tokens[row])
        assert len(pairs) > 2
        return {
            (unit, right): to(plain.activations(source.tokens[row], unit.family, left)[unit])
            for left, right in pairs
            for unit in (HEAD, NEURON, OTHER)
        }

    arm = bench("clamp", {"source": source}, sites=[*UNITS, str(OTHER)], at="shared_suffix")
    agree(bench, plain, prompts, arm, expected)
    with pytest.raises(MeasurementError, match="end differently"):
        bench.scores(bench.prompts("Is it true that {}"), arm)


def test_a_map_from_token_to_token(bench: Bench, plain: Plain):
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)

    def expected(row: int) -> Mapping[tuple[Unit, int], Change]:
        that = prompts.columns["strings"][row].index(" that")
        here = [that, len(prompts.tokens[row]) - 1]
        there = [len(source.tokens[row]) - 3, 2]
        return {
            (unit, right): to(plain.activations(source.tokens[row], unit.family, left)[unit])
            for left, right in zip(there, here, strict=True)
            for unit in (HEAD, OTHER)
        }

    fields = {"at": [{"token": " that"}, "last"], "source_at": [-3, 2]}
    arm = bench("clamp", {"source": source}, sites=[str(HEAD), str(OTHER)], **fields)
    agree(bench, plain, prompts, arm, expected)


def test_one_value_of_the_source_goes_everywhere(bench: Bench, plain: Plain):
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)

    def expected(row: int) -> Mapping[tuple[Unit, int], Change]:
        value = plain.activations(source.tokens[row], "heads")[HEAD]
        return {(HEAD, token): to(value) for token in range(len(prompts.tokens[row]))}

    arm = bench("clamp", {"source": source}, sites=[str(HEAD)], during="prompt", source_at="last")
    agree(bench, plain, prompts, arm, expected)
    arm = bench("clamp", {"source": source}, sites=[str(HEAD)], at="all", source_at="last")
    agree(bench, plain, prompts, arm, expected)


def test_tokens_that_do_not_stand_for_one_another_are_told(bench: Bench):
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)
    arm = bench("clamp", {"source": source}, sites=[str(HEAD)], at="all")
    bench.scores(source, arm)
    with pytest.raises(MeasurementError, match=r"row 0 takes values at \d+ tokens, and its source gives \d+"):
        bench.scores(prompts, arm)
    several = bench("clamp", {"source": source}, sites=[str(HEAD)], at=[3, 4], source_at=[-1])
    with pytest.raises(MeasurementError, match="takes values at 2 tokens, and its source gives 1"):
        bench.scores(prompts, several)
    with pytest.raises(MeasurementError, match="no position of ' absent'"):
        bench.scores(prompts, bench("clamp", {}, sites=[str(HEAD)], to=0, at={"token": " absent"}))
    with pytest.raises(MeasurementError, match="several"):
        bench("clamp", {"source": source}, sites=[str(HEAD)], during="both", source_at="all")


def test_ranked_sites_each_alone_or_up_to_their_rank(bench: Bench):
    source = bench.prompts(NEUTRAL)
    third = Sites([str(HEAD)], [0.2], "rows", [str(NEURON), str(OTHER)])
    for group, sites in (("each", [str(HEAD)]), ("up_to", [str(NEURON), str(OTHER), str(HEAD)])):
        arm = bench("clamp", {"source": source, "sites": third}, at="last", group=group)
        literal = bench("clamp", {"source": source}, at="last", sites=sites)
        assert arm.chosen_on == ["rows"]
        assert arm.changes[0].sites == sites
        one, other = (bench.scores(bench.prompts(PRESSURE), by).columns["value"] for by in (arm, literal))
        assert one == other


@pytest.mark.parametrize("during", ["prompt", "generated", "both"])
def test_a_reply_under_an_arm_is_read_again_under_it(bench: Bench, during: str):
    """What was generated token by token is the likeliest in one pass over prompt and reply."""
    prompts = bench.prompts(ASKED)
    scaled = bench("scale", {}, sites=["L1"], factor=0.2, during=during)
    fields = {"sites": ["L2H1"], "during": during, "source_at": "last"}
    arm = bench("combine", {"of": [scaled, bench("clamp", {"source": bench.prompts(PRESSURE)}, **fields)]})
    asked = {"max_tokens": 6, "temperature": 0, "seed": 0}
    made = bench("generate", {"prompts": prompts, "arm": arm}, **asked)
    free = bench("generate", {"prompts": prompts}, **asked)
    assert made.columns["reply"] != free.columns["reply"]
    whole = forward_rows(made, "last", arm, "model")
    reads = [
        row._replace(position=token)
        for row, spans in zip(whole, made.columns["spans"], strict=True)
        for token in range(spans["reply"][0] - 1, len(row.ids) - 1)
    ]
    best = readout.top(bench.handle, final_states(bench.handle, reads), 1).ids[:, 0].tolist()
    assert best == [row.ids[row.position + 1] for row in reads]
    assert len(reads) > 5


def test_an_arm_that_changes_nothing_is_told(bench: Bench):
    arm = bench("scale", {}, sites=["L1"], factor=0.5, during="generated")
    with pytest.raises(MeasurementError, match="these prompts have no reply"):
        bench.scores(bench.prompts(NEUTRAL), arm)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"to": 0}, "say where"),
        ({"to": 0, "at": "last", "during": "both"}, "say where"),
        ({"at": "last"}, "to: source needs a source"),
        ({"at": "last", "to": "mean"}, "to: mean needs a source"),
        ({"at": "last", "to": 1, "source": "step"}, "a number needs no source"),
        ({"at": "shared_suffix", "to": 1}, "a number needs no source"),
        ({"at": "shared_suffix", "to": "mean", "source": "step"}, "own value"),
        ({"during": "both", "source": "step"}, "needs source_at"),
        ({"at": "last", "to": 0, "group": "up_to"}, "up_to goes with ranked sites"),
        ({"at": "lsat", "to": 0}, "last"),
        ({"at": True, "to": 0}, "at"),
        ({"at": {"token": " a", "count": 0}, "to": 0}, "counts are 1"),
    ],
)
def test_what_cannot_be_meant(bench: Bench, fields: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        bench("clamp", {}, **{"sites": ["L1"], **fields})


def test_states_under_any_arm_are_those_made_alone(bench: Bench):
    """To the last bit, whichever path through the model an arm takes."""
    source, prompts = bench.prompts(NEUTRAL), bench.prompts(PRESSURE)
    arms = [
        bench("clamp", {"source": source}, sites=[str(HEAD)], at="last"),
        bench("clamp", {"source": source}, sites=[str(OTHER), "L1"], at="shared_suffix"),
        bench("clamp", {}, sites=["L0attn"], to=0, at=[2, "last"]),
        bench("scale", {}, sites=[str(NEURON)], factor=3, during="both"),
    ]
    together = bench.cells("final_states", [({"prompts": prompts, "arm": arm}, {}) for arm in arms])
    for arm, made in zip(arms, together, strict=True):
        alone = bench("final_states", {"prompts": prompts, "arm": arm})
        assert alone.tensors[FINAL].tobytes() == made.tensors[FINAL].tobytes()


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"kind": "add_vector", "vector": "v", "at": []}, "at"),
        ({"kind": "project_out", "vector": "v", "at": []}, "at"),
        ({"kind": "scale", "sites": ["L1H0"], "factor": 0, "at": []}, "at"),
        ({"kind": "clamp", "sites": ["L1H0"], "to": 0.0, "at": []}, "at"),
        ({"kind": "clamp", "sites": ["L1H0"], "source": "neutral", "at": -1, "source_at": []}, "source_at"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else value,
)
def test_no_tokens_are_refused_at_their_place(tmp_path: Path, step: dict[str, Any], field: str):
    study = tmp_path / "study.yaml"
    given = {"v": {"kind": "random_vectors"}, "neutral": {"kind": "prompts"}}
    lines = [f"{name}: {json.dumps(own)}" for name, own in {**given, "arm": step}.items()]
    study.write_text("\n  ".join(["ws: 1\nid: at\nquestion: At?\nmodel: {kind: organism}\nsteps:", *lines]))
    with pytest.raises(SpecError) as raised:
        make_plan(read(study))
    (told,) = [one for one in raised.value.problems if one.subject == f"steps.arm.{field}"]
    assert (told.place.line, told.message) == (8, "at least 1 entry (got an empty list)")
    assert told.place.column > len("  arm: ")
