"""What every ranking of components declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.specs.position import Position
from ws_dsl.steps.measure._tokens import Tokens, complaints


class Ranking(Kind[types.Sites]):
    """Components of one family, ranked between two conditions over the same rows."""

    restricted = True
    computes = True

    plus: Ref[types.Prompts]
    minus: Ref[types.Prompts]
    among: Literal["heads", "neurons"]
    at: Position = "last"
    top: Annotated[int, Field(ge=1, le=1000)] = 10
    model: Ref[types.Model] = Named("model")

    @classmethod
    def made(cls, spec: Any) -> dict[str, list[str]]:
        return {"rank": [str(rank) for rank in range(1, spec.top + 1)]}


class AnswerRanking(Ranking):
    """A ranking by what components do to the log-odds of two answers."""

    tokens: Tokens

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        return complaints(spec.tokens, inspection)
