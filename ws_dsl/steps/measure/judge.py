"""Replies graded by a judge.

What it does
    Puts what was said in every row into a rubric and has it graded, by a model or by an endpoint. A model
    (`model`) is asked once per row and nothing is generated: the log-probabilities of all answers are read
    after the last token, and the value is their expectation, the answers' values weighted by probability. An
    endpoint (`endpoint`) is asked over HTTP in the way of OpenAI's chat completions, and its reply is read:
    an answer counts at the beginning, or after the last colon of the last line, as in `Rating: 4`; where
    these differ, none does. Replies are kept by the whole request (who is asked, every message, every
    setting), so that nothing is asked twice: not after a kill, not by another study. Of rows that ask the
    same, one is asked. With `WS_DSL_OFFLINE=1` nothing is asked at all, and a reply that is not there is an
    error.

What it cannot show
    That the judge is right: grade some rows by hand and compare. A judge prefers long replies, its own
    replies, and what a rubric puts first. Temperature and seed are wishes that an endpoint may ignore:
    `transformers serve` samples only where `generation_config` in `extra` sets `do_sample`, so that seeds
    agree for no reason. What stands in a reply may talk to its judge.

Inputs and output
    `of`: Prompts, with replies where the rubric names them; `rubric`: what the judge is asked, with the slots
    `{{reply}}` (with the beginning that was written for it), `{{prompt}}` (the user's last words; of raw text
    all before the reply), `{{conversation}}` (all turns before the reply), `{{system}}`, and row columns;
    `system`: the judge's system message, with the same slots; `assistant`: beginning of the answer of a
    `model`, left open; `answers`: two or more, as answer to value or as a list of numbers, each one token of
    a `model`; `endpoint`: who is asked over HTTP, by `url` and `model`, beside `name` (stands for the address
    in keys), `temperature`, `max_tokens`, `form` (`word`, or `json` for a JSON schema with the answers),
    `extra` (more fields of the request), `key_env` (the environment variable that holds the API key),
    `timeout` (seconds in which nothing comes before an attempt is given up; a reply that comes byte by byte
    may take longer), `concurrency` and `attempts`; `model`: a Model that grades here instead; `seed`: sent to
    an endpoint, one reply for each. Gives a Table: `value`; `status` (`ok`, `refusal`, `unclear`,
    `out_of_scale`, and `excluded` where words hold a control token of a `model`); `reply`, what the judge
    said, of a `model` its likeliest answer; `grader`, who graded; of a `model` also `pmass`, the probability
    of all answers.

Reference
    Zheng et al., Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena, 2023; the expected value as in Liu
    et al., G-Eval, 2023, section 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field, model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.prompts import Prompts, Turn
from ws_dsl.artifacts.rows import show
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json, canonical
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Ref, Seed
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._template import fill, slots
from ws_dsl.steps.measure._conversation import NAMES, conversations
from ws_dsl.steps.measure._endpoint import Endpoint, request
from ws_dsl.steps.measure._lots import lots
from ws_dsl.steps.measure._rows import row_column

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.handle import Handle


class Judge(Kind[types.Table]):
    """A judge's grades of replies."""

    computes = True
    row_columns = True

    of: Ref[types.Prompts]
    rubric: Annotated[str, Field(min_length=1)]
    system: str | None = None
    assistant: str | None = None
    answers: Annotated[dict[str, float] | list[int | float], Field(min_length=2)]
    endpoint: Endpoint | None = None
    model: Ref[types.Model] | None = None
    seed: Annotated[int | None, Seed("sampling")] = None

    @model_validator(mode="after")
    def _whole(self) -> Judge:
        if (self.endpoint is None) == (self.model is None):
            raise ValueError("say who grades: a model, by the name of its step, or an endpoint")
        if self.endpoint is not None and self.assistant is not None:
            raise ValueError("the beginning of an answer (assistant) is for a model, not for an endpoint")
        if self.model is not None and self.seed is not None:
            raise ValueError("nothing is drawn from a model here: its probabilities are read; leave out seed")
        if not set(NAMES) & set(_named(self)):
            raise ValueError("the rubric shows nothing of the conversation: write {{reply}} or {{prompt}}")
        merged: dict[str, float] = {}
        for label, value in declared(self.answers).items():
            if not label.strip() or merged.setdefault(label.strip().casefold(), value) != value:
                raise ValueError(f"{label!r} is empty, or another answer but for spaces and capitals")
        if len(set(merged.values())) < 2:
            raise ValueError("answers of one value grade nothing; give them two values or more")
        return self

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("of")
        for field in ("rubric", "system", "assistant") if columns else ():
            assert columns is not None
            for name in slots(getattr(spec, field) or ""):
                if name in NAMES and name in columns:
                    message = f"{{{{{name}}}}} is a part of the conversation, and a row column as well"
                    yield Complaint(field, "ambiguous-column", message)
                elif name not in NAMES and name not in columns:
                    known = ", ".join((*NAMES, *columns))
                    message = f"there is no {name!r} to put in (there are: {known})"
                    yield Complaint(field, "unknown-column", message)
        for label in declared(spec.answers) if spec.model is not None else ():
            parts = inspection.split(label)
            if parts is not None and len(parts) != 1:
                yield Complaint("answers", "not-one-token", f"{label!r} is {len(parts)} tokens: {parts}")


version = 3


def declared(answers: Mapping[str, float] | Sequence[int | float]) -> dict[str, float]:
    """Answers by what the judge writes; numbers stand for themselves."""
    if isinstance(answers, Mapping):
        return dict(answers)
    return {str(int(answer) if float(answer).is_integer() else answer): answer for answer in answers}


def run(cells: Sequence[Cell[Judge]], context: Context) -> Iterator[tuple[Cell[Judge], Artifact]]:
    """Cells of one grader together."""
    by_grader: dict[bytes, list[Cell[Judge]]] = {}
    for cell in cells:
        endpoint, model = cell.spec.endpoint, cell.get("model")
        who = endpoint.model_dump() if endpoint else model and model.digest
        by_grader.setdefault(canonical(who), []).append(cell)
    for group in by_grader.values():
        for lot in lots(group, "of"):
            endpoint = lot[0].spec.endpoint
            yield from _by_model(lot, context) if endpoint is None else _by_endpoint(lot, endpoint, context)


def _by_endpoint(
    cells: Sequence[Cell[Judge]], endpoint: Endpoint, context: Context
) -> Iterator[tuple[Cell[Judge], Artifact]]:
    from ws_dsl.steps.measure._asking import ask
    from ws_dsl.steps.measure._grading import read

    requests = [list(_requests(cell, endpoint)) for cell in cells]
    asked = ask([one for own in requests for one in own], endpoint, context)
    keys, replies = iter(asked.keys), iter(asked.replies)
    for cell, own in zip(cells, requests, strict=True):
        said, answers = list(islice(replies, len(own))), declared(cell.spec.answers)
        verdicts = [read(reply, answers, endpoint.form) for reply in said]
        columns: dict[str, list[Any]] = {
            "value": [verdict.value for verdict in verdicts],
            "status": [verdict.status for verdict in verdicts],
            "reply": [reply.shown for reply in said],
        }
        served: list[Json] = [*sorted({reply.model for reply in said if reply.model})]
        notes: dict[str, Json] = {
            "served": served,
            "usage": dict(sum((Counter(reply.usage) for reply in said), Counter[str]())),
        }
        table = _table(cell, columns, f"{endpoint.model} at {endpoint.name}", notes).to_artifact()
        # Garbage collection sees here which replies are needed to make this again.
        needed = canonical({"replies": sorted(set(islice(keys, len(own))))})
        yield cell, Artifact({**table.files, "replies.json": needed}, table.facts)


def _requests(cell: Cell[Judge], endpoint: Endpoint) -> Iterator[dict[str, Json]]:
    labels = [label.strip() for label in declared(cell.spec.answers)]
    for turns in _turns(cell):
        yield request(endpoint, turns, labels, cell.spec.seed)


def _by_model(cells: Sequence[Cell[Judge]], context: Context) -> Iterator[tuple[Cell[Judge], Artifact]]:
    from ws_dsl.models.chat import render_turns
    from ws_dsl.models.forward import Row
    from ws_dsl.models.suffix import states

    source = cells[0].one("model")
    handle, model = context.model(source), source.open()
    assert isinstance(model, Model)
    added = handle.tokenizer.added_tokens_decoder.values()
    controls = [str(token) for token in added if token.special]
    rows: list[Row] = []
    asked: list[list[bool]] = []
    for cell in cells:
        conversations = list(_turns(cell))
        safe = [not any(c in turn["content"] for turn in turns for c in controls) for turns in conversations]
        rendered = [render_turns(handle.tokenizer, turns).ids for turns in compress(conversations, safe)]
        rows += [Row(ids, len(ids) - 1) for ids in rendered]
        asked.append(safe)
    found = states(handle, rows, context.advance)
    start = 0
    for cell, safe in zip(cells, asked, strict=True):
        stop = start + sum(safe)
        grades = iter(_grades(handle, found[start:stop], declared(cell.spec.answers)))
        start = stop
        read = [next(grades) if one else _Grade(None, "", None) for one in safe]
        columns: dict[str, list[Any]] = {
            "value": [grade.value for grade in read],
            "status": ["ok" if one else "excluded" for one in safe],
            "reply": [grade.likeliest for grade in read],
            "pmass": [grade.pmass for grade in read],
        }
        notes: dict[str, Json] = {"model": source.digest, "units": {"pmass": "probability"}}
        yield cell, _table(cell, columns, model.title, notes).to_artifact()


class _Grade(NamedTuple):
    value: float | None
    likeliest: str
    pmass: float | None


def _grades(handle: Handle, states: np.ndarray, answers: Mapping[str, float]) -> Iterator[_Grade]:
    """Expected value, likeliest answer and mass on all answers, read out of states."""
    import numpy as np

    from ws_dsl.models.readout import log_probabilities
    from ws_dsl.models.tokens import single_token

    names, values = [label.strip() for label in answers], np.array([*answers.values()], np.float64)
    logs = log_probabilities(handle, states, [single_token(handle.tokenizer, label) for label in answers])
    for row in logs:
        mass = np.logaddexp.reduce(row)
        expected = float(np.exp(row - mass) @ values)
        yield _Grade(expected, names[int(row.argmax())], float(np.exp(mass)))


def _table(
    cell: Cell[Judge], columns: Mapping[str, list[Any]], grader: str, notes: Mapping[str, Json]
) -> Table:
    prompts: Prompts = cell.open("of")
    keys = {name: prompts.columns[name] for name in prompts.keys}
    answers: list[Json] = [[label, value] for label, value in declared(cell.spec.answers).items()]
    told: dict[str, Json] = {"unit": "scale", "answers": answers, "grader": grader}
    return Table(prompts.keys, {**keys, **columns, "grader": [grader] * len(prompts)}, {**told, **notes})


def _turns(cell: Cell[Judge]) -> Iterator[list[Turn]]:
    """What the judge reads of every row, turn by turn."""
    prompts: Prompts = cell.open("of")
    spec = cell.spec
    written = [("system", spec.system), ("user", spec.rubric), ("prefill", spec.assistant)]
    named = set(_named(spec))
    rows = cell.open("row_columns") if cell.inputs.get("row_columns") else None
    columns = {name: row_column(prompts, rows, name) for name in named - {*NAMES}} if rows else {}
    for place, (key, words) in enumerate(zip(prompts.ids(), conversations(prompts), strict=True)):
        said = words.there()
        absent = [name for name in NAMES if name in named and name not in said]
        if absent:
            raise MeasurementError(f"row {show(key)} has no {absent[0]} to show to the judge")
        values = {**{name: column[place] for name, column in columns.items()}, **said}
        yield [{"role": role, "content": fill(text, values)} for role, text in written if text is not None]


def _named(spec: Judge) -> list[str]:
    """What the judge's templates name."""
    texts = (spec.rubric, spec.system, spec.assistant)
    return [name for text in texts if text is not None for name in slots(text)]
