"""What is asked of a model, what it says, and when it has said it.

An edit is at the same token whether that token is in the prompt, is being generated, or is read again in a
whole pass over prompt and reply: edits name tokens by their index in the row, or all tokens of the prompt, of
the reply, or of both (`Throughout`). What the first generated token is was decided at the prompt's last one;
an edit of generated tokens alone moves the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from ws_dsl.errors import MeasurementError, ModelError
from ws_dsl.models.chat import Message, render_chat
from ws_dsl.models.deltas import Weighted
from ws_dsl.models.edits import Edit, Operation
from ws_dsl.models.handle import Handle
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.position import During
from ws_dsl.specs.site import Site

Finish: TypeAlias = Literal["stop", "length"]


class Throughout(NamedTuple):
    """A change of one activation at every token of a kind.

    Attributes:
        site: What is changed.
        value: Values, float32 of the site's width, or one number for all of its entries.
        operation: As in `ws_dsl.models.edits.Edit`.
        during: Tokens of the prompt, generated ones, or both.
    """

    site: Site
    value: np.ndarray | float = 0.0
    operation: Operation = "set"
    during: During = "both"


class Request(NamedTuple):
    """A prompt to be continued.

    Attributes:
        ids: Token ids of the prompt.
        max_tokens: Most tokens of the reply, its end token included.
        edits: Changes at single tokens, by index in the row; those beyond the prompt are made once the reply
            gets there.
        throughout: Changes at all tokens of the prompt, of the reply, or of both.
        temperature: 0 takes the likeliest token; else tokens are drawn from softmax(logits / temperature).
        stream: Names the random numbers: for example a seed and a row's key.
        stop: Strings before which the reply ends.
        weights: Weight differences under which it is continued.
    """

    ids: Sequence[int]
    max_tokens: int
    edits: Sequence[Edit] = ()
    throughout: Sequence[Throughout] = ()
    temperature: float = 0.0
    stream: tuple[Json, ...] = ()
    stop: tuple[str, ...] = ()
    weights: tuple[Weighted, ...] = ()


class Reply(NamedTuple):
    """What was generated.

    Attributes:
        ids: Token ids, without an end token; before a stop string, the tokens that hold what is said.
        text: What is said, cut right before a stop string.
        finish: `stop`: an end token or a stop string came; `length`: `max_tokens` came first.
    """

    ids: list[int]
    text: str
    finish: Finish


def edits_between(request: Request, start: int, stop: int) -> list[Edit]:
    """A request's edits at the tokens of prompt and reply from `start` to before `stop`, one per token."""
    found = [edit for edit in request.edits if start <= edit.position < stop]
    reply = len(request.ids)
    for steady in request.throughout:
        first = max(start, reply) if steady.during == "generated" else start
        last = min(stop, reply) if steady.during == "prompt" else stop
        found += [Edit(steady.site, place, steady.value, steady.operation) for place in range(first, last)]
    return found


def end_tokens(handle: Handle) -> frozenset[int]:
    """Ids of the tokens that end a reply.

    They are those of the generation configuration and the tokenizer's own, and the special token that the
    chat template writes after what the assistant said.
    """
    configured = handle.model.generation_config.eos_token_id
    found = {handle.tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])}
    if handle.tokenizer.chat_template:
        said = render_chat(handle.tokenizer, [Message("user", "x"), Message("assistant", "x")])
        after = said.ids[said.spans["reply"][1] :][:1]
        added = handle.tokenizer.added_tokens_decoder
        found |= {token for token in after if token in added and added[token].special}
    return frozenset(found - {None})


def continuation(tokenizer: Any, before: int, ids: Sequence[int]) -> str:
    """What tokens say after another one, to the letter, special tokens included."""
    # Decoders may strip the space before a first token; after another one it is kept.
    whole, known = (
        tokenizer.decode(tokens, clean_up_tokenization_spaces=False) for tokens in ([before, *ids], [before])
    )
    return whole[len(known) :]


def check(request: Request, handle: Handle) -> None:
    """Refuses a request that the model cannot answer.

    Raises:
        ModelError: the prompt with its reply is longer than the context.
        MeasurementError: an empty prompt, or an edit outside prompt and reply.
    """
    length = len(request.ids)
    longest = length + request.max_tokens
    if not length:
        raise MeasurementError("a prompt without tokens cannot be continued")
    if longest > handle.shape.context:
        raise ModelError(
            f"a prompt has {length} tokens and its reply up to {request.max_tokens}; the model's context is "
            f"{handle.shape.context}"
        )
    for edit in request.edits:
        if not 0 <= edit.position < longest:
            raise MeasurementError(
                f"position {edit.position} is outside a prompt of {length} tokens and a reply of up to "
                f"{request.max_tokens}"
            )


@dataclass(eq=False)
class Stream:
    """One reply while it is made.

    Attributes:
        request: What it answers.
        indices: Places of the requests that it answers.
        ids: Tokens so far.
        finish: Why it is done; None while it is not.
        cut: Characters of the reply, where a stop string ended it.
    """

    request: Request
    indices: list[int] = field(default_factory=list[int])
    ids: list[int] = field(default_factory=list[int])
    finish: Finish | None = None
    cut: int | None = None

    def take(self, token: int, ends: frozenset[int], tokenizer: Any) -> None:
        """Adds a token, or ends."""
        if token in ends:
            self.finish = "stop"
            return
        self.ids.append(token)
        if self.request.stop:
            text = self._said(tokenizer, len(self.ids))
            cuts = [place for string in self.request.stop if (place := text.find(string)) >= 0]
            if cuts:
                self.cut, self.finish = min(cuts), "stop"
                return
        if len(self.ids) == self.request.max_tokens:
            self.finish = "length"

    def reply(self, tokenizer: Any) -> Reply:
        """The reply, once it is done."""
        assert self.finish is not None
        text, kept = self._said(tokenizer, len(self.ids)), len(self.ids)
        if self.cut is not None:
            text = text[: self.cut]
            kept = next(count for count in range(kept + 1) if self._said(tokenizer, count).startswith(text))
        return Reply(self.ids[:kept], text, self.finish)

    def _said(self, tokenizer: Any, count: int) -> str:
        return continuation(tokenizer, self.request.ids[-1], self.ids[:count])
