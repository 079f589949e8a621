"""Ctrl-C and SIGTERM: the first ends a run in order, the second on the spot."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from ws_dsl.errors import WsDslError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(WsDslError):
    """Ctrl-C or SIGTERM: what was made is kept."""

    exit_code = 130


@contextmanager
def interruptible() -> Generator[None]:
    """Within it SIGTERM raises `KeyboardInterrupt` as Ctrl-C does, and a second signal ends the process.

    A store is whole whenever its writer dies, so nothing has to be waited for. A signal that was ignored
    before, as in background jobs, still is.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number in _SIGNALS if before[number] != signal.SIG_IGN]
    interrupted = False

    def first(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        for one in caught:
            signal.signal(one, signal.SIG_DFL)
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), _SHOW_CURSOR)
        raise KeyboardInterrupt

    for number in caught:
        signal.signal(number, first)
    try:
        yield
    finally:
        # An interrupted process is about to end, and a second signal is to end it even then.
        if not interrupted:
            for number in caught:
                signal.signal(number, before[number])
