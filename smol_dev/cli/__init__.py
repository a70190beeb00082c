"""The command line: parse, call, print.

Commands are found by name and imported when they run. They import what they need in their bodies, so that
`--help`, `--version` and completion load nothing heavy.
"""

import gc
import os
import sys
from collections.abc import Sequence

import click

from smol_dev import __version__
from smol_dev.app.interrupts import PROCESS
from smol_dev.cli.commands import Program
from smol_dev.errors import InterruptedRunError, OutputError, SmolError, UsageError


def fold(name: str) -> str:
    """Return an option's name with `-` for `_`; click passes it without leading dashes."""
    return name.replace("_", "-")


@click.group(
    cls=Program,
    examples=(
        'smol_dev "a to-do list in one HTML page"      with the server that is running',
        "smol_dev --profile local-ollama PROMPT.md     with a profile, from a file",
        "smol_dev demo                                 with no model at all",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": fold, "max_content_width": 100},
)
@click.version_option(__version__, prog_name="smol_dev")
def program() -> None:
    """Turn a prompt into a code base with a language model on your own machine.

    Anything that is not a command is a prompt: see `smol_dev generate --help`. Results go to standard output, and
    what a person reads to standard error.
    """


def main() -> None:
    """Run the command line of this process, and exit."""
    from smol_dev.ui.streams import stand_in

    if "_SMOL_DEV_COMPLETE" in os.environ:
        from smol_dev.cli.completion import register

        register()
    gc.set_threshold(50_000)  # at 700, collecting takes a twentieth of the start-up and frees nothing
    stand_in()
    code = run(sys.argv[1:])
    PROCESS.ignore()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line, printing every failure that a user can meet; return its exit code."""
    with PROCESS.watching():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = program.main(list(arguments), prog_name="smol_dev", standalone_mode=False)
        sys.stdout.flush()
    except SmolError as error:
        return _fail(error, arguments)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.exceptions.NoArgsIsHelpError as misuse:
        _say(misuse.format_message())
        return misuse.exit_code
    except click.ClickException as misuse:
        return _fail(_misused(misuse), arguments)
    except (click.Abort, KeyboardInterrupt):
        signal = PROCESS.exit_code - 128
        return _fail(InterruptedRunError("interrupted", hint="", signal=signal), arguments)
    except SystemExit:
        # click raises it when the reader of its output is gone
        return _cannot_print(BrokenPipeError())
    except OSError as error:
        return _cannot_print(error)
    return code if isinstance(code, int) else 0


def _fail(error: SmolError, arguments: Sequence[str]) -> int:
    """Print the failure, as an event if `--json` is given; return its exit code."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" in options and not isinstance(error, OutputError):
        from smol_dev.cli.display import show_as_event

        return show_as_event(error)
    from smol_dev.ui.sentences import render_error

    _say(render_error(error))
    return error.exit_code


def _misused(misuse: click.ClickException) -> UsageError:
    context = getattr(misuse, "ctx", None)
    path = context.command_path if context is not None else "smol_dev"
    message = misuse.format_message().rstrip(".")
    return UsageError(message, hint=f"`{path} --help` shows how to use it")


def _cannot_print(error: OSError) -> int:
    """Return 0 if the reader of the output is gone (`| head`); otherwise print an error and return 1."""
    from smol_dev.ui.streams import abandon

    if error.filename is not None:
        raise error
    abandon(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    _say(f"error: standard output cannot be written: {error.strerror}\n\nhint: send it elsewhere")
    return 1


def _say(text: str) -> None:
    click.echo(text, err=True)
