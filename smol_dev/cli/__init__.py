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
from smol_dev.errors import ConfigError, InterruptedRunError, OutputError, SmolError, UsageError


@click.group(
    cls=Program,
    examples=(
        'smol_dev "a to-do list in one HTML page"      with the server that is running',
        "smol_dev --profile local-ollama PROMPT.md     with a profile, from a file",
        "smol_dev demo                                 with no model at all",
    ),
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("_", "-"),
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="smol_dev")
def program() -> None:
    """Turn a prompt into a code base with a language model on your own machine.

    Anything that is not a command is a prompt: see `smol_dev generate --help`. Results go to standard output, and
    what a person reads to standard error.
    """


def main() -> None:
    """Run the command line of this process, and exit."""
    if "_SMOL_DEV_COMPLETE" in os.environ:
        from smol_dev.cli.completion import register

        register()
    gc.set_threshold(50_000)  # at 700, collecting takes a twentieth of the start-up and frees nothing
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It was closed. In this order, each takes the descriptor it should have had, before a file of ours does.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - stays open; fast
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
        click.echo(misuse.format_message(), err=True)
        return misuse.exit_code
    except click.ClickException as misuse:
        context = getattr(misuse, "ctx", None)
        hint = f"`{context.command_path if context is not None else 'smol_dev'} --help` shows how to use it"
        return _fail(UsageError(misuse.format_message().rstrip("."), hint=hint), arguments)
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
    from smol_dev.ui.sentences import render_error

    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" in options and not isinstance(error, OutputError):
        from smol_dev.events import Failed
        from smol_dev.ui.plain import Ndjson

        message = "\n".join(error.problems) if isinstance(error, ConfigError) else error.message
        try:
            Ndjson(sys.stdout, redact=str).show(Failed(message, error.hint, error.exit_code))
        except OutputError as unwritten:
            error = unwritten
        else:
            return error.exit_code
    click.echo(render_error(error), err=True)
    return error.exit_code


def _cannot_print(error: OSError) -> int:
    """Return 0 if the reader of the output is gone (`| head`); otherwise print an error and return 1."""
    from smol_dev.ui.plain import abandon

    if error.filename is not None:
        raise error
    abandon(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    click.echo(f"error: standard output cannot be written: {error.strerror}\n\nhint: send it elsewhere", err=True)
    return 1
