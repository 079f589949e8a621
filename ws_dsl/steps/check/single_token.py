"""Every scored answer is one token.

What it does
    Looks every answer token of the study up in the tokenizer of the model that is measured, and compares the
    string of the token found with the string that was written. Always on.

What it cannot show
    That the model would write the answer in this spelling: see `next_token`.

Inputs and output
    `models`: Models, made by the planner; `tokens`: the strings that steps score under each of them.

Reference
    The first token of a longer answer is shared with other answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.errors import ModelError
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context


class SingleToken(Check):
    """Answers of one token."""

    models: Ref[types.Model]
    tokens: list[list[str]]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        found: dict[Node, dict[str, None]] = {}
        for node in nodes:
            tokens = getattr(node.spec, "tokens", None)
            if "tokens" in node.kind.spec.model_fields and "model" in node.inputs and tokens is not None:
                mine = found.setdefault(node.inputs["model"][0].node, {})
                mine.update(dict.fromkeys([*tokens.plus, *tokens.minus]))
        if not found:
            return None
        return Gathered(
            {"models": [Edge(model) for model in found]},
            {"tokens": [list(words) for words in found.values()]},
        )


version = 1


def run(cells: Sequence[Cell[SingleToken]], context: Context) -> Iterator[tuple[Cell[SingleToken], Artifact]]:
    """Encodes every string by itself."""
    from ws_dsl.models.tokens import single_token, strings

    for cell in cells:
        broken: list[tuple[str, int]] = []
        details: list[str] = []
        for index, (model, words) in enumerate(zip(cell.inputs["models"], cell.spec.tokens, strict=True)):
            tokenizer = context.tokenizer(model)
            for word in words:
                try:
                    (found,) = strings(tokenizer, [single_token(tokenizer, word)])
                    good, text = found == word, f"{word!r}"
                except ModelError as error:
                    good, text = False, str(error)
                details.append(text)
                if not good:
                    broken.append(("models", index))
        yield (
            cell,
            Finding(not broken, "every scored answer is one token", ", ".join(details), broken).to_artifact(),
        )
