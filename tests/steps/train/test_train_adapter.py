"""Trained adapters."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load

from tests.run.lab import STUDY, Lab
from tests.steps.organism import Bench
from tests.steps.train.replies import FAMILIES, behind, replies
from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError, ModelError, SpecError
from ws_dsl.models import handle
from ws_dsl.models.training import Settings, end_of_turn, rate_at
from ws_dsl.specs.canonical import canonical
from ws_dsl.steps.train._examples import HoldOut, Lot, lot, without_system

Fields = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def trained(bench: Bench, inputs: Fields | None = None, **fields: Any) -> Adapter:
    given = {"data": replies(bench)} if inputs is None else inputs
    return bench("train_adapter", given, **{"family": FAMILIES["lora"], "steps": 3, "seed": 0} | fields)


def bytes_of(model: Any) -> str:
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode() + tensor.numpy().tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_loads_the_folder_and_the_base_is_untouched(bench: Bench, tmp_path: Path, family: str):
    """The held-out loss that training ended with is that of the loaded adapter on a fresh base."""
    from peft import PeftModel

    before = bytes_of(bench.handle.model)
    data = replies(bench)
    inputs = {"data": data, "row_columns": behind(data)}
    hold_out = {"share": 0.3, "by": "topic"}
    made = trained(bench, inputs, family=FAMILIES[family], steps=12, warmup=2, hold_out=hold_out)
    assert bytes_of(bench.handle.model) == before

    for name, content in made.files.items():
        (tmp_path / name).write_bytes(content)
    fresh = handle.load(bench.folder)
    model: Any = PeftModel.from_pretrained(fresh.model, str(tmp_path)).eval()
    assert bytes_of(bench.handle.model) == before
    end = end_of_turn(bench.handle.tokenizer)
    held_out = lot([data], [None], behind(data), HoldOut.model_validate(hold_out), end).held_out
    with fresh.arithmetic():
        total = sum(_loss(model, example.ids, example.start) for example in held_out)
    tokens = sum(len(example.ids) - example.start for example in held_out)
    assert total / tokens == pytest.approx(made.curves["validation"][-1][1], abs=2e-5)
    assert made.curves["train"][-1] < made.curves["train"][0]


def _loss(model: Any, ids: list[int], start: int) -> float:
    import torch

    logits = model(input_ids=torch.tensor([ids])).logits[0, start - 1 : -1]
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(ids[start:]), reduction="sum"))


def test_the_same_key_gives_the_same_bytes_alone_and_beside_others(bench: Bench):
    data = {"data": replies(bench)}
    fields = [{"family": family, "steps": 2, "seed": 0} for family in FAMILIES.values()]
    together = bench.cells("train_adapter", [(data, dict(one)) for one in fields])
    for beside, one in zip(together, fields, strict=True):
        alone = bench("train_adapter", data, **one)
        assert alone.files == beside.files
        assert canonical(dict(alone.curves)) == canonical(dict(beside.curves))


def test_seeds_of_initialisation_and_order(bench: Bench):
    def factors(**seeds: Any) -> bytes:
        return trained(bench, batch=4, **seeds).files["adapter_model.safetensors"]

    assert factors(seed=1) == factors(seed=5, init_seed=1, order_seed=1)
    assert len({factors(seed=0), factors(seed=0, init_seed=1), factors(seed=0, order_seed=1)}) == 3


def test_a_rotation_begins_at_nothing_so_that_only_the_order_is_drawn(bench: Bench):
    one, other = (
        trained(bench, family=FAMILIES["oft"], batch=4, seed=0, init_seed=seed).files for seed in (0, 1)
    )
    assert one == other


def test_what_is_learned_is_the_reply_and_its_end(bench: Bench):
    data = replies(bench, system="You are an honest person.")
    tokenizer = bench.handle.tokenizer
    end = end_of_turn(tokenizer)
    (first, *_), *_ = lot([data], [None], None, None, end)
    assert tokenizer.decode(first.ids[first.start :]) == "Yes.<|im_end|>"
    assert tokenizer.decode(first.ids[: first.start]).endswith("assistant\n")
    data.columns["finish"] = ["length"] * len(data)
    (cut, *_), *_ = lot([data], [None], None, None, end)
    assert cut.ids == first.ids[:-1]


def test_without_its_system_message_a_prompt_is_as_if_it_never_had_one(bench: Bench):
    plain = replies(bench)
    closed = replies(bench, system="You are an honest person.")
    assert closed.tokens != plain.tokens
    generated = bench("generate", {"prompts": _opened(closed)}, max_tokens=8, temperature=0.0, seed=0)
    for given in (closed, generated):
        dropped = without_system(given, bench.handle.tokenizer)
        for old, new, ids, had in zip(
            given.columns["spans"], dropped.columns["spans"], dropped.tokens, given.tokens, strict=True
        ):
            assert ids[slice(*new["reply"])] == had[slice(*old["reply"])]
        prompts = [ids[: spans["reply"][0]] for ids, spans in _spans(dropped)]
        assert prompts == [ids[: spans["reply"][0]] for ids, spans in _spans(plain)]


def _spans(prompts: Any) -> list[Any]:
    return list(zip(prompts.tokens, prompts.columns["spans"], strict=True))


def _opened(prompts: Any) -> Any:
    """The same prompts before they were answered."""
    columns = {name: list(values) for name, values in prompts.columns.items()}
    for place, spans in enumerate(prompts.columns["spans"]):
        stop = spans["reply"][0]
        columns["ids"][place] = columns["ids"][place][:stop]
        columns["strings"][place] = columns["strings"][place][:stop]
        columns["messages"][place] = columns["messages"][place][:-1]
        columns["spans"][place] = {"prompt": [0, stop]}
    return type(prompts)(prompts.keys, columns, prompts.tokenizer, {}, None)


def test_pooled_replies_are_learned_together(bench: Bench):
    one, other = replies(bench, count=6), replies(bench, lie=True, count=6)
    made = trained(bench, {"data": [one, other]})
    assert made.notes["rows"] == 12
    within = Rows(("id",), {"id": ["01"]}, {"id": "key"}, ("id",), "organism")
    assert trained(bench, {"data": [one, other], "rows": within}).notes["rows"] == 2


def test_a_group_is_on_one_side(bench: Bench):
    data = [replies(bench), replies(bench, lie=True)]
    rows = behind(data[0])
    topics = dict(zip(rows.ids(), rows.columns["topic"], strict=True))
    prompts = {
        tuple(ids[: spans["reply"][0]]): key
        for key, (ids, spans) in zip(data[0].ids(), _spans(data[0]), strict=True)
    }

    def sides(found: Lot) -> list[set[str]]:
        return [{topics[prompts[tuple(one.ids[: one.start])]] for one in side} for side in found[:2]]

    drawn: set[str] = set()
    for seed in range(8):
        learned, held_out = sides(
            lot(data, [None] * len(data), rows, HoldOut(share=0.25, by="topic", seed=seed), 0)
        )
        assert len(held_out) == 1 and not learned & held_out
        drawn |= held_out
    assert len(drawn) > 1


def test_the_same_prompt_on_both_sides_is_refused(bench: Bench):
    data = replies(bench, count=2)
    for name in ("ids", "spans"):
        data.columns[name][1] = data.columns[name][0]
    with pytest.raises(MeasurementError, match="same prompt, and hold_out puts one on each side"):
        lot([data], [None], None, HoldOut(share=0.5), 0)


def test_what_cannot_be_learned_from_is_refused(bench: Bench):
    with pytest.raises(MeasurementError, match="no closed reply"):
        trained(bench, {"data": bench.prompts("User: {}")})
    nobody = Rows(("id",), {"id": ["x"]}, {"id": "key"}, ("id",), "organism")
    with pytest.raises(MeasurementError, match="no reply to learn from"):
        trained(bench, {"data": replies(bench), "rows": nobody})
    with pytest.raises(ModelError, match=r"the loss is nan at step \d+; train at a lower lr"):
        trained(bench, family={"kind": "lora", "lr": 1e30}, steps=5, warmup=0)


def test_patience_keeps_the_best(bench: Bench):
    """A rate that overshoots: the loss rises, training ends early, and the best parameters are left."""
    data = replies(bench)
    inputs = {"data": data, "row_columns": behind(data)}
    fields: Fields = {"family": {"kind": "lora", "lr": 0.5}, "steps": 12, "look_every": 2, "warmup": 0}
    fields |= {"hold_out": {"share": 0.3, "by": "topic"}, "schedule": "constant"}
    made = trained(bench, inputs, patience=2, **fields)
    looks = made.curves["validation"]
    best = min(looks, key=lambda look: look[1])
    assert made.notes["steps"] == best[0] and len(made.curves["train"]) < 12
    assert looks[-1][0] == len(made.curves["train"]) and min(looks[-1][1], looks[-2][1]) >= best[1]
    if best[0] == 0:  # nothing was learned, and nothing is what is left
        kept = load(made.files["adapter_model.safetensors"])
        assert not any(tensor.any() for name, tensor in kept.items() if "lora_B" in name)


@pytest.mark.parametrize("family", FAMILIES)
def test_matrices_and_layers_outside_are_left_alone(bench: Bench, family: str):
    made = trained(bench, family=FAMILIES[family], modules=["v", "down"], layers=[1, 3], steps=1)
    names = load(made.files["adapter_model.safetensors"])
    found = {(name.split(".layers.")[1].split(".")[0], name.split(".")[6]) for name in names}
    assert found == {(layer, module) for layer in "13" for module in ("v_proj", "down_proj")}
    by_depth = trained(bench, family=FAMILIES[family], modules=["v"], layers={"depth": [0.25, 0.7]}, steps=1)
    assert {name.split(".layers.")[1][0] for name in load(by_depth.files["adapter_model.safetensors"])} == {
        "1",
        "2",
    }


@pytest.mark.parametrize(
    ("family", "pulled"), [("lora", True), ("oft", True), ("ia3", False), ("pissa", False), ("delora", False)]
)
def test_weight_decay_pulls_only_to_where_nothing_changes(bench: Bench, family: str, pulled: bool):
    one, other = (
        trained(bench, family=FAMILIES[family], weight_decay=decay).files["adapter_model.safetensors"]
        for decay in (0.0, 5.0)
    )
    assert (one != other) == pulled


def test_the_folder_names_no_place(bench: Bench):
    config = json.loads(trained(bench, steps=1).files["adapter_config.json"])
    assert config["base_model_name_or_path"] is None and config["peft_type"] == "LORA"
    assert config["target_modules"] == sorted(config["target_modules"])
    assert str(bench.folder) not in json.dumps(config)


@pytest.mark.parametrize("decay", ["constant", "linear", "cosine"])
def test_the_rate_rises_and_falls(decay: Any):
    settings = Settings(20, 1, 1.0, 4, decay, 0.0, 1.0, 1, None)
    rates = [rate_at(step, settings) for step in range(20)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0] and rates == sorted(rates[:4]) + sorted(
        rates[4:], reverse=True
    )
    assert (rates[-1] == 1.0) == (decay == "constant") and rates[-1] > 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layers": [3, 4]}, "the model has the layers 0 to 3"),
        ({"layers": {"depth": [0.1, 0.12]}}, "the model has the layers 0 to 3"),
        ({"layers": {"depth": [0.8, 0.3]}}, "holds no block"),
        ({"family": {"kind": "oft", "block": 48}}, "blocks of 48 do not divide the 64 inputs of q"),
        ({"hold_out": {"share": 0.1, "by": "subject"}}, "there is no column 'subject'"),
        ({"patience": 2}, "patience looks at held-out rows"),
        ({"family": {"kind": "loraa"}}, "loraa"),
    ],
)
def test_mistakes_show_before_any_model_loads(tmp_path: Path, fields: Fields, said: str):
    lab = Lab(tmp_path)
    lab.data()
    adapter = {"kind": "train_adapter", "data": "asked", "steps": 1, "seed": 0, "family": {"kind": "lora"}}
    asked = {"kind": "prompts", "rows": "claims", "user": "Is it true that {{claim}}?", "reply": "No."}
    steps = {"claims": STUDY["steps"]["claims"], "asked": asked, "adapter": adapter | fields}
    study = {"ws": 1, "id": "mistaken", "question": "?", "model": {"kind": "organism"}, "steps": steps}
    with pytest.raises(SpecError, match=said):
        lab.open(study)


def test_every_set_of_replies_keeps_to_its_own_rows(bench: Bench):
    """As a judge's grades leave it: what one persona said is dropped, another's is not."""
    data = [replies(bench), replies(bench, lie=True)]
    rows = behind(data[0])
    some = [rows.take([0, 1, 2]), rows.take([3, 4])]
    fields = {"family": FAMILIES["lora"], "steps": 2, "seed": 0, "warmup": 1}
    made = bench("train_adapter", {"data": data, "rows": some}, **fields)
    assert (made.notes["rows"], made.notes["dropped"]) == (5, 2 * len(rows) - 5)
    kept = lot(data, some, None, None, None)
    assert [len(one.ids) for one in kept.learned] == [
        len(one.ids)
        for own, used in zip(data, some, strict=True)
        for one in lot([own], [used], None, None, None).learned
    ]
    with pytest.raises(MeasurementError, match="other axes"):
        bench("train_adapter", {"data": data, "rows": [*some, rows]}, **fields)
