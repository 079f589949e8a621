"""The site over HTTP on this machine alone, built anew where a page is asked for and its sources changed."""

from __future__ import annotations

import threading
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ws_dsl.errors import WsDslError
from ws_dsl.report.site import build


class Server(ThreadingHTTPServer):
    """A server of one site; `serve_forever` until `shutdown`.

    Attributes:
        site: Folder with `pages/` and `studies/`.
        address: What to open in a browser.
    """

    daemon_threads = True

    def __init__(self, site: Path, port: int):
        """Binds to a port of the loopback interface; 0 takes any that is free.

        Raises:
            WsDslError: the port is taken.
        """
        self.site = site
        self.building = threading.Lock()
        handler = partial(_Handler, directory=str(site / "_build"))
        try:
            super().__init__(("127.0.0.1", port), handler)
        except OSError as error:
            raise WsDslError(f"port {port} of this machine cannot be used: {error.strerror}") from None
        self.address = f"http://127.0.0.1:{self.server_port}/"


class _Handler(SimpleHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        with self.server.building:
            if self.path.split("?")[0].endswith((".html", "/")):
                try:
                    build(self.server.site)
                except (WsDslError, OSError) as error:
                    self._say(f"The site cannot be built: {error}")
                    return
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal tells where the site is, and what is wrong with it is on the page."""

    def _say(self, text: str) -> None:
        body = (
            f'<!doctype html><html lang="en"><title>ws-dsl</title><pre>{escape(text)}</pre></html>'.encode()
        )
        self.send_response(500)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
