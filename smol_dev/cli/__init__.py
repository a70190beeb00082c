"""The command line: parse, call, print.

Commands are found by name and imported when they run; what they need they import in their bodies,
so that `--help`, `--version` and completion load nothing heavy.
"""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click
from click_default_group import DefaultGroup

from smol_dev import __version__
from smol_dev.errors import SmolError

COMMANDS: Final = {
    "generate": "smol_dev.cli.generate",
    "resume": "smol_dev.cli.resume",
    "init": "smol_dev.cli.init",
    "demo": "smol_dev.cli.demo",
    "profiles": "smol_dev.cli.profiles",
    "config": "smol_dev.cli.config",
    "models": "smol_dev.cli.models",
    "doctor": "smol_dev.cli.doctor",
    "trust": "smol_dev.cli.trust",
}
"""Each command's module, which holds a click command of the same name."""

INTERRUPTED: Final = 130


class Program(DefaultGroup):  # type: ignore[misc]  # the package has no types
    """The commands by name; anything else is a prompt for `generate`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a user meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now."""
        name = cmd_name if cmd_name in COMMANDS else self.default_cmd_name
        if name not in self.commands:
            self.add_command(getattr(import_module(COMMANDS[name]), name))
        found = super().get_command(ctx, cmd_name)
        return found if isinstance(found, click.Command) else None


def fold(name: str) -> str:
    """An option's name, which click gives without its dashes, with `_` and `-` alike."""
    return name.replace("_", "-")


@click.group(
    cls=Program,
    default="generate",
    invoke_without_command=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": fold,
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="smol_dev")
def program() -> None:
    """Turn a prompt into a code base with a language model on your own machine.

    \b
    smol_dev "a to-do list in one HTML page"     with the server that is running
    smol_dev --profile local-ollama PROMPT.md    with a profile of your own
    smol_dev demo                                with no model at all

    Any argument that is no command is a prompt; `smol_dev generate --help` lists its options.
    """  # noqa: D301 - click wants the backspace itself, to leave lines alone


def main() -> None:
    """Run the command line of this process, and exit."""
    from smol_dev.ui.streams import stand_in

    gc.set_threshold(
        50_000
    )  # at 700, looking for garbage is a twentieth of the start, and finds none
    stand_in()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line; every failure a user can meet is printed here."""
    try:
        code = program.main(list(arguments), prog_name="smol_dev", standalone_mode=False)
        sys.stdout.flush()
    except SmolError as error:
        return _fail(error)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as misuse:
        return _misused(misuse)
    except (click.Abort, KeyboardInterrupt):
        _say("error: interrupted")
        return INTERRUPTED
    except SystemExit:
        # The library's own answer to a reader that went away.
        return _cannot_print(BrokenPipeError())
    except OSError as error:
        return _cannot_print(error)
    return code if isinstance(code, int) else 0


def _fail(error: SmolError) -> int:
    from smol_dev.ui.screen import render_error

    _say(render_error(error))
    return error.exit_code


def _misused(misuse: click.ClickException) -> int:
    from smol_dev.safe import safe

    if isinstance(misuse, click.exceptions.NoArgsIsHelpError):
        _say(misuse.format_message())
        return misuse.exit_code
    context = getattr(misuse, "ctx", None)
    path = context.command_path if context is not None else "smol_dev"
    message = misuse.format_message().rstrip(".")
    _say(f"error: {safe(message)}\n\nhint: `{path} --help` lists what there is")
    return 2


def _cannot_print(error: OSError) -> int:
    """A reader that went away (`| head`) is no failure; anything else that cannot be written is."""
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
