"""Requests to an endpoint: several at once, again where that may help, each reply kept as it comes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from ws_dsl.artifacts.reply import Reply
from ws_dsl.errors import EndpointError
from ws_dsl.specs.canonical import Json
from ws_dsl.steps.cell import Context
from ws_dsl.steps.measure._endpoint import Endpoint

FIRST_PAUSE = 1.0
"""Seconds before a second attempt; every further pause is twice as long."""

LONGEST_PAUSE = 120.0
"""Seconds that an endpoint may ask to be left alone before it is asked no more in this run."""

_PASSING = frozenset({408, 409, 425, 429})
_EXCERPT = 200


class Asked(NamedTuple):
    """Replies to requests, and their keys, in the order of the requests."""

    keys: list[str]
    replies: list[Reply]


def ask(requests: Sequence[dict[str, Json]], endpoint: Endpoint, context: Context) -> Asked:
    """Replies to requests: kept ones, and those of the endpoint to what was never asked.

    Equal requests are asked once, and share their reply.

    Raises:
        EndpointError: the endpoint gives no reply, or must not be asked and a reply is not there. Replies
            that came before are kept.
    """
    keys = [context.replies.key(one) for one in requests]
    wanted = dict(zip(keys, requests, strict=True))
    found = context.replies.find(list(wanted))
    missing = {key: one for key, one in wanted.items() if key not in found}
    if missing and context.replies.offline:
        raise EndpointError(
            f"{len(missing)} of {len(wanted)} replies of {endpoint.name} are not in the store, and "
            f"WS_DSL_OFFLINE forbids to ask for them; the first has the key {next(iter(missing))}"
        )
    if missing:
        found |= _Questions(missing, endpoint, context).fetch(bool(found))
    return Asked(keys, [found[key] for key in keys])


class _Questions:
    """Requests that are made, and what came of them."""

    def __init__(self, missing: Mapping[str, dict[str, Json]], endpoint: Endpoint, context: Context):
        self._missing = missing
        self._endpoint = endpoint
        self._context = context
        self._kept: dict[str, Reply] = {}
        self._odd: dict[str, Reply] = {}

    def fetch(self, known: bool) -> dict[str, Reply]:
        """All replies, by key.

        Args:
            known: Whether the endpoint is known for one that replies as it should. Of another, what is no
                chat completion is not taken for a reply.
        """
        client = _Client(self._endpoint)
        try:
            failure = self._collect(client)
        finally:
            client.close()
        if self._odd and (known or self._kept):
            self._keep(self._odd)
        elif self._odd and failure is None:
            failure = (
                f"what it sends is no chat completion: {next(iter(self._odd.values())).raw!r:.{_EXCERPT}}"
            )
        if failure is not None:
            total = len(self._missing)
            raise EndpointError(
                f"{self._endpoint.url}: {failure}\n{len(self._kept)} of {total} replies came and are kept; "
                f"running again asks for the other {total - len(self._kept)} alone"
            )
        return self._kept

    def _collect(self, client: _Client) -> str | None:
        """Keeps replies as they come; gives what went wrong, after which nothing more is asked."""
        waiting: SimpleQueue[str] = SimpleQueue()
        done: SimpleQueue[tuple[str, Reply | _Failed | None]] = SimpleQueue()
        for key in self._missing:
            waiting.put(key)
        # Who interrupts a run does not wait for a reply.
        for _ in range(min(self._endpoint.concurrency, len(self._missing))):
            Thread(target=self._work, args=(client, waiting, done), daemon=True).start()
        failure: str | None = None
        left = len(self._missing)
        while left:
            came = [done.get(), *(done.get() for _ in range(done.qsize()))]
            left -= len(came)
            good: dict[str, Reply] = {}
            for key, found in came:
                if isinstance(found, Reply):
                    (good if found.raw is None else self._odd)[key] = found
                else:
                    assert found is not None
                    failure = failure or str(found) or None
            self._keep(good)
        return failure

    def _work(
        self,
        client: _Client,
        waiting: SimpleQueue[str],
        done: SimpleQueue[tuple[str, Reply | _Failed | None]],
    ) -> None:
        """Asks until nothing waits; every request is answered for, whatever happens."""
        with suppress(Empty):
            while True:
                key = waiting.get_nowait()
                found: Reply | _Failed | None = None
                try:
                    found = client.ask(self._missing[key]["body"])
                except _Failed as error:
                    found = error
                finally:
                    done.put((key, found))

    def _keep(self, replies: Mapping[str, Reply]) -> None:
        if replies:
            stored = self._context.replies.keep([(self._missing[key], one) for key, one in replies.items()])
            self._kept |= dict(zip(replies, stored, strict=True))
            self._context.advance(len(replies))


class _Failed(Exception):
    """No reply, and asking again does not help; says nothing where another request failed before."""


class _Passing(Exception):
    """No reply now."""

    def __init__(self, message: str, pause: float | None = None):
        super().__init__(message)
        self.pause = pause


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


def _else_unknown(said: object, read: ValidatorFunctionWrapHandler) -> Any:
    # A reply stands, whatever is told of its length.
    try:
        return read(said)
    except ValidationError:
        return None


_Unsure = WrapValidator(_else_unknown)
_Count: TypeAlias = Annotated[Annotated[int, Field(ge=0, lt=2**53)] | None, _Unsure]


class _Usage(BaseModel):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None


class _Completion(BaseModel):
    """What is read of a chat completion."""

    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: Annotated[_Usage | None, _Unsure] = None


class _Client:
    """One endpoint; asked from several threads."""

    def __init__(self, endpoint: Endpoint):
        try:
            import openai
        except ModuleNotFoundError:
            raise EndpointError(
                "an endpoint needs the package openai: pip install 'ws-dsl[openai]'"
            ) from None
        self.stop = Event()
        self._endpoint = endpoint
        self._secret = _secret(endpoint)
        # What other variables of the environment hold is meant for OpenAI itself.
        unsent: Any = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
        self._client = openai.OpenAI(
            base_url=endpoint.url,
            api_key=self._secret or "none",
            timeout=endpoint.timeout,
            max_retries=0,
            default_headers=unsent,
        )

    def ask(self, body: Any) -> Reply:
        """The reply to one request, after as many attempts as it takes and the endpoint's spec admits.

        Raises:
            _Failed: there is none; nothing is asked from then on.
        """
        try:
            return self._attempts(body)
        except _Failed:
            self.stop.set()
            raise

    def close(self) -> None:
        """Ends all that is under way."""
        self.stop.set()
        self._client.close()

    def _attempts(self, body: Any) -> Reply:
        pause, failure = 0.0, ""
        for attempt in range(self._endpoint.attempts):
            if self.stop.wait(pause):
                raise _Failed
            pause = FIRST_PAUSE * 2**attempt
            try:
                reply = self._once(body)
            except _Passing as error:
                failure = str(error)
                pause = pause if error.pause is None else error.pause
                continue
            if reply.raw is None or attempt == self._endpoint.attempts - 1:
                return reply
        raise _Failed(f"{failure}, {self._endpoint.attempts} times")

    def _once(self, body: dict[str, Any]) -> Reply:
        import openai

        fields = dict(body)
        try:
            response = self._client.chat.completions.with_raw_response.create(
                model=fields.pop("model"), messages=fields.pop("messages"), extra_body=fields
            )
        except openai.APITimeoutError:
            raise _Passing(f"no reply within {self._endpoint.timeout:g} s") from None
        except openai.APIConnectionError as error:
            raise _Passing(f"the connection failed: {error.__cause__ or error}") from None
        except openai.APIStatusError as error:
            return self._refused(error)
        return _read(self._hidden(response.text))

    def _refused(self, error: Any) -> Reply:
        """The reply that lies in an error of the endpoint, where one does."""
        said = self._hidden(error.response.text)
        message = f"status {error.status_code}: {said[:_EXCERPT]}"
        if error.status_code in _PASSING or error.status_code >= 500:
            pause = _pause(error.response.headers.get("retry-after"))
            if pause is not None and pause > LONGEST_PAUSE:
                raise _Failed(f"it asks to be left alone for {pause:.0f} s ({message})")
            raise _Passing(message, pause)
        if error.code == "content_filter":
            return Reply(None, "content_filter", said)
        raise _Failed(message)

    def _hidden(self, text: str) -> str:
        """A text of the endpoint without the API key, which some repeat in their errors."""
        return text.replace(self._secret, "[key]") if self._secret else text


def _secret(endpoint: Endpoint) -> str | None:
    if endpoint.key_env is None:
        return None
    if not (found := os.environ.get(endpoint.key_env)):
        raise EndpointError(
            f"the environment variable {endpoint.key_env}, which is to hold the API key, is not set"
        )
    return found


def _read(text: str) -> Reply:
    try:
        found = _Completion.model_validate_json(text)
    except ValidationError:
        return Reply(None, raw=text)
    choice = found.choices[0]
    usage = {name: count for name, count in found.usage or () if count}
    return Reply(choice.message.content, choice.finish_reason, choice.message.refusal, found.model, usage)


def _pause(written: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date (RFC 9110, 10.2.3)."""
    if written is None:
        return None
    try:
        return max(0.0, float(written))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(written) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
