"""The command `ws-dsl`."""

from __future__ import annotations

import errno
import sys

import typer

from ws_dsl.cli.commands import Commands
from ws_dsl.cli.output import say
from ws_dsl.errors import WsDslError

_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""What the system answers to a write that cannot be: no defect, and for the user to mend."""

app = typer.Typer(
    name="ws-dsl",
    cls=Commands,
    help="Declarative experiments on language models, with a registry of what they made.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """The commands are in `ws_dsl.cli.commands`."""


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
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _REFUSED:
            say(f"{error.filename or 'the disk'}: {error.strerror}; what was stored before is intact")
            sys.exit(1)
        sys.excepthook(type(error), error, error.__traceback__)
        say("\nThis is a defect of ws-dsl, not of your study. Please report it with the lines above.")
        sys.exit(70)
