"""The command `ws-dsl`."""

from __future__ import annotations

import sys

import typer

from ws_dsl.cli import keep, look, run, write
from ws_dsl.cli.output import say
from ws_dsl.errors import WsDslError

app = typer.Typer(
    name="ws-dsl",
    help="Declarative experiments on language models, with a registry of what they made.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (run, look, keep, write):
    module.register(app)


def main() -> None:
    """Runs the command line; deliberate errors are messages, anything else is a defect and exits 70."""
    try:
        app()
    except WsDslError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception:
        sys.excepthook(*sys.exc_info())
        say("\nThis is a defect of ws-dsl, not of your study. Please report it with the lines above.")
        sys.exit(70)
