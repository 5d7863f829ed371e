"""The command line: a thin shell over the package.

Results go to stdout; progress, warnings and errors go to stderr. Exit codes: 0 is done; 1 is an
error, a filter or a budget that matches nothing, a report of a range with a gap, or charges that
differ from usage without a reason; 2 is wrong usage; 130 is interrupted. Each command imports what
it needs when it runs, so that `--help` and a mistyped option answer at once.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress

import click

from falusage._interrupts import EXIT_CODE, Interrupt, leave_on_ctrl_c, said
from falusage._version import __version__
from falusage.cli._commands import Commands
from falusage.cli._completion import complete
from falusage.cli._suggesting import unknown_option
from falusage.cli._terminal import explain, prepare_streams, say, show_warning
from falusage.cli.compact import compact
from falusage.cli.config import config
from falusage.cli.demo import demo
from falusage.cli.doctor import doctor
from falusage.cli.events import events
from falusage.cli.focus import focus
from falusage.cli.forecast import forecast
from falusage.cli.history import history
from falusage.cli.load import load
from falusage.cli.report import report
from falusage.cli.restatements import restatements
from falusage.cli.serve import serve
from falusage.cli.settling import settling
from falusage.cli.snapshot import snapshot
from falusage.cli.sync import sync
from falusage.cli.tie_out import tie_out
from falusage.cli.vacuum import vacuum
from falusage.cli.verify import verify

REFUSED = 1
WRONG_USAGE = 2
INTERRUPTED = EXIT_CODE
NOBODY_READS = 141
"""The exit code of a process that SIGPIPE ended, as in `falusage load | head -1`."""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The key is never an option: set FAL_KEY to a key of your workspace that may read "
    "billing, and add --scope workspace; or set FAL_ADMIN_KEY to an admin key of your "
    "organization's root team. Set FALUSAGE_BASE_URL if the API is not at the provider's own "
    "address.",
)
@click.version_option(__version__, prog_name="falusage")
def cli() -> None:
    """Exact analytics over fal.ai's usage API."""


for command in (
    *(demo, doctor, load, snapshot, report, forecast, focus, tie_out, events, serve),
    *(sync, history, restatements, settling, verify, compact, vacuum, config),
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    By default it is the command line of this process, and Ctrl-C ends the process here.
    """
    with Interrupt() as interrupt:
        try:
            prepare_streams()
            with warnings.catch_warnings():
                warnings.showwarning = show_warning
                code = _run(arguments, interrupt)
                sys.stdout.flush()
        except KeyboardInterrupt:
            say(said())
            code = INTERRUPTED
        except BrokenPipeError:
            # The rest of the buffer would fail again when the interpreter flushes it.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = NOBODY_READS
    if arguments is None:
        leave_on_ctrl_c()
        if code == INTERRUPTED:
            os._exit(code)  # the interpreter would wait for threads that may hang
    return code


def _run(arguments: Sequence[str] | None, interrupt: Interrupt) -> int:
    try:
        if arguments is None and (completed := complete(cli)) is not None:
            return completed
        line = list(sys.argv[1:] if arguments is None else arguments)
        # Not cli.main, which handles interrupts, pipes and exit codes in its own way.
        with cli.make_context("falusage", line) as context:
            cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - foreign errors are raised again
        if interrupt.heard:  # and something failed because of it
            raise KeyboardInterrupt from None
        return _refused(error)
    return 0


def _refused(error: Exception) -> int:
    """Print why a command failed, and return its exit code."""
    if isinstance(error, click.ClickException):
        told = unknown_option(error) if isinstance(error, click.NoSuchOption) else error
        told.show(sys.stderr)
        return error.exit_code
    if isinstance(error, io.UnsupportedOperation):
        say("error: stdout is closed, and the result goes there")
        return REFUSED
    if isinstance(error, OSError):
        say(f"error: {error.filename or 'the system'}: {error.strerror or error}")
        return REFUSED
    # The error tree imports polars, which --help does not need.
    from falusage.errors import FalUsageError, QueryError

    if not isinstance(error, FalUsageError):
        raise error
    explain(error)
    return WRONG_USAGE if isinstance(error, QueryError) else REFUSED
