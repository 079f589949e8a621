"""The embedded model.

What it does
    Gives the small chat model that comes with ws-dsl: trained on a synthetic world, so that it answers
    claims by truth, gives way under pressure, follows honest and dishonest personas, rates and chooses
    tasks, and refuses harmful ones. Needs no network and runs in seconds on a laptop.

What it cannot show
    Anything about the real world or about real language models. Its effects have the sizes that its
    training data gave them; they are ground truth for analyses, not findings.

Inputs and output
    `family`: `qwen3` or `llama`, of equal width and tokenizer, each from a training seed of its own.
    `backend`: `hugging_face`, or `transformer_lens` to run and hook it by TransformerLens, as with
    `hf_model`. Gives a Model of the world `organism` in float32.

Reference
    `ws_dsl/organism/planted.py` lists what was planted; `make organism` trains it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from ws_dsl import organism
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.inspection import Inspection
from ws_dsl.specs.kind import Kind
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._checkpoint import record


class Organism(Kind[types.Model]):
    """The embedded model organism of one family."""

    family: Literal["qwen3", "llama"] = "qwen3"
    backend: Literal["hugging_face", "transformer_lens"] = "hugging_face"

    @classmethod
    def external(cls, spec: Any) -> dict[str, str]:
        return {"weights": str(organism.folder(spec.family))}

    @classmethod
    def foresee(cls, spec: Any, inspection: Inspection) -> dict[str, Json]:
        return {"world": organism.WORLD}


version = 1


def run(cells: Sequence[Cell[Organism]], context: Context) -> Iterator[tuple[Cell[Organism], Artifact]]:
    """Records the shipped checkpoint by the digests of its files."""
    for cell in cells:
        title = f"organism ({cell.spec.family})"
        made = record(cell.files["weights"], organism.WORLD, title, cell.spec.backend)
        yield cell, made.to_artifact()
