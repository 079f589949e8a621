"""An OpenAI-compatible endpoint of a few lines, which replies as a test tells it to."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

from ws_dsl.artifacts.reply import Reply


class Answer(NamedTuple):
    """What is sent back; without a status the connection is dropped."""

    status: int | None = 200
    body: str = ""
    headers: Mapping[str, str] = {}


def completion(text: str | None, finish: str = "stop", **message: Any) -> Answer:
    """A chat completion."""
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text, **message},
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    body = {"id": "x", "object": "chat.completion", "created": 0, "model": "served", "choices": [choice]}
    return Answer(body=json.dumps({**body, "usage": usage}))


@dataclass
class Stub:
    """A server under way.

    Attributes:
        url: Its address.
        reply: Answers a request body; told as well how often the same body came before.
        bodies: Requests so far.
        headers: Their headers, by lower-case name.
        most: Most requests at once.
    """

    reply: Callable[[dict[str, Any], int], Answer]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    most: int = 0
    _now: int = 0
    _lock: Any = field(default_factory=Lock)

    def take(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        with self._lock:
            before = self.bodies.count(body)
            self.bodies.append(body)
            self.headers.append(headers)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return self.reply(body, before)
        finally:
            with self._lock:
                self._now -= 1


@contextmanager
def serving(reply: Callable[[dict[str, Any], int], Answer]) -> Iterator[Stub]:
    """An endpoint on a free port of this machine."""
    stub = Stub(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = stub.take(body, {name.lower(): value for name, value in self.headers.items()})
            if answer.status is None:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                return
            data = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that has gone is no error of the server."""

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Memory:
    """Replies that are kept in memory (`ws_dsl.steps.cell.Replies`)."""

    offline: bool = False
    kept: dict[str, Reply] = field(default_factory=dict[str, Reply])

    def key(self, request: dict[str, Any]) -> str:
        return json.dumps(request, sort_keys=True)

    def find(self, keys: Sequence[str]) -> dict[str, Reply]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def keep(self, replies: Sequence[tuple[dict[str, Any], Reply]]) -> list[Reply]:
        return [self.kept.setdefault(self.key(request), reply) for request, reply in replies]


@dataclass
class Alone:
    """What is around a run that asks an endpoint."""

    replies: Memory = field(default_factory=Memory)
    rows: int = 0

    def advance(self, count: int) -> None:
        self.rows += count
