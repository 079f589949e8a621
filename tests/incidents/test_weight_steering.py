"""What went wrong in the study of weight steering that this project began with, made impossible or loud.

Here are the incidents of training and of the differences of weights. Each test is named after what happened.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.run.lab import CLAIMS, STUDY, Lab
from tests.steps.organism import Bench
from tests.steps.train.replies import FAMILIES, behind, replies
from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.errors import MeasurementError
from ws_dsl.models.adapters import delta_of
from ws_dsl.models.deltas import weight
from ws_dsl.models.handle import Handle, load
from ws_dsl.registry import Store
from ws_dsl.steps.train._examples import HoldOut, lot

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

TRAINING: dict[str, Any] = {
    "ws": 1,
    "id": "training",
    "question": "Which adapter is this?",
    "model": {"kind": "organism"},
    "steps": {
        "claims": STUDY["steps"]["claims"],
        "asked": {
            "kind": "prompts",
            "rows": "claims",
            "user": "Is it true that {{claim}}?",
            "over": {"system as persona": {"honest": "You never lie.", "liar": "You always lie."}},
        },
        "replies": {"kind": "generate", "prompts": "asked", "max_tokens": 12, "temperature": 0.8, "seed": 0},
        "adapter": {
            "kind": "train_adapter",
            "data": "replies",
            "family": {"kind": "lora", "rank": 2},
            "steps": 1,
            "seed": 0,
            "system": "drop",
        },
    },
}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    (tmp_path / "ws-dsl.toml").touch()
    lab = Lab(tmp_path)
    lab.data(CLAIMS[:4])
    return lab


def edited(*path: str, to: Any) -> dict[str, Any]:
    """The study with one thing written otherwise."""
    study = copy.deepcopy(TRAINING)
    place = study
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return study


def trained(bench: Bench, data: Any = None, **fields: Any) -> Adapter:
    given = {"data": replies(bench) if data is None else data}
    return bench("train_adapter", given, **{"family": FAMILIES["lora"], "steps": 3, "seed": 0} | fields)


def test_one_model_was_trained_on_the_replies_of_another(lab: Lab):
    """Data was found by its folder: a second model was trained on what the first had said."""
    lab.run(TRAINING)
    other = lab.run(edited("model", to={"kind": "organism", "family": "llama"}))
    assert {name.split("[")[0] for name in other.made} >= {"replies", "adapter"}


def test_a_prompt_was_edited_under_an_unchanged_name(lab: Lab):
    """Tokenised rows were kept under the name of the data: an edited persona was trained on the old ones."""
    lab.run(TRAINING)
    again = lab.run(
        edited("steps", "asked", "over", "system as persona", "liar", to="You only say false things.")
    )
    assert {name for name in again.computed if "persona" in name} == {
        f"{step}[persona=liar]" for step in ("asked", "replies", "adapter")
    }


def test_a_result_was_overwritten(lab: Lab):
    """`w.pt` held whatever was trained last; the store holds both, each under what it was made from."""
    first = lab.run(TRAINING).digests
    second = lab.run(edited("steps", "adapter", "family", to={"kind": "lora", "rank": 2, "lr": 1e-2})).digests
    store = Store(lab.root / "registry")
    adapters = [entry for entry in store.catalogue.artifacts() if entry.kind == "train_adapter"]
    assert len({entry.key for entry in adapters}) == len({entry.digest for entry in adapters}) == 4
    assert {entry.digest for entry in adapters} <= {*first.values(), *second.values()}
    assert lab.run(TRAINING).made == set()


def test_two_runs_of_one_adapter_differed_and_no_seed_said_why(bench: Bench):
    """The spread of runs was 24% on the same data, and the runner over seeds never varied the data."""
    tensors = "adapter_model.safetensors"
    data = replies(bench)
    asked = {"data": data, "row_columns": behind(data)}

    def bytes_of(seed: int = 0, part: int = 0, **seeds: int) -> bytes:
        fields = {"hold_out": {"share": 0.3, "by": "topic", "seed": part}, "batch": 4, "seed": seed, **seeds}
        return bench("train_adapter", asked, family=FAMILIES["lora"], steps=3, **fields).files[tensors]

    assert bytes_of() == bytes_of()
    assert len({bytes_of(), bytes_of(init_seed=1), bytes_of(order_seed=1), bytes_of(part=2)}) == 4


def test_topics_leaked_into_validation(bench: Bench):
    """Rows were divided one by one, so that every topic was learned and looked at."""
    data = replies(bench)
    made = bench(
        "train_adapter",
        {"data": data, "row_columns": behind(data)},
        family=FAMILIES["lora"],
        steps=1,
        seed=0,
        hold_out={"share": 0.1, "by": "topic"},
    )
    assert (made.notes["rows"], made.notes["held_out"]) == (6, 2)


def test_a_question_was_there_twice(bench: Bench):
    """Of twenty questions seventeen were distinct; one that is on both sides of a split is refused."""
    data = replies(bench, count=4)
    for name in ("ids", "strings", "spans", "text", "messages"):
        data.columns[name][3] = data.columns[name][0]
    refused: list[str] = []
    for seed in range(8):
        try:
            lot([data], [None], None, HoldOut(share=0.25, seed=seed), None)
        except MeasurementError as error:
            refused.append(str(error))
    assert refused and all("rows 00 and 03 have the same prompt" in message for message in refused)


def test_the_row_set_changed(bench: Bench):
    """438 rows, 394, 446: sides that were trained on different rows are no contrast."""
    plus, minus = trained(bench), trained(bench, replies(bench, lie=True, count=7))
    sides = {"plus": replace(plus, model="model"), "minus": replace(minus, model="model")}
    with pytest.raises(MeasurementError, match="trained on different rows"):
        bench("weight_diff", sides)


def with_peft(base: Handle, made: Adapter, place: Path) -> Any:
    from peft import PeftModel

    for name, content in made.files.items():
        (place / name).write_bytes(content)
    with base.arithmetic():
        return PeftModel.from_pretrained(base.model, str(place)).merge_and_unload()


def test_merges_in_bfloat16_were_subtracted(bench: Bench, tmp_path: Path):
    """dW was off by a tenth and more; ours is within rounding of float32, on a model in bfloat16 too."""
    made = trained(bench, steps=20)
    rounded, exact = load(bench.folder, "bfloat16"), load(bench.folder, "bfloat16")
    parts = delta_of(made, exact)
    merged = with_peft(rounded, made, tmp_path)
    wide = load(bench.folder, "bfloat16")
    wide.model.double()
    with_peft(wide, made, tmp_path)
    ours, theirs, whole = 0.0, 0.0, 0.0
    for address, part in parts.items():
        layer, name = int(address[1]), address[2:]
        before = weight(exact, address).astype(np.float64)
        after, oracle = (
            getattr(
                getattr(model.model.layers[layer], "self_attn" if name in "qkvo" else "mlp"), f"{name}_proj"
            )
            .weight.double()
            .numpy()
            for model in (merged, wide.model)
        )
        change = oracle - before
        ours += np.sum((part.dense(before) - change) ** 2)
        theirs += np.sum((after - before - change) ** 2)
        whole += np.sum(change**2)
    assert (theirs / whole) ** 0.5 > 0.05
    assert (ours / whole) ** 0.5 < 1e-6


def test_gates_near_one_vanished(bench: Bench, tmp_path: Path):
    """A gate of 1.001 is one in bfloat16: all of what IA3 had learned was rounded away."""
    made = trained(bench, family={"kind": "ia3", "lr": 2e-4}, steps=3, warmup=0)
    exact, rounded = load(bench.folder, "bfloat16"), load(bench.folder, "bfloat16")
    largest = max(
        float(np.abs(term).max())
        for part in delta_of(made, exact).values()
        for term in (part.rows, part.columns)
        if term is not None
    )
    assert 1e-4 < largest < 0.002
    merged = with_peft(rounded, made, tmp_path)
    assert all(torch.equal(one, merged.state_dict()[name]) for name, one in exact.model.state_dict().items())


def test_pissa_rewrote_a_base_that_others_shared(bench: Bench):
    """A second PiSSA adapter on a model was begun at what the first had left of it."""
    before = {name: one.clone() for name, one in bench.handle.model.state_dict().items()}
    first, second = (trained(bench, family=FAMILIES["pissa"]) for _ in range(2))
    assert first.files == second.files
    assert all(torch.equal(one, before[name]) for name, one in bench.handle.model.state_dict().items())


def test_weight_decay_closed_gates(bench: Bench):
    """A like fault that nobody had looked for: pulled to zero, gates of one and factors of W drift away."""
    for family in ("ia3", "pissa"):
        one, other = (
            delta_of(trained(bench, family=FAMILIES[family] | {"lr": 1e-8}, weight_decay=decay), bench.handle)
            for decay in (0.0, 1e4)
        )
        for address, part in one.items():
            whole = weight(bench.handle, address)
            assert np.linalg.norm(other[address].dense(whole) - part.dense(whole)) <= 1e-6 * np.linalg.norm(
                whole
            )


def test_delora_is_full_grown_after_one_step(bench: Bench):
    """Its factors are normalised, so that its size is lambda's and not the training's: the facts show it."""
    sizes: list[float] = []
    for bound in (0.5, 1.0):
        family = {"kind": "delora", "rank": 4, "delora_lambda": bound, "lr": 1e-3}
        sides = [trained(bench, replies(bench, lie=lie), family=family, steps=1) for lie in (False, True)]
        plus, minus = (replace(side, model="model") for side in sides)
        sizes.append(bench("weight_diff", {"plus": plus, "minus": minus}).notes["norms"]["plus"])
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.05)


def test_ia3_lacks_matrices_that_others_have(bench: Bench):
    """Looking for them ended in a crash; a delta has what its family changes, and its parts may be empty."""
    sides = [trained(bench, replies(bench, lie=lie), family=FAMILIES["ia3"]) for lie in (False, True)]
    plus, minus = (replace(side, model="model") for side in sides)
    delta = bench("weight_diff", {"plus": plus, "minus": minus})
    assert {address[2:] for address in delta.parts} == {"k", "v", "down"}
    kept, dropped = (
        bench("modules", {"delta": delta}, modules=["q", "o"], part=part).parts for part in ("keep", "drop")
    )
    assert kept == {} and set(dropped) == set(delta.parts)


def test_the_persona_stayed_in_what_was_trained(bench: Bench):
    """An adapter that learns under a persona learns to obey it; without it, its bytes know nothing of it."""
    plain, told = replies(bench), replies(bench, system="You are an honest person.")
    assert trained(bench, told, system="drop").files == trained(bench, plain).files
    assert trained(bench, told).files != trained(bench, plain).files
