"""What all tests share: no test reaches beyond this machine, and none depends on its speed."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Read when the libraries are first imported, and inherited by the processes that tests start.
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def pytest_collection_finish() -> None:
    """What was imported stays: the collector of garbage need not look through it again and again."""
    gc.collect()
    gc.freeze()


def _roomy_loop(session: pytest.Session) -> object:
    return session.config.pluginmanager.get_plugin("main").pytest_runtestloop(session)  # pyright: ignore


# CPython keeps frames in chunks of 16 KiB and maps a new one for every call across the end of the last, which
# doubles the time of a test at such a depth. Behind a frame as large as this there is room for all others.
_roomy_loop.__code__ = _roomy_loop.__code__.replace(co_stacksize=1 << 17)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    return _roomy_loop(session)


class OutsideNetwork(Exception):
    """A test tried to reach another machine."""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Sockets connect to this machine alone; neither is the name of another one looked up."""

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(connection: socket.socket, address: Any) -> Any:
            if connection.family != socket.AF_UNIX and not is_loopback(address[0]):
                raise OutsideNetwork(f"a test connects to {address}")
            return original(connection, address)

        return connect

    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not is_loopback(name):
            raise OutsideNetwork(f"a test looks up {name}")
        return look_up(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield
