"""What a kind may look at before anything runs."""

from __future__ import annotations

from typing import NamedTuple, Protocol


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

    def file(self, path: str) -> bytes | None:
        """Content of an external file that is not yet in the store; None when it is and was read before."""
        ...

    def label(self, path: str) -> str:
        """How the file is named in messages."""
        ...
