"""`smol_dev config`: the settings shown, explained, checked and changed."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from smol_dev.app.interrupts import PROCESS
from smol_dev.cli.options import Commands, complete_key, complete_set_key, complete_value, settings_options
from smol_dev.cli.talk import say
from smol_dev.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smol_dev.config.change import SettingsFile
    from smol_dev.config.layers import Flags
    from smol_dev.config.load import Loaded

NEGATIVE: Final = re.compile(r"-\.?\d")

project_option = click.option("--project", is_flag=True, help="The project's smol.toml instead of your own.")


@click.group(cls=Commands)
def config() -> None:
    """Show, explain, check and change the settings."""


@config.command()
@settings_options
def path(flags: "Flags") -> None:
    """List the files that settings are read from, strongest first."""
    from smol_dev.config.layers import Surroundings, places
    from smol_dev.safe import safe

    for line in places(flags, Surroundings.here()):
        click.echo(safe(line))


@config.command()
@click.option("--origin", is_flag=True, help="Say who set each value.")
@click.option("--format", "form", type=click.Choice(["toml", "json"]), default="toml", help="TOML or JSON.")
@click.option("--dry-run", is_flag=True, help="Also the prompts that would be sent, and their tokens.")
@settings_options
def show(flags: "Flags", *, origin: bool, form: str, dry_run: bool) -> None:
    """Show the effective settings of the selected profile."""
    from smol_dev.config.layers import Surroundings
    from smol_dev.config.load import load

    if dry_run and form == "json":
        raise UsageError("`--dry-run` shows prompts as text, not as JSON", hint="leave out `--format json`")
    loaded = load(flags, Surroundings.here(), connect=False, model_needed=False)
    say(*loaded.warnings)
    click.echo(shown(loaded, origin=origin, form="dry run" if dry_run else form), nl=False)


def shown(loaded: "Loaded", *, origin: bool, form: str) -> str:
    """The settings in one of their forms."""
    from smol_dev.config.explain import as_json, as_text

    if form == "json":
        return as_json(loaded, origin=origin)
    if form == "toml":
        return as_text(loaded, origin=origin)
    from smol_dev.app.preview import preview

    return preview(None, loaded, origin=origin) + "\n"


@config.command()
@click.argument("key", shell_complete=complete_key)
@settings_options
def explain(flags: "Flags", key: str) -> None:
    """Say who sets KEY, strongest first, and who wins."""
    from smol_dev.config.explain import candidate_lines
    from smol_dev.config.explain import explain as candidates
    from smol_dev.config.layers import Surroundings
    from smol_dev.config.load import load
    from smol_dev.safe import safe

    loaded = load(flags, Surroundings.here(), connect=False, model_needed=False)
    say(*loaded.warnings)
    for line in candidate_lines(candidates(loaded, key)):
        click.echo(safe(line))


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@settings_options
def check(flags: "Flags", file: Path | None) -> None:
    """Report every problem in every settings file, or in FILE alone."""
    from smol_dev.config.layers import Surroundings
    from smol_dev.config.load import check as problems_of

    refuse(problems_of(flags, Surroundings.here(), file=file))
    say("no problems" if file is None else f"no problems in `{file}`")


def refuse(problems: "Sequence[str]") -> None:
    """Raise `ConfigError` if there are problems."""
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        hint = "correct what is named; `smol_dev config schema` describes every key"
        raise ConfigError(f"{count} in the settings:", hint=hint, problems=problems)


def settings_file(flags: "Flags", *, project: bool) -> "SettingsFile":
    """Return the file that a command changes: the user's own, or the project's."""
    from smol_dev.config import change
    from smol_dev.config.layers import Surroundings

    return change.settings_file(flags, Surroundings.here(), project=project)


class Setting(click.Command):
    """A command whose value may be a number below zero, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the numbers where no option is looked for."""
        numbers = [] if "--" in args else [each for each in args if NEGATIVE.match(each)]
        others = [each for each in args if each not in numbers]
        return super().parse_args(ctx, [*others, "--", *numbers] if numbers else args)


@config.command(name="set", cls=Setting)
@click.argument("key", shell_complete=complete_key)
@click.argument("value", shell_complete=complete_value)
@project_option
@settings_options
def set_(flags: "Flags", key: str, value: str, *, project: bool) -> None:
    """Set KEY to VALUE in your settings file.

    KEY is `model`, `code.model`, `run.max_files` or `profiles.NAME.model`; a key of no table is
    meant for the selected profile. VALUE is TOML, a bare word is text.
    """
    from smol_dev.config.edit import set_value

    say(*settings_file(flags, project=project).change(set_value, key, value))


@config.command()
@click.argument("key", shell_complete=complete_set_key)
@project_option
@settings_options
def unset(flags: "Flags", key: str, *, project: bool) -> None:
    """Take KEY out of your settings file."""
    from smol_dev.config.edit import unset as take_out

    say(*settings_file(flags, project=project).change(take_out, key))


@config.command()
@project_option
@settings_options
def edit(flags: "Flags", *, project: bool) -> None:
    """Open your settings file in your editor.

    That is $VISUAL or $EDITOR. The file is replaced only by what is valid; else you can edit again.
    """
    from smol_dev.config.edit import edit_by_hand

    say(*edit_by_hand(settings_file(flags, project=project), open_editor=open_editor, again=ask_again))


def open_editor(file: Path) -> None:
    """The user's editor on the file, until it ends."""
    try:
        with PROCESS.left_to_a_child():
            click.edit(filename=str(file))
    except click.ClickException as error:
        raise UsageError(
            f"the editor failed: {error.format_message()}", hint="name another: `EDITOR=nano smol_dev config edit`"
        ) from error


def ask_again(error: ConfigError) -> bool:
    """Show what is wrong, and ask whether to edit once more; no, where nobody answers."""
    from smol_dev.ui.screen import render_error

    if not sys.stdin.isatty():
        return False
    click.echo(render_error(error), err=True)
    try:
        return click.confirm("Edit again?", default=True, err=True)
    except click.Abort:  # Ctrl-D or Ctrl-C: the text is kept and named
        click.echo(err=True)
        return False


@config.command()
def schema() -> None:
    """Print the JSON Schema of a smol.toml, for editors."""
    from smol_dev.config.reference import schema_text

    click.echo(schema_text(), nl=False)
