"""An OpenAI-compatible endpoint, as a study names it, and what is sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ws_dsl.specs.canonical import Json, canonical
from ws_dsl.specs.kind import Presentation

_OURS = ("messages", "model", "temperature", "max_tokens", "seed", "response_format", "stream", "n")


class Endpoint(BaseModel):
    """Who is asked over HTTP, and how.

    `name` stands for the address in keys, so that a server may move. The address, the variable that holds
    the API key, and how requests are made change no reply and are in no key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    url: Annotated[str, Presentation]
    name: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0)] | None = 0.0
    max_tokens: Annotated[int, Field(ge=1)] | None = 256
    form: Literal["word", "json"] = "word"
    extra: dict[str, Any] = {}
    key_env: Annotated[str | None, Presentation] = None
    timeout: Annotated[float, Presentation, Field(gt=0, le=3600)] = 60.0
    concurrency: Annotated[int, Presentation, Field(ge=1, le=64)] = 8
    attempts: Annotated[int, Presentation, Field(ge=1, le=20)] = 5

    @model_validator(mode="before")
    @classmethod
    def _named(cls, written: Any) -> Any:
        if isinstance(written, Mapping) and isinstance(written.get("url"), str):
            return {"name": written["url"].rstrip("/"), **written}
        return written

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an address begins with http:// or https://, such as http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("an address holds no password and no query; the key is in a variable (key_env)")
        return url

    @field_validator("key_env")
    @classmethod
    def _variable(cls, name: str | None) -> str | None:
        if name is not None and not name.isidentifier():
            raise ValueError("expected the name of an environment variable, never the key itself")
        return name

    @field_validator("extra")
    @classmethod
    def _beside(cls, extra: dict[str, Any]) -> dict[str, Any]:
        ours = [name for name in extra if name in _OURS]
        if ours:
            raise ValueError(f"{ours[0]!r} is no extra field; ws-dsl sends it itself, or not at all")
        canonical(extra)
        return extra


def request(
    endpoint: Endpoint, turns: Sequence[Mapping[str, str]], labels: Sequence[str], seed: int | None
) -> dict[str, Json]:
    """Who is asked, and the body of the request as it is sent; its digest names the reply.

    Args:
        endpoint: Who is asked.
        turns: `role` and `content` of every turn.
        labels: Answers that are admitted, for an endpoint that is asked for JSON.
        seed: Of the sampling; None sends none.
    """
    body: dict[str, Json] = {
        "model": endpoint.model,
        "messages": [dict(turn) for turn in turns],
        **endpoint.extra,
    }
    settings = {"temperature": endpoint.temperature, "max_tokens": endpoint.max_tokens, "seed": seed}
    body |= {name: value for name, value in settings.items() if value is not None}
    if endpoint.form == "json":
        schema: dict[str, Json] = {
            "type": "object",
            "properties": {"answer": {"type": "string", "enum": list(labels)}},
            "required": ["answer"],
            "additionalProperties": False,
        }
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "grade", "strict": True, "schema": schema},
        }
    return {"endpoint": endpoint.name, "body": body}
