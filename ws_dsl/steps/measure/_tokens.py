"""Two sides of an answer as sets of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ws_dsl.specs.inspection import Complaint, Inspection


class Tokens(BaseModel):
    """Token strings that count for, and against; each must be one token of the model.

    Several on a side are a set: their probabilities are added (log-sum-exp of the logits).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    plus: Annotated[list[str], Field(min_length=1)]
    minus: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _disjoint(self) -> Tokens:
        both = set(self.plus) & set(self.minus)
        if both:
            raise ValueError(f"{sorted(both)[0]!r} is on both sides")
        return self


def complaints(tokens: Tokens, inspection: Inspection) -> Iterator[Complaint]:
    """Strings that are not one token."""
    for side in ("plus", "minus"):
        for token in getattr(tokens, side):
            parts = inspection.split(token)
            if parts is not None and len(parts) != 1:
                yield Complaint(
                    f"tokens.{side}",
                    "not-one-token",
                    f"{token!r} is {len(parts)} tokens of this model: {parts}",
                )


def ids(tokens: Tokens, tokenizer: Any) -> tuple[list[int], list[int]]:
    """Token ids of the plus side and of the minus side.

    Raises:
        ModelError: a string that is not one token.
    """
    from ws_dsl.models.tokens import single_token

    plus, minus = ([single_token(tokenizer, token) for token in side] for side in (tokens.plus, tokens.minus))
    return plus, minus
