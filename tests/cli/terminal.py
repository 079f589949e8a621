"""The command line as a user meets it, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import Lab
from ws_dsl.cli.main import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Terminal:
    """A terminal in the folder of a lab."""

    lab: Lab
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Said:
        self.monkeypatch.chdir(self.lab.root)
        self.monkeypatch.delenv("WS_DSL_REGISTRY", raising=False)
        self.monkeypatch.setattr(sys, "argv", ["ws-dsl", *words])
        self.capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)


# Tests may have been started to ignore Ctrl-C, as in the background; what they start is not to.
_HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def process(lab: Lab, code: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Python code in a process of its own, in the folder of a lab."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", _HEED + code],
        cwd=lab.root,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
