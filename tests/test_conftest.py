"""The tests have no network but this machine's own."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from tests.conftest import OutsideNetwork

DOCUMENTATION = "192.0.2.1"  # RFC 5737: no machine has this address


@pytest.mark.parametrize("attempt", ["connect", "connect_ex"])
def test_another_machine_is_out_of_reach(attempt: str) -> None:
    with socket.socket() as connection, pytest.raises(OutsideNetwork):
        getattr(connection, attempt)((DOCUMENTATION, 80))


@pytest.mark.parametrize("host", [DOCUMENTATION, "example.invalid"])
def test_a_page_of_another_machine_is_out_of_reach(host: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(OutsideNetwork):
        opener.open(f"http://{host}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_within_reach(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection((host, server.getsockname()[1])) as client,
    ):
        assert client.getpeername() == server.getsockname()
