"""The command `homeostat`: its list of commands, and how errors reach the terminal."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from homeostat.cli.output import visible
from homeostat.cli.script_arguments import TakesScript
from homeostat.errors import HomeostatError
from homeostat.extras import missing_extra
from homeostat.version import __version__

app = typer.Typer(
    name="homeostat",
    help="Find out why a network does not train, which of its knobs are connected to anything, "
    "and which setting is best.",
    epilog="First steps:\n\nhomeostat demo\n\nhomeostat probe train.py\n\nhomeostat tune train.py "
    "--budget 30m\n\nExit codes: 0 done; 1 an error, or nothing came of it; 2 wrong usage; 130 "
    "stopped by Ctrl-C, with everything kept.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"homeostat {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options before the command."""


def _add_commands() -> None:
    from homeostat.cli.commands import COMMANDS
    from homeostat.cli.commands.machine import data_app
    from homeostat.cli.commands.notes import notes_app
    from homeostat.cli.examples import epilog

    for name, (function, panel) in COMMANDS.items():
        app.command(name, cls=TakesScript, rich_help_panel=panel, epilog=epilog(name))(function)
    app.add_typer(
        notes_app, name="notes", rich_help_panel="Look at what there is", epilog=epilog("notes")
    )
    app.add_typer(data_app, name="data", rich_help_panel="This machine", epilog=epilog("data"))


_add_commands()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 1 for an error, 2 for usage, 130 for Ctrl-C."""
    sys.exit(run_app(app, arguments, name="homeostat"))


def run_app(application: typer.Typer, arguments: Sequence[str] | None, *, name: str) -> int:
    """Run a Typer application; every failure is one plain line on standard error.

    What nobody expected is one line too: the traceback is kept in a file that the line names, or
    raised where the variable HOMEOSTAT_TRACEBACK is set.
    """
    command = typer.main.get_command(application)
    try:
        result = command.main(
            args=list(arguments) if arguments is not None else None,
            prog_name=name,
            standalone_mode=False,
        )
    except HomeostatError as error:
        _complain(error.message, error.hint)
        return 1
    except typer.TyperException as error:
        return _usage(error, name)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("Stopped.\n")
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing is left to say, not even at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        extra = missing_extra(error, "This command")
        if extra is None:
            return _unexpected(error)
        _complain(extra.message, extra.hint)
        return 1
    except Exception as error:
        return _unexpected(error)
    return result if isinstance(result, int) else 0


def _unexpected(error: Exception) -> int:
    """The last net: nobody who types a command sees a traceback, and no traceback is lost."""
    if os.environ.get("HOMEOSTAT_TRACEBACK"):
        raise error
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        _complain(
            "Too many files are open for this limit; what was recorded before is kept.",
            "Raise it:  ulimit -n 1024",
        )
        return 1
    text = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", prefix="homeostat-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"homeostat {__version__}, python {sys.version}\n{sys.argv}\n\n{text}")
    told = " ".join(str(error).split())[:200].rstrip(".")
    _complain(
        f"This should not happen: {type(error).__name__}: {told}.".replace(": .", "."),
        f"The details are in {file.name}; what was recorded before is kept.",
    )
    return 1


def _usage(error: typer.TyperException, name: str) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(error.format_message() + "\n")
        return 0
    path = context.command_path if context is not None else name
    _complain(error.format_message(), f"See:  {path} --help")
    return error.exit_code


def _complain(message: str, hint: str = "") -> None:
    text = visible(f"Error: {message}")
    sys.stderr.write(f"{text}  {visible(hint)}\n" if hint else f"{text}\n")
