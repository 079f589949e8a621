"""What a kind may look at before anything runs."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ws_dsl.specs.checkpoint import Shape


class Complaint(NamedTuple):
    """A mistake that a kind found in its own fields.

    Attributes:
        field: The field, or a path into it such as `tokens.plus`.
        code: Stable slug in kebab case.
        message: What is wrong and what would be right.
    """

    field: str
    code: str
    message: str


class Inspection(Protocol):
    """The planner's view of one cell."""

    def columns(self, field: str) -> dict[str, str] | None:
        """Row columns with their types behind an input, or None where they are not known yet."""
        ...

    def split(self, text: str, field: str = "model") -> list[str] | None:
        """Tokens of a text under the tokenizer of a model input; None where it is not at hand."""
        ...

    def file(self, field: str) -> bytes:
        """Content of the external file that a field names; OSError where it cannot be read."""
        ...

    def shape(self) -> Shape | None:
        """Sizes of the cell's model, or None where its folder is not at hand."""
        ...
