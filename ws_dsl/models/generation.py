"""Replies generated in batches, greedily or sampled, under interventions.

A request's reply depends on the request alone, to the last bit on a CPU in float32. It runs in batches whose
shape follows from the length of its prompt and from how far it has got. Rows that are done are left out as
soon as the others fit into fewer batches of the same shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from ws_dsl.models.batches import Batch, padded, rows_per_batch
from ws_dsl.models.decoding import Decoded, gather, prefill, step
from ws_dsl.models.deltas import changed
from ws_dsl.models.edits import Edit
from ws_dsl.models.handle import Handle
from ws_dsl.models.layouts import lengths
from ws_dsl.models.replies import Reply, Request, Stream, check, edits_between, end_tokens
from ws_dsl.models.sampling import choose, uniform

_CACHED = 1 << 30
"""Bytes of keys and values that are held at once, where one batch does not need more."""


def generate(
    handle: Handle, requests: Sequence[Request], advance: Callable[[int], None] | None = None
) -> list[Reply]:
    """Replies, one per request, in order.

    Requests with the same prompt and the same edits (one object) share the pass over it.

    Args:
        handle: The model.
        requests: What to continue.
        advance: Told how many more requests have their reply.

    Raises:
        ModelError: a site outside the model, or a prompt that with its reply is longer than the context.
        MeasurementError: an empty prompt, an edit outside prompt and reply, or two edits of one row at the
            same site and token.
    """
    streams: dict[object, Stream] = {}
    for index, request in enumerate(requests):
        check(request, handle)
        drawn = (request.temperature, request.stream) if request.temperature else ()
        same = (_prompt(request), request.max_tokens, request.stop, drawn)
        streams.setdefault(same, Stream(request)).indices.append(index)
    sizes = lengths([stream.request.ids for stream in streams.values()], "left")
    alike: defaultdict[_Group, defaultdict[object, list[Stream]]] = defaultdict(lambda: defaultdict(list))
    for size, stream in zip(sizes, streams.values(), strict=True):
        alike[padded(size), _weights(stream.request)][_prompt(stream.request)].append(stream)
    ends = end_tokens(handle)
    replies: dict[int, Reply] = {}
    for (length, _), prompts in sorted(alike.items(), key=itemgetter(0)):
        ordered = [stream for own in prompts.values() for stream in own]
        lot = _lot(handle, length, max(stream.request.max_tokens for stream in ordered))
        weights = [ordered[0].request.weights] * rows_per_batch(length)
        with handle.arithmetic(), changed(handle, weights):
            for start in range(0, len(ordered), lot):
                for stream in _together(handle, ordered[start : start + lot], length, ends):
                    replies |= dict.fromkeys(stream.indices, stream.reply(handle.tokenizer))
                    if advance is not None:
                        advance(len(stream.indices))
    return [replies[index] for index in range(len(requests))]


_Group: TypeAlias = tuple[int, tuple[tuple[str, float], ...]]
"""Padded length of the prompt, and weight differences."""


@dataclass(eq=False)
class _Flight:
    """A batch on its way: what its rows are, dummy rows none, and where it is."""

    streams: list[Stream | None]
    batch: Decoded

    def live(self) -> list[int]:
        """Rows whose reply is not done."""
        return [row for row, stream in enumerate(self.streams) if stream is not None and not stream.finish]

    def choose(self) -> list[int]:
        """The next token of every row."""
        heat = [stream.request.temperature if stream else 0.0 for stream in self.streams]
        numbers = [
            uniform(stream.request.stream, len(stream.ids)) if stream and stream.request.temperature else 0.0
            for stream in self.streams
        ]
        return choose(self.batch.logits, heat, numbers)


def _together(
    handle: Handle, streams: Sequence[Stream], length: int, ends: frozenset[int]
) -> Iterator[Stream]:
    """Makes replies to prompts of one padded length in lockstep; gives each stream when it is done."""
    flights = _begin(handle, streams, length)
    while flights:
        for flight in flights:
            tokens = flight.choose()
            for row in flight.live():
                stream = flight.streams[row]
                assert stream is not None
                stream.take(tokens[row], ends, handle.tokenizer)
                if stream.finish:
                    yield stream
        flights = _closed_up(flights)
        for flight in flights:
            _advance(handle, flight)


def _begin(handle: Handle, streams: Sequence[Stream], length: int) -> list[_Flight]:
    """Passes over the prompts, each once, and batches of the streams that go on from them."""
    height = rows_per_batch(length)
    own: dict[object, list[Stream]] = {}
    for stream in streams:
        own.setdefault(_prompt(stream.request), []).append(stream)
    passes: list[Decoded] = []
    begun: list[tuple[Stream, tuple[int, int]]] = []
    groups = list(own.values())
    for number, start in enumerate(range(0, len(groups), height)):
        inside = groups[start : start + height]
        prompts = [group[0].request for group in inside]
        edits = [edits_between(prompt, 0, len(prompt.ids)) for prompt in prompts]
        batch = Batch(list(range(len(inside))), height, length)
        passes.append(prefill(handle, [prompt.ids for prompt in prompts], edits, batch))
        handle.rows += len(inside)
        begun += [(stream, (number, row)) for row, group in enumerate(inside) for stream in group]
    if len(groups) == len(streams):
        parts = [streams[start : start + height] for start in range(0, len(streams), height)]
        return [
            _Flight([*part, *[None] * (height - len(part))], batch)
            for part, batch in zip(parts, passes, strict=True)
        ]
    return _filled(begun, passes, height)


def _closed_up(flights: list[_Flight]) -> list[_Flight]:
    """The same rows less those that are done, where they fit into fewer batches."""
    height = len(flights[0].streams)
    live = [
        (stream, (number, row))
        for number, flight in enumerate(flights)
        for row in flight.live()
        if (stream := flight.streams[row]) is not None
    ]
    if -(-len(live) // height) == len(flights):
        return flights
    return _filled(live, [flight.batch for flight in flights], height)


def _filled(
    rows: Sequence[tuple[Stream, tuple[int, int]]], batches: Sequence[Decoded], height: int
) -> list[_Flight]:
    """Batches of the streams, each given with the batch and the row where it is.

    What fills the last one is one of its rows again.
    """
    found: list[_Flight] = []
    for start in range(0, len(rows), height):
        part = rows[start : start + height]
        dummies = height - len(part)
        picks = [pick for _, pick in part] + [part[-1][1]] * dummies
        found.append(_Flight([*(stream for stream, _ in part), *[None] * dummies], gather(batches, picks)))
    return found


def _advance(handle: Handle, flight: _Flight) -> None:
    """One more token of every row."""
    live = set(flight.live())
    tokens = [0] * len(flight.streams)
    edits: list[list[Edit]] = [[] for _ in flight.streams]
    for row, stream in enumerate(flight.streams):
        if row in live and stream is not None:
            place = len(stream.request.ids) + len(stream.ids) - 1
            tokens[row] = stream.ids[-1]
            edits[row] = edits_between(stream.request, place, place + 1)
    flight.batch = step(handle, flight.batch, tokens, edits)
    handle.rows += len(live)


def _prompt(request: Request) -> object:
    """What requests must share for one pass over their prompts to do."""
    edits = (id(edits) if edits else 0 for edits in (request.edits, request.throughout))
    return tuple(request.ids), _weights(request), *edits


def _weights(request: Request) -> tuple[tuple[str, float], ...]:
    """What requests must share to run in one batch."""
    return tuple((own.digest, own.coeff) for own in request.weights)


def _lot(handle: Handle, length: int, max_tokens: int) -> int:
    """Streams in flight at once: a whole number of batches whose keys and values fit."""
    shape, height = handle.shape, rows_per_batch(length)
    per_token = 2 * shape.layers * shape.kv_heads * shape.head_width * handle.dtype.itemsize
    return height * max(1, _CACHED // (per_token * height * (length + max_tokens)))
