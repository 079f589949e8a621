"""The server on a free port of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from ws_dsl.errors import WsDslError
from ws_dsl.report.serve import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("# First words\n")
    with Server(tmp_path, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=30)


def get(server: Server, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_page_is_built_when_it_is_asked_for(server: Server):
    assert "First words" in get(server, "/")[1]
    (server.site / "pages" / "index.md").write_text("# Second words\n")
    assert "Second words" in get(server, "/index.html")[1]
    assert get(server, "/site.css")[0] == 200


def test_what_cannot_be_built_is_said_on_the_page(server: Server):
    (server.site / "pages" / "index.md").write_text("![x](figures/none.svg)\n")
    status, text = get(server, "/")
    assert status == 500 and "figures/none.svg" in text


def test_nothing_outside_the_site_is_served(server: Server):
    assert get(server, "/")[0] == 200
    assert get(server, "/../pages/index.md")[0] == 404
    assert get(server, "/%2e%2e/pages/index.md")[0] == 404


def test_a_port_that_is_taken_is_told(server: Server, tmp_path: Path):
    with pytest.raises(WsDslError, match=str(server.server_port)):
        Server(tmp_path, server.server_port)
