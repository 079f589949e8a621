"""Positions in a row of tokens, as they are written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from ws_dsl.specs.canonical import Json

Role: TypeAlias = Literal["last", "prompt_last", "reply_first", "reply_last", "reply", "all"]
"""`last`: the last token of the row; `prompt_last`: the last one before a closed reply, or of the row where
there is none; `reply_first`, `reply_last` and `reply`: tokens of the closed reply; `all`: every token."""

During: TypeAlias = Literal["prompt", "generated", "both"]
"""Tokens of the prompt, those of the reply, or both; the same ones while a reply is written and when it is
read again."""


class TokenPosition(BaseModel):
    """A token by its string.

    Attributes:
        token: The token's whole string, leading space included.
        count: Which of the tokens with this string: 1 is the first, −1 the last.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Annotated[str, Field(min_length=1)]
    count: Annotated[int, Field(strict=True)] = 1

    @field_validator("count")
    @classmethod
    def _counted(cls, count: int) -> int:
        if count == 0:
            raise ValueError("counts are 1 for the first, 2 for the second, −1 for the last")
        return count


Index: TypeAlias = Annotated[int, Field(strict=True)]
"""An index in the row, negative from its end."""

Position: TypeAlias = Role | Index | TokenPosition

Positions: TypeAlias = Position | Annotated[list[Position], Field(min_length=1)]
"""One position or several, in the order they are written."""


def read(written: object) -> Positions:
    """Positions from their JSON form."""
    return _POSITIONS.validate_python(written)


def write(positions: Positions | Literal["shared_suffix"]) -> Json:
    """Positions in their JSON form."""
    return TypeAdapter[Any](Any).dump_python(positions, mode="json")


_POSITIONS: TypeAdapter[Positions] = TypeAdapter(Positions)
