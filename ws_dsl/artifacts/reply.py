"""Reply: what an endpoint said to one request."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import canonical

FILE = "reply.json"


@dataclass(frozen=True)
class Reply:
    """What an endpoint said to one request, as it said it.

    Attributes:
        text: The message; None where there is none.
        finish: Why it ended, as the endpoint says it: `stop`, `length`, `content_filter`.
        refusal: What is said in place of a message by an endpoint that refuses; None where it does not.
        model: The model that replied, by the endpoint's own account.
        usage: Tokens by name, such as `prompt_tokens`.
        raw: Body of a response that is no chat completion; None of one that is.
    """

    text: str | None
    finish: str | None = None
    refusal: str | None = None
    model: str | None = None
    usage: dict[str, int] = field(default_factory=dict[str, int])
    raw: str | None = None

    @property
    def shown(self) -> str:
        """What there is to read of it."""
        return self.text or self.refusal or self.raw or ""

    def to_artifact(self) -> Artifact:
        return Artifact({FILE: canonical(asdict(self))}, {"finish": self.finish, "model": self.model})

    @classmethod
    def from_files(cls, read: Reader) -> Reply:
        return cls(**json.loads(read(FILE)))
