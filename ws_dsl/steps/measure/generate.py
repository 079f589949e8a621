"""Replies that a model writes.

What it does
    Continues every prompt, under an arm or none, token by token, until the model ends its turn, a stop string
    comes, or `max_tokens` are there. At temperature 0 it takes the likeliest token, else it draws from the
    exact distribution softmax(logits / temperature). The random numbers are named by the seed, the row's key
    and the place of the token: a row draws the same ones under every arm and rendering, so that arms are
    compared under common random numbers. An arm at a position of the prompt holds there while the prompt is
    read; the reply attends to what it left. One that holds `during` generated tokens is at every token of the
    reply as it is read; the first of them was decided at the prompt's last.

What it cannot show
    What the model would write under top-k, top-p or a repetition penalty: those of its generation
    configuration are not applied. One seed shows one reply of many.

Inputs and output
    `prompts`: Prompts that end open; `arm`: Arm or none; `max_tokens`: at most so many tokens, the model's
    end token counted; `temperature`: 0 or more; `seed`: of the sampling; `stop`: strings before which the
    reply is cut; `model`. Gives Prompts: each row ends with its reply, the end token left off, with the role
    `reply` at its tokens and two more columns: `reply` (its text) and `finish` (`stop` or `length`). A reply
    that is empty has no position.

Reference
    Inverse transform sampling: Devroye, Non-Uniform Random Variate Generation, 1986, II.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.prompts import Prompts, Turn
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref, Seed, none
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.rows import Opened, opened_rows, under

if TYPE_CHECKING:
    from ws_dsl.models.replies import Reply, Request


class Generate(Kind[types.Prompts]):
    """Replies to prompts under an arm."""

    computes = True

    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm] = none
    max_tokens: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(ge=0)]
    seed: Annotated[int, Seed("sampling")]
    stop: list[Annotated[str, Field(min_length=1)]] = []
    model: Ref[types.Model] = Named("model")


version = 2

_TOGETHER = 1024
"""Rows that are generated together; the cells of so many are given when all of them are done."""


def run(cells: Sequence[Cell[Generate]], context: Context) -> Iterator[tuple[Cell[Generate], Artifact]]:
    """Cells of one model together; those with the same prompts and arm share the passes over them."""
    by_model: dict[str, list[Cell[Generate]]] = {}
    for cell in cells:
        by_model.setdefault(cell.one("model").digest, []).append(cell)
    for group in by_model.values():
        lot: list[Cell[Generate]] = []
        for cell in group:
            lot.append(cell)
            if sum(len(one.open("prompts")) for one in lot) >= _TOGETHER:
                yield from _together(lot, context)
                lot = []
        yield from _together(lot, context)


def _together(cells: Sequence[Cell[Generate]], context: Context) -> Iterator[tuple[Cell[Generate], Artifact]]:
    from ws_dsl.models.generation import generate

    if not cells:
        return
    handle = context.model(cells[0].one("model"))
    prepared: dict[tuple[str, str | None], tuple[Prompts, list[Opened]]] = {}
    requests: list[Request] = []
    for cell in cells:
        arm = cell.get("arm")
        same = (cell.one("prompts").digest, arm.digest if arm else None)
        if same not in prepared:
            opened = arm.open() if arm else None
            prompts = under(cell.open("prompts"), opened, handle.tokenizer)
            prepared[same] = prompts, opened_rows(prompts, opened, cell.one("model").digest)
        requests += _requests(cell.spec, *prepared[same])
    replies = iter(generate(handle, requests, context.advance))
    for cell in cells:
        arm = cell.get("arm")
        prompts, _ = prepared[cell.one("prompts").digest, arm.digest if arm else None]
        own = [next(replies) for _ in range(len(prompts))]
        yield cell, _replied(prompts, own, handle.tokenizer).to_artifact()


def _requests(spec: Generate, prompts: Prompts, rows: Sequence[Opened]) -> Iterator[Request]:
    from ws_dsl.models.replies import Request

    for key, row in zip(prompts.ids(), rows, strict=True):
        yield Request(
            row.ids,
            spec.max_tokens,
            row.edits,
            row.throughout,
            temperature=spec.temperature,
            stream=(spec.seed, *key),
            stop=tuple(spec.stop),
            weights=row.weights,
        )


def _answered(said: list[Turn], reply: str) -> list[Turn]:
    """A conversation whose last turn is what was replied, after what it was made to begin with."""
    if said[-1]["role"] == "prefill":
        return [*said[:-1], {"role": "assistant", "content": said[-1]["content"] + reply}]
    return [*said, {"role": "assistant", "content": reply}]


def _replied(prompts: Prompts, replies: Sequence[Reply], tokenizer: Any) -> Prompts:
    """The prompts, each with its reply at the end."""
    from ws_dsl.models.replies import continuation
    from ws_dsl.models.tokens import strings

    columns: dict[str, list[Any]] = dict(prompts.columns)
    starts = [len(ids) for ids in prompts.tokens]
    stops = [start + len(reply.ids) for start, reply in zip(starts, replies, strict=True)]
    columns["ids"] = [[*ids, *reply.ids] for ids, reply in zip(prompts.tokens, replies, strict=True)]
    columns["text"] = [
        text + continuation(tokenizer, ids[-1], reply.ids)
        for text, ids, reply in zip(prompts.columns["text"], prompts.tokens, replies, strict=True)
    ]
    columns["strings"] = [
        [*said, *strings(tokenizer, reply.ids)]
        for said, reply in zip(prompts.columns["strings"], replies, strict=True)
    ]
    columns["spans"] = [
        {**spans, "prompt": [0, start], "reply": [start, stop]}
        for spans, start, stop in zip(prompts.columns["spans"], starts, stops, strict=True)
    ]
    columns["messages"] = [
        said and _answered(said, reply.text) for said, reply in zip(prompts.messages, replies, strict=True)
    ]
    columns["reply"] = [reply.text for reply in replies]
    columns["finish"] = [reply.finish for reply in replies]
    return Prompts(prompts.keys, columns, prompts.tokenizer, prompts.answers, prompts.signs)
