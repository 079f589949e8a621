"""What went wrong where weight differences were evaluated, in the study that this project began with.

Each test is named after what happened: it plants the fault, and asserts that what is said of it is not said
without it. What went wrong in training is in `test_weight_steering.py`, and what
was said of numbers is in `test_effects.py`.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints import tokenizer
from tests.cli.terminal import Terminal
from tests.incidents.test_steering_vectors import Studied, studied
from tests.run.lab import CLAIMS, STUDY, Lab
from tests.steps.analyse.cells import Given, table
from tests.steps.check.findings import finding, prompts
from tests.steps.organism import NEUTRAL, Bench
from ws_dsl.artifacts.finding import Finding
from ws_dsl.errors import MeasurementError, SpecError
from ws_dsl.models.chat import Message, render_chat
from ws_dsl.registry import Store
from ws_dsl.report.flags import flags
from ws_dsl.specs.site import FINAL

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

ASKED = "Is it true that {{claim}}?"
ROWS = [{**claim, "truth": 1 if claim["label"] else -1} for claim in CLAIMS]
EVALUATING: dict[str, Any] = {
    "ws": 1,
    "id": "evaluating",
    "question": "What does a weight difference do?",
    "model": {"kind": "organism"},
    "steps": {
        "claims": {
            **STUDY["steps"]["claims"],
            "columns": {"claim": "text", "label": "bool", "truth": "sign", "topic": "category"},
        },
        "halves": {**STUDY["steps"]["halves"], "seed": 0},
        "learned": {
            "kind": "prompts",
            "rows": "halves[split=search]",
            "user": ASKED,
            "over": {"reply as side": {"plus": "Yes.", "minus": "No."}},
        },
        "adapter": {
            "kind": "train_adapter",
            "data": "learned",
            "steps": 30,
            "seed": 0,
            "over": {"family": {"lora": {"kind": "lora", "rank": 2, "lr": 5e-3}, "ia3": {"kind": "ia3"}}},
        },
        "dW": {"kind": "weight_diff", "plus": "adapter[side=plus]", "minus": "adapter[side=minus]"},
        "off_task": {"kind": "prompts", "rows": "halves[split=search]", "user": "Say {{claim}}."},
        "steered": {
            "kind": "calibrate",
            "arm": {"kind": "add_weights", "delta": "dW"},
            "prompts": "off_task",
            "p95_kl": 0.05,
            "over": {"coeff": [-1, 0, 1]},
        },
        "told": {
            "kind": "system_prompt",
            "over": {
                "system as pole": {
                    "honest": {"file": "honest.txt"},
                    "dishonest": "You are a dishonest person.",
                }
            },
        },
        "felt": {
            "kind": "states",
            "prompts": "learned[side=plus]",
            "at": "reply_last",
            "over": {"layer": [1, 2]},
        },
        "active": {"kind": "activation_basis", "states": "felt", "k": 1, "pool": ["layer"]},
        "within": {"kind": "subspace", "delta": "dW", "basis": "active", "part": "keep"},
        "module": {
            "kind": "modules",
            "delta": "dW",
            "part": "keep",
            "over": {"modules as module": {"down": ["down"], "v": ["v"]}},
        },
        "parts": {"kind": "stack", "axis": "lens", "of": {"within": "within", "module": "module"}},
        "part": {"kind": "add_weights", "delta": "parts", "scale": "steered[coeff=1]"},
        "asked": {
            "kind": "prompts",
            "rows": "halves[split=verify]",
            "user": ASKED,
            "assistant": "The answer is",
            "sign": "truth",
        },
        "score": {
            "kind": "logit_diff",
            "prompts": "asked",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
            "over": {"arm as set": {"none": "none", "told": "told", "steered": "steered", "part": "part"}},
        },
        "moved": {"kind": "difference", "plus": "score[set!=none]", "minus": "score[set=none]"},
        "effect": {"kind": "summary", "of": "moved", "stats": ["mean", "sd", "flips", "fixed", "broken"]},
    },
    "checks": {
        "prompts_oppose": {"kind": "opposite_sign", "of": "effect[set=told]", "axis": "pole"},
        "signs_balanced": {"kind": "balanced", "of": "claims", "by": "truth"},
    },
}


def changed(*path: str, to: Any) -> dict[str, Any]:
    """The study with one thing written otherwise."""
    study = copy.deepcopy(EVALUATING)
    place = study
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return study


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One store for all studies: what a fault leaves alone is there already."""
    root = tmp_path_factory.mktemp("evaluating")
    (root / "ws-dsl.toml").touch()
    (root / "honest.txt").write_text("You are an honest person.", encoding="utf-8")
    made = Lab(root)
    made.data(ROWS)
    return made


@cache
def without_fault(lab_root: Path) -> Studied:
    return studied(Lab(lab_root), EVALUATING)


def told(lab: Lab, check: str, study: dict[str, Any]) -> str:
    """What a check says of a study with a fault, and that it says nothing of the one without."""
    assert without_fault(lab.root).findings[check].holds
    found = studied(lab, study).findings[check]
    assert not found.holds
    return found.detail


def test_without_a_fault_nothing_is_flagged(lab: Lab):
    found = without_fault(lab.root)
    assert {name for name, one in found.findings.items() if not one.holds} == set()
    assert flags(found.results) == ()


def test_one_baseline_had_two_values(bench: Bench):
    """1.326 in one table and 0.195 in another: rows padded on the right were read at the last column."""
    asked = bench.prompts(NEUTRAL, ["3 is more than 2", "the sum of 10 and 12 is 22", "2 + 2 = 4"])
    states = bench("final_states", {"prompts": asked})
    longest = max(len(ids) for ids in asked.tokens)
    pad = bench.handle.tokenizer.pad_token_id or 0

    def last(ids: list[int]) -> np.ndarray:
        with torch.no_grad():
            return bench.handle.model.model(torch.tensor([ids])).last_hidden_state[0, -1].numpy()

    def met_again(states_: list[np.ndarray]) -> Finding:
        other = replace(states, tensors={FINAL: np.stack(states_)})
        return finding("base_invariant", {"states": [states, other], "prompts": [asked, asked]})

    assert met_again([last(ids) for ids in asked.tokens]).holds
    found = met_again([last([*ids, *[pad] * (longest - len(ids))]) for ids in asked.tokens])
    assert not found.holds and found.at == [("states", 1)] and "3 of them met again" in found.detail


def test_the_baseline_was_measured_once_for_every_arm(lab: Lab):
    """Half of the runs were of the model as it is; one pass serves every arm, and what is added 0 times."""
    found = without_fault(lab.root)
    plan = found.results.plan
    bare = [node for node in plan.nodes if node.kind.name == "final_states" and not node.inputs.get("arm")]
    assert len(bare) == 1
    states = {
        edge.node
        for view in ("score[set=none]", "score[set=steered, coeff=0]")
        for _, node in plan.view(view)[0].entries
        if node is not None
        for edge in node.inputs["states"]
    }
    assert states == set(bare)


def test_the_baseline_was_averaged_with_a_persona(lab: Lab):
    """+0.94 was published, and +0.70 later: the rows at 0 were under no persona and under one."""
    study = changed(
        "steps", "asked", "over", to={"persona": {"plain": {}, "honest": {"system": "Be honest."}}}
    )
    study["steps"]["effect"]["of"] = "moved[set=steered, coeff=1, family=lora]"
    study["checks"] = {}
    study["rules"] = {
        "steers": {
            "read": {"effect": "effect"},
            "first": [{"when": {"effect": {"mean_gt": 0}}, "verdict": "supported", "claim": "It steers."}],
            "otherwise": {"verdict": "undecided", "claim": "That cannot be told."},
        }
    }
    moved = study["steps"]["moved"]
    moved["plus"] = "score[set!=none, persona=plain]"
    with pytest.raises(SpecError, match="effect has 2 cells; write all_mean_gt or any_mean_gt"):
        lab.open(study)
    moved["minus"] = "score[set=none, persona=plain]"
    plan = lab.open(study)[1].plan
    (effect,) = plan.view("effect")[0].entries
    assert "persona" not in effect.labels
    assert len({id(node) for _, node in plan.view("score[set=none]")[0].entries}) == 2


def test_a_thinking_block_was_closed_with_text(lab: Lab):
    """`</think>` spelled out is not the token that ends thinking: the answers had a mass of 0.17."""
    words: Any = tokenizer("qwen3")
    ends = words.convert_tokens_to_ids("</think>")
    assert ends not in words("</think>", split_special_tokens=True)["input_ids"]
    words.chat_template = "{{ messages[0].content }}{% if add_generation_prompt %}<think>{% endif %}"
    said = render_chat(words, [Message("user", "Is iron heavy?")])
    assert said.ids.count(ends) == 1 and "</think>" in said.strings
    assert words.decode(said.ids).endswith("<think>\n\n</think>\n\n")
    # The embedded model's tokenizer has no such token, so that there the same words are text.
    study = changed("steps", "asked", "assistant", to="<think>\n\n</think>\n\n")
    assert "lowest mean mass 0.0" in told(lab, "pmass", study)


def test_a_prompt_was_rewritten_under_its_label(lab: Lab):
    """*Engineered honest* moved by +0.370 and then by +0.045: the text was another, the name was not."""
    before = without_fault(lab.root).results
    file = lab.root / "honest.txt"
    written = file.read_text(encoding="utf-8")
    file.write_text("You are a truthful assistant.", encoding="utf-8")
    ran = lab.run(EVALUATING)
    file.write_text(written, encoding="utf-8")
    assert ran.computed and all("pole=honest" in cell for cell in ran.computed)
    state = ran.opened.state
    kept = {entry.digest for entry in Store(lab.root / "registry").catalogue.artifacts()}
    both: set[str] = set()
    for plan, digests in ((before.plan, before.state.digests), (ran.opened.plan, state.digests)):
        ((_, node),) = plan.view("effect[set=told, pole=honest]")[0].entries
        assert node is not None
        both.add(digests[node])
    assert len(both) == 2 and both <= kept
    assert lab.run(EVALUATING).made == set()


def test_an_engineered_prompt_moved_like_its_opposite(lab: Lab):
    """+0.045 for the honest one and +0.049 for the dishonest: both ask to mention the concept."""
    study = changed("steps", "told", "over", "system as pole", "dishonest", to="You are a liar.")
    detail = told(lab, "prompts_oppose", study)
    assert re.search(r": 0\.\d+ at pole=honest, 0\.\d+ at pole=dishonest", detail), detail


def test_agreement_was_read_as_honesty(lab: Lab):
    """Towards Yes was towards more honest, on rows where that was not so: each row has its sign."""

    def towards_yes(study: dict[str, Any]) -> dict[str, float]:
        results = studied(lab, study).results
        ((_, node),) = results.plan.view("effect[set=steered, coeff=1, family=lora]")[0].entries
        assert node is not None
        return {name: stat.value or 0.0 for name, stat in results.open(node).stats.items()}

    assert towards_yes(changed("steps", "asked", "sign", to=1))["mean"] > 1
    signed = towards_yes(EVALUATING)
    assert signed["mean"] < -1 and signed["broken"] > signed["fixed"]
    undeclared = lab.open(changed("steps", "asked", "sign", to=None))[1].plan.checks
    assert "sign_declared" in {check.name for check in undeclared}
    assert "sign_declared" not in without_fault(lab.root).findings
    with pytest.raises(SpecError, match="'label' is no column of signs"):
        lab.run(changed("steps", "asked", "sign", to="label"))


def test_signs_were_277_to_117(lab: Lab):
    """Unequal signs reward Yes: the row set had become that by three filters."""
    lines = [json.dumps(row) for row in (*ROWS, *({**row, "claim_id": "more"} for row in ROWS[:1]))]
    (lab.root / "more.jsonl").write_text("\n".join(lines), encoding="utf-8")
    study = changed("steps", "claims", "path", to="more.jsonl")
    assert "4 -1, 5 1" in told(lab, "signs_balanced", study)


def test_coefficients_of_families_were_compared(lab: Lab):
    """The coefficient of one side effect was 0.78 for one family and 35 for another."""
    found = without_fault(lab.root)
    raw = {"kind": "add_weights", "delta": "dW", "over": {"coeff": [-1, 0, 1]}}
    side_by_side = {"tables": {"effect": {"of": "effect[set=steered]"}}}
    for steered, flagged in ((raw, True), (EVALUATING["steps"]["steered"], False)):
        checks = lab.open({**changed("steps", "steered", to=steered), "report": side_by_side})[1].plan.checks
        assert ("one_unit" in {check.name for check in checks}) is flagged
    facts: dict[str, Mapping[str, float]] = {}
    for labels, node in found.results.plan.view("steered[coeff=1]")[0].entries:
        assert node is not None
        facts[labels["family"]] = found.results.facts(node)["calibrated"]
    assert facts["ia3"]["unit"] > 3 * facts["lora"]["unit"]
    assert all(one["p95_kl"] == pytest.approx(0.05, rel=0.01) for one in facts.values())


def test_a_basis_was_made_from_the_delta_that_it_cuts(lab: Lab):
    """The directions of the delta itself keep the effect whatever they are, and prove nothing."""
    study = changed("steps", "own", to={"kind": "own_svd", "of": "dW", "k": 2})
    study["steps"]["within"]["basis"] = "own"
    (said,) = flags(studied(lab, study).results)
    assert "2 cells of which each has a basis that was made from its own delta" in said


def test_a_crop_could_not_fail(lab: Lab):
    """The first quarter of 1024 directions is all there is of a difference of 64."""
    study = changed("steps", "within", "kind", to="spectrum")
    study["steps"]["within"] |= {"frame": "own", "delta": "dW[family=lora]"}
    study["steps"]["within"]["band"] = {"index": [0, 0.25], "of": "size"}
    del study["steps"]["within"]["basis"]
    (said,) = flags(studied(lab, study).results)
    assert "1 cell of which each keeps every direction that its delta has, and cannot fail" in said
    study["steps"]["within"]["band"]["of"] = "rank"
    assert flags(studied(lab, study).results) == ()


def test_a_basis_was_made_from_the_rows_that_it_is_judged_on(lab: Lab):
    study = changed("steps", "felt", to={"kind": "states", "prompts": "asked", "at": "last", "layer": 1})
    study["steps"]["active"]["pool"] = []
    assert "at most 4 rows shared" in told(lab, "chosen_elsewhere", study)


def test_a_baseline_was_built_from_what_was_trained(lab: Lab):
    """What needs no training is compared with what was trained, and may have read none of it."""
    sides = {"plus": "states[side=plus]", "minus": "states[side=minus]"}
    states = {"kind": "states", "prompts": "learned", "at": "reply_last", "layer": 1}
    study = changed("steps", "built", to={"kind": "constructive_delta", **sides})
    study["steps"]["states"] = {**states, "arm": "steered[coeff=1, family=lora]"}
    with pytest.raises(SpecError, match="made before Adapter or Delta may be read, and reads"):
        lab.open(study)
    study["steps"]["states"] = states
    assert len(lab.open(study)[1].plan.steps()["built"]) == 1


def test_the_row_set_changed_between_arms(lab: Lab):
    """438 rows, then 394, then 446, under one name."""
    study = changed("steps", "claims", "count", to=7)
    with pytest.raises(SpecError, match="8 rows, and 7 are declared"):
        lab.open(study)
    study = changed("steps", "asked_all", to={**EVALUATING["steps"]["asked"], "rows": "claims"})
    study["steps"]["all"] = {**EVALUATING["steps"]["score"], "prompts": "asked_all"}
    study["steps"]["moved"]["plus"] = "all[set!=none]"
    with pytest.raises(MeasurementError, match="only in plus"):
        lab.run(study)
    study["steps"]["moved"]["rows"] = "halves[split=verify]"
    assert studied(lab, study).findings["same_rows"].holds
    sides = [Given(table(dict.fromkeys(range(count), 1.0)), (0, 0)) for count in (438, 394)]
    assert not finding("same_rows", {"tables": sides}).holds


def test_rows_were_ticked_off_and_never_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """What was required and absent from the code: early, middle and late blocks; 64 directions."""

    def measured(declared: int, *ids: str) -> bool:
        inputs = {"prompts": [prompts({"a": [1], "b": [1]})], "tables": [table(dict.fromkeys(ids, 1.0))]}
        return finding("declared_equals_produced", inputs, declared=declared).holds

    assert [measured(1, "a", "b"), measured(1, "a"), measured(2, "a", "b")] == [True, False, False]
    with pytest.raises(SpecError, match="early"):
        lab.open(changed("steps", "effect", "of", to="moved[set=part, lens=module, module=early]"))
    study = changed("steps", "wide", to={"kind": "own_svd", "of": "dW", "k": 2})
    file = lab.study(study).name
    (planned,) = Terminal(lab, monkeypatch, capsys)("plan", "--json", file).json["studies"]
    read = {step["step"]: step["read"] for step in planned["steps"]}
    assert not read["wide"] and read["active"]


def test_a_family_crashed_on_matrices_that_it_lacks(lab: Lab):
    """The runs of five others were started by hand after it: here it is told, and they go on."""
    study = changed("steps", "module", "over", "modules as module", "up", to=["up"])
    results = studied(lab, study).results
    assert flags(results) == ("module: 1 cell unavailable: ia3 changes no up.",)
    view = results.plan.view("effect[set=part, lens=module, module=up]")[0]
    assert [labels["family"] for labels, _ in view.entries] == ["lora"]
    assert flags(without_fault(lab.root).results) == ()
