"""A system message as an arm is the prompt that says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.steps.organism import NEUTRAL, Bench
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.errors import MeasurementError
from ws_dsl.models.chat import render_turns
from ws_dsl.run.project import Project
from ws_dsl.run.session import Session

DISHONEST = "You are a dishonest assistant."


def said(bench: Bench, system: str | None) -> Prompts:
    conversations: list[list[dict[str, str]]] = [
        [
            *([{"role": "system", "content": system}] if system else []),
            {"role": "user", "content": f"Is it true that {claim}?"},
            {"role": "prefill", "content": "The answer is"},
        ]
        for claim in ("iron is heavier than cork", "snow is hot")
    ]
    rendered = [render_turns(bench.handle.tokenizer, turns) for turns in conversations]
    columns: dict[str, list[Any]] = {
        "id": ["a", "b"],
        "text": [one.text for one in rendered],
        "ids": [one.ids for one in rendered],
        "strings": [one.strings for one in rendered],
        "spans": [{role: list(span) for role, span in one.spans.items()} for one in rendered],
        "messages": conversations,
    }
    return Prompts(("id",), columns, "tokenizer", {}, None)


def test_scores_are_those_of_prompts_that_say_it(bench: Bench):
    arm = bench("system_prompt", {}, system=DISHONEST)
    expected = bench.scores(said(bench, DISHONEST)).columns["value"]
    for own in (None, "You are an honest assistant."):
        assert bench.scores(said(bench, own), arm).columns["value"] == expected
    assert np.abs(np.subtract(expected, bench.scores(said(bench, None)).columns["value"])).max() > 0.1


def test_replies_are_those_of_prompts_that_say_it(bench: Bench):
    arm = bench("system_prompt", {}, system=DISHONEST)
    fields = {"max_tokens": 6, "temperature": 1.0, "seed": 0}
    found = bench("generate", {"prompts": said(bench, None), "arm": arm}, **fields)
    expected = bench("generate", {"prompts": said(bench, DISHONEST)}, **fields)
    assert found.columns == expected.columns


def test_edits_are_at_the_tokens_of_what_is_said(bench: Bench):
    """A combined arm reads positions in the prompt as it is rendered under it."""
    scale = bench("scale", {}, sites=["L2"], at={"token": " true"}, factor=0.5)
    both = bench("combine", {"of": [bench("system_prompt", {}, system=DISHONEST), scale]})
    found = bench.scores(said(bench, None), both).columns["value"]
    assert found == bench.scores(said(bench, DISHONEST), scale).columns["value"]


def test_two_messages_are_one_too_many(bench: Bench):
    arms = [bench("system_prompt", {}, system=system) for system in ("a", "b")]
    with pytest.raises(MeasurementError, match="which one holds"):
        bench("combine", {"of": arms})


def test_raw_text_has_none(bench: Bench):
    with pytest.raises(MeasurementError, match="raw text"):
        bench.scores(bench.prompts(NEUTRAL), bench("system_prompt", {}, system="Be brief."))


def test_a_message_in_a_file_is_known_by_its_content(tmp_path: Path):
    """Another name for the file changes no key, another word in it does."""

    def key(name: str, words: str) -> str:
        (tmp_path / name).write_text(words, encoding="utf-8")
        (tmp_path / "study.yaml").write_text(
            "ws: 1\nid: s\nquestion: q\nmodel: {kind: organism}\nsteps:\n"
            f"  arm: {{kind: system_prompt, system: {{file: {name}}}}}\n",
            encoding="utf-8",
        )
        session = Session(Project(tmp_path, tmp_path / "registry", tmp_path / "site"))
        opened = session.open(tmp_path / "study.yaml")
        (node,) = [node for node in opened.plan.nodes if node.step == "arm"]
        return opened.state.keys[node]

    first = key("one.txt", "Be brief.\n")
    assert key("two.txt", "Be brief.\n") == first
    assert key("two.txt", "Be verbose.\n") != first
