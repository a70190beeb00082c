"""`smol_dev config`: show, explain, check and change the settings."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from smol_dev.cli import options
from smol_dev.cli.commands import Commands
from smol_dev.cli.completion import complete_key, complete_set_key, complete_value
from smol_dev.cli.display import here, say, settings_of
from smol_dev.cli.help import Command
from smol_dev.errors import ConfigError, UsageError
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.config.change import SettingsFile
    from smol_dev.config.layers import Flags

NEGATIVE: Final = re.compile(r"-\.?\d")


@click.group(
    cls=Commands,
    examples=(
        "smol_dev config show --origin",
        "smol_dev config explain model",
        "smol_dev config set code.temperature 0",
    ),
)
def config() -> None:
    """Show, explain, check and change the settings."""


@config.command(examples=("smol_dev config path",))
@options.settings
def path(flags: "Flags") -> None:
    """List the files that settings are read from, strongest first."""
    from smol_dev.config.layers import places

    for line in places(flags, here()):
        click.echo(safe(line))


@config.command(
    examples=("smol_dev config show", "smol_dev config show --origin -p work", "smol_dev config show --format json")
)
@options.origin
@click.option("--format", "form", type=click.Choice(["toml", "json"]), default="toml", help="TOML or JSON")
@options.flag("--dry-run", help="Show the prompts that would be sent as well")
@options.settings
def show(flags: "Flags", *, origin: bool, form: str, dry_run: bool) -> None:
    """Show the effective settings of the selected profile."""
    if dry_run and form == "json":
        raise UsageError("`--dry-run` shows prompts as text, not as JSON", hint="leave out `--format json`")
    if dry_run:
        from smol_dev.app.preview import preview

        click.echo(preview(None, settings_of(flags), origin=origin))
    else:
        from smol_dev.config.explain import as_json, as_text

        click.echo({"json": as_json, "toml": as_text}[form](settings_of(flags), origin=origin), nl=False)


@config.command(
    examples=(
        "smol_dev config explain model",
        "smol_dev config explain run.max_files",
        "smol_dev config explain code.temperature -p work",
    )
)
@click.argument("key", shell_complete=complete_key)
@options.settings
def explain(flags: "Flags", key: str) -> None:
    """List every source that sets KEY, strongest first, the winner marked."""
    from smol_dev.config.explain import candidate_lines
    from smol_dev.config.explain import explain as candidates

    for line in candidate_lines(candidates(settings_of(flags), key)):
        click.echo(safe(line))


@config.command(examples=("smol_dev config check", "smol_dev config check smol.toml"))
@click.argument("file", required=False, type=options.PATH)
@options.settings
def check(flags: "Flags", file: Path | None) -> None:
    """Report every problem in the settings files, or in FILE alone."""
    from smol_dev.config.load import check as problems_of
    from smol_dev.ui.sentences import counted

    if problems := problems_of(flags, here(), file=file):
        hint = "correct each line above; `smol_dev config schema` describes every key"
        raise ConfigError(f"{counted(len(problems), 'problem')} in the settings:", hint=hint, problems=problems)
    say("no problems" if file is None else f"no problems in `{file}`")


class WithNumbers(Command):
    """A command whose value may be a negative number, which must not be taken for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move negative numbers behind `--`."""
        numbers = [] if "--" in args else [each for each in args if NEGATIVE.match(each)]
        others = [each for each in args if each not in numbers]
        return super().parse_args(ctx, [*others, "--", *numbers] if numbers else args)


@config.command(
    name="set",
    cls=WithNumbers,
    examples=(
        "smol_dev config set model qwen3.5:9b",
        "smol_dev config set code.temperature 0",
        "smol_dev config set run.output_dir src --project",
    ),
)
@click.argument("key", shell_complete=complete_key)
@click.argument("value", shell_complete=complete_value)
@options.file
def set_(file: "SettingsFile", key: str, value: str) -> None:
    """Set KEY to VALUE in your settings file.

    A KEY without a table, like `model` or `code.model`, belongs to the selected profile; the others are named in
    full: `run.max_files`, `profiles.NAME.model`. VALUE is TOML; a bare word is text.
    """
    from smol_dev.config.edit import set_value

    say(*file.change(set_value, key, value))


@config.command(examples=("smol_dev config unset seed", "smol_dev config unset run.output_dir --project"))
@click.argument("key", shell_complete=complete_set_key)
@options.file
def unset(file: "SettingsFile", key: str) -> None:
    """Remove KEY from your settings file."""
    from smol_dev.config.edit import unset as take_out

    say(*file.change(take_out, key))


@config.command(examples=("smol_dev config edit", "smol_dev config edit --project"))
@options.file
def edit(file: "SettingsFile") -> None:
    """Open your settings file in your editor.

    The editor is $VISUAL or $EDITOR. Your file is replaced only if the new text is valid; else you can edit again.
    """
    from smol_dev.cli.asking import edit_again, edit_file
    from smol_dev.config.edit import edit_by_hand

    say(*edit_by_hand(file, open_editor=edit_file, again=edit_again))


@config.command(examples=("smol_dev config schema > smol.schema.json",))
def schema() -> None:
    """Print the JSON Schema of smol.toml, for editors."""
    from smol_dev.config.layers import schema_file

    click.echo(schema_file().read_text(encoding="utf-8"), nl=False)
