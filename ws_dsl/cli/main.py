"""The command `ws-dsl`."""

from __future__ import annotations

import errno
import sys

import typer

from ws_dsl.cli.delta import delta
from ws_dsl.cli.diff import diff
from ws_dsl.cli.doctor import doctor
from ws_dsl.cli.explain import explain
from ws_dsl.cli.export import export
from ws_dsl.cli.gc import gc
from ws_dsl.cli.import_ import import_file
from ws_dsl.cli.lock import lock
from ws_dsl.cli.ls import list_artifacts
from ws_dsl.cli.new import new
from ws_dsl.cli.output import say
from ws_dsl.cli.plan import check, plan
from ws_dsl.cli.pull import pull
from ws_dsl.cli.push import push
from ws_dsl.cli.report import report
from ws_dsl.cli.run import run
from ws_dsl.cli.show import show
from ws_dsl.cli.site import schema, site
from ws_dsl.cli.tag import tag
from ws_dsl.cli.vectors import vectors
from ws_dsl.cli.verify import verify
from ws_dsl.cli.why import why
from ws_dsl.errors import WsDslError

_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""What the system answers to a write that cannot be: no defect, and for the user to mend."""

app = typer.Typer(
    name="ws-dsl",
    help="Declarative experiments on language models, with a registry of what they made.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    new,
    run,
    check,
    plan,
    lock,
    report,
    show,
    diff,
    why,
    explain,
    doctor,
    verify,
    gc,
    tag,
    schema,
):
    app.command()(command)
app.command("ls")(list_artifacts)
app.command()(export)
app.command("import")(import_file)
app.command()(push)
app.command()(pull)
app.add_typer(site, name="site")
app.add_typer(vectors, name="vectors")
app.add_typer(delta, name="delta")


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
