"""Owner: a process at work on a store, and whether it still is.

A process is its machine, its number and when it began: numbers are given again, and a machine that was
started anew gives them to others.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Owner(NamedTuple):
    """A process.

    Attributes:
        machine: Name of the machine, with its space of process numbers.
        process: Number of the process.
        began: When it began, as the machine counts; empty where that cannot be known.
    """

    machine: str
    process: int
    began: str

    @property
    def here(self) -> bool:
        """Whether it is of this machine, so that it can be looked for."""
        return self.machine == machine()

    @property
    def gone(self) -> bool:
        """Whether it has surely ended; of another machine that cannot be known."""
        return self.here and _began(self.process) != self.began

    def __str__(self) -> str:
        return f"process {self.process}" + ("" if self.here else f" on {self.machine.partition('-')[0]}")


def this() -> Owner:
    """This process."""
    return Owner(machine(), os.getpid(), _began(os.getpid()) or "")


def machine() -> str:
    """This machine. Containers may share a host's name while counting processes on their own."""
    processes = Path("/proc/self/ns/pid")
    return os.uname().nodename + (f"-{processes.stat().st_ino}" if processes.exists() else "")


def ended(process: int) -> bool:
    """Whether this machine has no such process."""
    return _began(process) is None


def _began(process: int) -> str | None:
    """When a process of this machine began, or None where there is none or it waits to be buried."""
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
        return ""
    try:
        # The name of the program, in brackets, may itself hold brackets and spaces.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{_boot()} {fields[19]}"


@cache
def _boot() -> str:
    """Names the time since the machine was started."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""
