"""Commands are known by name, and imported one by one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from ws_dsl.cli.commands import PLACES
from ws_dsl.cli.main import app

ROOT = Path(__file__).parents[2]
GROUP: Any = typer.main.get_command(app)


@pytest.mark.parametrize("name", PLACES)
def test_every_name_is_a_command_that_says_what_it_does(name: str):
    command = GROUP.commands[name]
    assert command.name == name
    assert command.get_short_help_str()


def test_a_name_that_is_none_is_no_command():
    assert GROUP.commands.get("nothing") is None
    assert "Did you mean 'run'" in said("runn")


def test_a_command_imports_no_other():
    code = (
        "import sys; sys.argv[1:] = ['new', '--help']; from ws_dsl.cli.main import app\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "print(sorted(name for name in sys.modules if name.startswith('ws_dsl.cli.')))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    found = {name.strip("' ").rpartition(".")[2] for name in done.stdout.splitlines()[-1][1:-1].split(",")}
    assert "new" in found and not found & {"vectors", "diff", "site", "export", "doctor"}


def said(*words: str) -> str:
    command = [sys.executable, "-m", "ws_dsl", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr
