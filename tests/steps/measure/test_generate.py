"""Replies of the embedded model, against transformers and a loop that runs every token from scratch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.run.lab import CLAIMS, STUDY, Lab
from tests.steps.organism import NEUTRAL, PRESSURE, Bench
from tests.steps.plain import Plain, Unit
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError
from ws_dsl.models.chat import Message, render_chat
from ws_dsl.models.positions import positions
from ws_dsl.models.replies import continuation

ASKED = "User: Is it true that {}?\nAssistant:"
END = 2


def greedy(bench: Bench, prompts: Prompts, arm: Any = None, **fields: Any) -> Prompts:
    inputs = {"prompts": prompts} | ({} if arm is None else {"arm": arm})
    return bench("generate", inputs, **({"max_tokens": 12, "temperature": 0, "seed": 0} | fields))


def replies(prompts: Prompts, made: Prompts) -> list[list[int]]:
    """Token ids of the replies."""
    return [whole[len(ids) :] for ids, whole in zip(prompts.tokens, made.tokens, strict=True)]


def from_scratch(plain: Plain, ids: list[int], held: dict[Unit, torch.Tensor], tokens: int) -> list[int]:
    """The likeliest token again and again, units held at the prompt's last token, no cache."""
    last = len(ids) - 1

    def put(unit: Unit, value: torch.Tensor) -> Any:
        def before(_module: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            changed = inputs[0].clone()
            changed[0, last, plain.slice(unit)] = value
            return (changed,)

        return before

    hooks = [plain.module(unit).register_forward_pre_hook(put(unit, value)) for unit, value in held.items()]
    reply: list[int] = []
    while len(reply) < tokens and (token := int(plain.logits([*ids, *reply]).argmax())) != END:
        reply.append(token)
    for hook in hooks:
        hook.remove()
    return reply


@pytest.mark.parametrize("template", [ASKED, NEUTRAL, PRESSURE])
def test_greedy_is_that_of_transformers(bench: Bench, template: str):
    prompts = bench.prompts(template)
    made = greedy(bench, prompts)
    for ids, reply, finish in zip(
        prompts.tokens, replies(prompts, made), made.columns["finish"], strict=True
    ):
        with bench.handle.arithmetic():
            whole = bench.handle.model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=12,
                do_sample=False,
            )[0].tolist()
        theirs = whole[len(ids) :]
        assert reply == (theirs[: theirs.index(END)] if END in theirs else theirs)
        assert finish == ("stop" if END in theirs else "length")


def test_greedy_under_a_clamp_is_that_of_a_loop_without_cache(bench: Bench, plain: Plain):
    units = [Unit(layer, "heads", head) for layer in (1, 2, 3) for head in range(4)]
    claims = [str(claim["claim"]) for claim in CLAIMS]
    source, prompts = bench.prompts(NEUTRAL, [*claims[1:], claims[0]]), bench.prompts(NEUTRAL)
    arm = bench("clamp", {"source": source}, sites=list(map(str, units)), at="last")
    made = greedy(bench, prompts, arm)
    for ids, other, reply in zip(prompts.tokens, source.tokens, replies(prompts, made), strict=True):
        held = {unit: plain.activations(other, unit.family)[unit] for unit in units}
        assert reply == from_scratch(plain, ids, held, 12)
    assert made.columns["reply"] != greedy(bench, prompts).columns["reply"]


def test_a_clamp_of_the_whole_stream_decides_the_first_token_alone(bench: Bench):
    """At the last layer, the other prompt's state is read once; nothing later attends to it."""
    prompts, other = bench.prompts(ASKED), bench.prompts(PRESSURE)
    arm = bench("clamp", {"source": other}, sites=["L3"], at="last")
    made, free = greedy(bench, prompts, arm, max_tokens=1), greedy(bench, other, max_tokens=1)
    assert made.columns["reply"] == free.columns["reply"]


def test_rows_carry_their_closed_reply(bench: Bench):
    prompts = bench.prompts(ASKED)
    made = greedy(bench, prompts)
    assert made.ids() == prompts.ids() and made.tokenizer == prompts.tokenizer
    for place, ids in enumerate(made.tokens):
        prompt = prompts.tokens[place]
        row = {name: made.columns[name][place] for name in ("strings", "spans", "text", "reply")}
        assert ids[: len(prompt)] == prompt and len(row["strings"]) == len(ids)
        assert row["text"] == prompts.columns["text"][place] + row["reply"] == "".join(row["strings"])
        assert row["reply"] and END not in ids
        named = [positions(name, row["strings"], row["spans"]) for name in ("reply_first", "reply_last")]  # pyright: ignore
        assert named == [[len(prompt)], [len(ids) - 1]]
        assert positions("prompt_last", row["strings"], row["spans"]) == [len(prompt) - 1]
        assert positions("reply", row["strings"], row["spans"]) == list(range(len(prompt), len(ids)))


def test_replies_are_read_again_by_other_kinds(bench: Bench):
    """What is measured at a prompt's last token is the same with the reply behind it."""
    prompts = bench.prompts(NEUTRAL)
    made = greedy(bench, prompts)
    states = bench("final_states", {"prompts": made}, at="prompt_last")
    before = bench("final_states", {"prompts": prompts})
    assert abs(states.tensors["ln_final.hook_out"] - before.tensors["ln_final.hook_out"]).max() < 1e-5


def test_a_conversation_ends_with_the_models_turn(bench: Bench):
    tokenizer = bench.handle.tokenizer
    rendered = [
        render_chat(tokenizer, [Message("user", "Is it true that 2 + 3 = 5?")]),
        render_chat(tokenizer, [Message("user", "Is it true that 2 + 3 = 9?")], prefill="The answer is"),
    ]
    columns: dict[str, list[Any]] = {"id": ["asked", "begun"]}
    for name in ("text", "ids", "strings"):
        columns[name] = [getattr(one, name) for one in rendered]
    columns["spans"] = [{role: list(span) for role, span in one.spans.items()} for one in rendered]
    prompts = Prompts(("id",), columns, "tokenizer", {" Yes": 1.0}, [1, -1])
    made = greedy(bench, prompts)
    assert made.columns["finish"] == ["stop", "stop"]
    assert made.answers == {" Yes": 1.0} and made.signs == [1, -1]
    for spans, one, ids in zip(made.columns["spans"], rendered, made.tokens, strict=True):
        assert spans["user"] == list(one.spans["user"])
        assert spans["reply"] == [len(one.ids), len(ids)]
    assert made.columns["spans"][1]["prefill"] == list(rendered[1].spans["prefill"])
    with pytest.raises(MeasurementError, match="row asked ends with a closed reply"):
        greedy(bench, made)


def test_cells_made_together_are_those_made_alone(bench: Bench):
    """Arms, seeds, temperatures, stop strings and limits beside one another; byte for byte."""
    prompts, pressed = bench.prompts(ASKED), bench.prompts(PRESSURE)
    arm = bench("clamp", {"source": pressed}, sites=["L1", "L3N17"], at="last")
    cells: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (inputs, {"max_tokens": 10, "temperature": 1.0, "seed": 0} | fields)
        for inputs in ({"prompts": prompts}, {"prompts": prompts, "arm": arm}, {"prompts": pressed})
        for fields in (
            {},
            {"seed": 1},
            {"temperature": 0},
            {"temperature": 2.5, "max_tokens": 4},
            {"stop": [" "]},
        )
    ]
    together = bench.cells("generate", [(inputs, dict(fields)) for inputs, fields in cells])
    for (inputs, fields), made in zip(cells, together, strict=True):
        assert bench("generate", inputs, **fields).to_artifact() == made.to_artifact()


def test_a_row_draws_the_same_whatever_the_other_rows_are(bench: Bench):
    prompts = bench.prompts(ASKED)
    made = greedy(bench, prompts, temperature=1.5)
    turned = {name: column[::-1] for name, column in prompts.columns.items()}
    again = greedy(bench, replace(prompts, columns=turned), temperature=1.5)
    assert again.columns["reply"] == made.columns["reply"][::-1]
    few = {name: column[2:4] for name, column in prompts.columns.items()}
    assert greedy(bench, replace(prompts, columns=few), temperature=1.5).tokens == made.tokens[2:4]


def test_seeds_draw_anew_unless_nothing_is_drawn(bench: Bench):
    prompts = bench.prompts(ASKED)
    drawn = [greedy(bench, prompts, temperature=1.5, seed=seed).tokens for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert greedy(bench, prompts, seed=0).to_artifact() == greedy(bench, prompts, seed=1).to_artifact()


def test_stop_strings_cut_the_reply(bench: Bench):
    prompts = bench.prompts(ASKED)
    free = greedy(bench, prompts)
    string = free.columns["reply"][0][2:5]
    made = greedy(bench, prompts, stop=[string])
    for place, (text, whole) in enumerate(zip(made.columns["reply"], free.columns["reply"], strict=True)):
        assert text == whole.partition(string)[0]
        said = continuation(bench.handle.tokenizer, prompts.tokens[place][-1], replies(prompts, made)[place])
        assert said.startswith(text)
        assert made.columns["text"][place] == prompts.columns["text"][place] + said
    assert made.columns["reply"][0] != free.columns["reply"][0]


@pytest.mark.parametrize(
    "fields",
    [{"max_tokens": 0}, {"temperature": -1}, {"temperature": float("nan")}, {"stop": [""]}],
    ids=["no tokens", "cold", "nan", "empty stop"],
)
def test_fields_that_cannot_be_meant(bench: Bench, fields: dict[str, Any]):
    with pytest.raises(ValueError, match="validation error"):
        greedy(bench, bench.prompts(ASKED), **fields)


def test_in_a_study(tmp_path: Any):
    """Over arms and seeds; what is generated is Prompts, and is measured like any other."""
    kept = ("claims", "prompts", "named")
    steps = {name: STUDY["steps"][name] for name in kept} | {
        "said": {
            "kind": "generate",
            "prompts": "prompts[condition=neutral]",
            "arm": "named[site=head]",
            "max_tokens": 5,
            "temperature": 1.0,
            "over": {"seed": [0, 1]},
        },
        "score": {"kind": "logit_diff", "prompts": "said", "tokens": {"plus": [" Yes"], "minus": [" No"]}},
    }
    content = {name: STUDY[name] for name in ("ws", "id", "question", "model")} | {"steps": steps}
    lab = Lab(tmp_path)
    lab.data()
    ran = lab.run(content)
    assert {"said[seed=0]", "said[seed=1]", "score[seed=0]"} <= {str(cell) for cell in ran.computed}
    assert not lab.run(content).made
