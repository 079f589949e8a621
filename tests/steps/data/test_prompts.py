"""Rows as prompts: templates, roles, BOS, answers, and mistakes before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import checkpoints
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.prompts import Prompts as Rendered
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import SpecError
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session
from ws_dsl.steps.cell import Cell
from ws_dsl.steps.data import prompts
from ws_dsl.steps.data._template import fill, slots

ROWS = Rows(
    ("id",),
    {
        "id": ["a", "b"],
        "claim": ["iron is heavy", "{{claim}} \n é"],
        "label": [True, False],
        "weight": [1.0, 2.5],
        "side": [1, -1],
    },
    {"id": "key", "claim": "text", "label": "bool", "weight": "number", "side": "sign"},
    ("id",),
    "organism",
)


@pytest.fixture(scope="module", params=["qwen3", "llama"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return checkpoints.tokenizer(request.param)


class Given:
    def __init__(self, value: Any):
        self.value = value

    def open(self) -> Any:
        return self.value


def render(tokenizer: Any, **fields: Any) -> Rendered:
    spec = prompts.Prompts.model_validate({"rows": "rows", **fields})
    model = Model({}, "digest of the tokenizer", "organism", "float32", None, "hugging_face", "tiny")

    class Context:
        def tokenizer(self, source: Any) -> Any:
            return tokenizer

    cell = Cell(spec, {"rows": [Given(ROWS)], "model": [Given(model)]})  # pyright: ignore[reportArgumentType]
    ((_, made),) = prompts.run([cell], Context())  # pyright: ignore[reportArgumentType]
    return Rendered.from_files(lambda name: bytes(made.files[name]))  # pyright: ignore[reportArgumentType]


def test_slots_are_columns_and_their_values_are_kept_to_the_letter(tokenizer: Any):
    made = render(tokenizer, text="{{ claim }} | {{claim}} | {{label}} | {{weight}} | {x}")
    bos = tokenizer.bos_token or ""
    assert [text.removeprefix(bos) for text in made.columns["text"]] == [
        "iron is heavy | iron is heavy | true | 1 | {x}",
        "{{claim}} \n é | {{claim}} \n é | false | 2.5 | {x}",
    ]
    assert made.ids() == [("a",), ("b",)]


@pytest.mark.parametrize("fields", [{"text": "{{claim}}"}, {"user": "{{claim}}", "system": "Be brief."}])
def test_bos_is_there_once_where_the_model_has_one(tokenizer: Any, fields: dict[str, str]):
    for ids in render(tokenizer, **fields).columns["ids"]:
        if tokenizer.bos_token_id is None:
            continue
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.bos_token_id) == 1


def test_a_conversation_is_the_tokenizers_own_template(tokenizer: Any):
    made = render(tokenizer, system="Be brief.", user="Is it true that {{claim}}?")
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is it true that iron is heavy?"},
    ]
    own = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    assert made.columns["text"][0].startswith(own.rstrip())


def test_ids_and_strings_stand_for_the_text(tokenizer: Any):
    made = render(tokenizer, user="{{claim}}", assistant="The answer is")
    for text, ids, strings in zip(
        made.columns["text"], made.columns["ids"], made.columns["strings"], strict=True
    ):
        assert tokenizer.decode(ids) == text
        assert len(strings) == len(ids)


def test_an_open_answer_ends_the_prompt_and_a_closed_one_does_not(tokenizer: Any):
    opened = render(tokenizer, user="{{claim}}", assistant="The answer is")
    closed = render(tokenizer, user="{{claim}}", reply="The answer is")
    assert all(text.endswith("The answer is") for text in opened.columns["text"])
    for text, strings, spans in zip(
        closed.columns["text"], closed.columns["strings"], closed.columns["spans"], strict=True
    ):
        assert not text.endswith("The answer is")
        assert "".join(strings[slice(*spans["reply"])]).strip() == "The answer is"


def test_answers_and_signs_travel_along(tokenizer: Any):
    made = render(tokenizer, text="{{claim}}", answers={"A": 1, "B": 0.5}, sign="side")
    assert made.answers == {"A": 1.0, "B": 0.5}
    assert made.signs == [1, -1]
    assert render(tokenizer, text="x", answers=[1, 2], sign=-1).answers == {"1": 1.0, "2": 2.0}
    assert render(tokenizer, text="x", sign=-1).signs == [-1, -1]
    assert render(tokenizer, text="x").tokenizer == "digest of the tokenizer"


WRONG = [
    {},
    {"text": "a", "user": "b"},
    {"text": "a", "system": "b"},
    {"text": "a", "reply": "b"},
    {"user": "a", "assistant": "b", "reply": "c"},
    {"text": "{{claim | upper}}"},
    {"text": "{{claim"},
    {"text": "{{ if x }}"},
    {"text": "{{}}"},
]


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_what_is_no_prompt_is_refused(fields: dict[str, str]):
    with pytest.raises(ValueError, match="Prompts"):
        prompts.Prompts.model_validate({"rows": "rows", **fields})


def test_slots_are_found_and_filled_once():
    assert slots("{{a}} { b } {{ a }}{{c.d}}") == ["a", "a", "c.d"]
    assert fill("{{a}}", {"a": "{{b}}", "b": "no"}) == "{{b}}"


def test_mistakes_are_told_where_the_template_is_written(tmp_path: Path):
    checkpoints.build(tmp_path / "tiny", "qwen3")
    (tmp_path / "d.jsonl").write_text('{"id": 1, "claim": "x", "world": "organism"}\n', encoding="utf-8")
    (tmp_path / "study.yaml").write_text(
        "ws: 1\nid: s\nquestion: q\nmodel: {kind: hf_model, path: tiny}\nsteps:\n"
        "  d: {kind: dataset, path: d.jsonl, key: id, columns: {claim: text}}\n"
        "  a: {kind: prompts, rows: d, text: '{{clam}}'}\n"
        "  b: {kind: prompts, rows: d, text: '{{claim}}', sign: claim, answers: [' Yes indeed']}\n"
        "  c: {kind: prompts, rows: d, over: {user: {one: '{{claim}}', two: '{{id}} {{topic}}'}}}\n",
        encoding="utf-8",
    )
    session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
    with pytest.raises(SpecError) as caught:
        session.open(tmp_path / "study.yaml")
    told = {(p.place.line, p.place.column, p.code) for p in caught.value.problems}
    assert told == {
        (7, 22, "wrong-world"),
        (7, 31, "unknown-column"),
        (8, 50, "unknown-column"),
        (8, 63, "not-one-token"),
        (9, 63, "unknown-column"),
    }
