"""`smol_dev config`, `profiles` and `trust`: show, explain, check, change and approve the settings."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from smol_dev.cli import options
from smol_dev.cli.commands import Command, Group
from smol_dev.cli.completion import complete_key, complete_profile, complete_provider, complete_set_key, complete_value
from smol_dev.cli.display import aligned, confirm, here, layers_of, say, settings_of, show_pending
from smol_dev.errors import ConfigError, TrustError, UsageError
from smol_dev.safe import command, safe

if TYPE_CHECKING:
    from smol_dev.config.change import SettingsFile
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import Flags
    from smol_dev.config.profiles import ProfileLine

NEGATIVE: Final = re.compile(r"-\.?\d")


@click.group(
    cls=Group,
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
@options.option("--format", "form", type=click.Choice(["toml", "json"]), default="toml", help="TOML or JSON")
@options.flag("--dry-run", help="Also show the prompts that would be sent")
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
    from smol_dev.config import edit

    say(*file.change(edit.unset, key))


@config.command(examples=("smol_dev config edit", "smol_dev config edit --project"))
@options.file
def edit(file: "SettingsFile") -> None:
    """Open your settings file in your editor.

    The editor is $VISUAL or $EDITOR. Your file is replaced only if the new text is valid; else you can edit again.
    """
    from smol_dev.cli.display import edit_again, open_editor
    from smol_dev.config.edit import edit_by_hand

    say(*edit_by_hand(file, open_editor=open_editor, again=edit_again))


@config.command(examples=("smol_dev config schema > smol.schema.json",))
def schema() -> None:
    """Print the JSON Schema of smol.toml, for editors."""
    from smol_dev.config.layers import schema_file

    click.echo(schema_file().read_text(encoding="utf-8"), nl=False)


@click.group(
    cls=Group,
    examples=(
        "smol_dev profiles list",
        "smol_dev profiles add work --extends local-ollama -m qwen3.5:9b",
        "smol_dev profiles use work",
    ),
)
def profiles() -> None:
    """List and manage profiles: named ways to reach a model."""


@profiles.command(name="list", examples=("smol_dev profiles list", "smol_dev profiles list --json"))
@options.flag("--json", "as_json", help="One JSON list on standard output")
@options.settings
def list_(flags: "Flags", *, as_json: bool) -> None:
    """List the profiles, the selected one marked `*`."""
    import json

    from smol_dev.config.profiles import list_profiles

    layers = layers_of(flags)
    say(*layers.warnings)
    lines = list_profiles(layers)
    as_table = "\n".join(aligned(list(map(_cells, lines))))
    click.echo(json.dumps([line._asdict() for line in lines], indent=2) if as_json else as_table)


def _cells(line: "ProfileLine") -> tuple[str, ...]:
    mark, place = "*" if line.active else " ", "local" if line.local else "cloud"
    return mark, safe(line.name), place, line.layer, safe(line.description)


@profiles.command(name="show", examples=("smol_dev profiles show local-ollama", "smol_dev profiles show work --origin"))
@click.argument("name", shell_complete=complete_profile)
@options.origin
@options.settings
def show_profile(flags: "Flags", name: str, *, origin: bool) -> None:
    """Show the effective settings of profile NAME."""
    from dataclasses import replace

    from smol_dev.config.explain import as_text

    click.echo(as_text(settings_of(replace(flags, profile=name)), origin=origin), nl=False)


@profiles.command(
    examples=(
        "smol_dev profiles add work --extends local-ollama -m qwen3.5:9b",
        "smol_dev profiles add lab --provider vllm --base-url http://10.0.0.7:8000/v1",
        "smol_dev profiles add cold --extends work -c temperature=0",
    )
)
@click.argument("name")
@options.option("--extends", metavar="NAME", shell_complete=complete_profile, help="Parent profile")
@options.option("--description", metavar="TEXT", help="One line about the profile")
@options.option("--provider", metavar="NAME", shell_complete=complete_provider, help="Kind of server")
@options.option("--base-url", metavar="URL", help="Address of the server, up to and including /v1")
@options.option("--model", "-m", metavar="NAME", help="Model, as the server names it")
@options.file
def add(file: "SettingsFile", name: str, **given: str | None) -> None:
    """Create profile NAME in your settings file.

    Set any other key of it with `-c KEY=VALUE`.
    """
    from smol_dev.config import edit

    say(*file.change(edit.add, name, given))


@profiles.command(examples=("smol_dev profiles copy work work-cold",))
@click.argument("source", shell_complete=complete_profile)
@click.argument("name")
@options.file
def copy(file: "SettingsFile", source: str, name: str) -> None:
    """Create profile NAME with all keys of profile SOURCE."""
    from smol_dev.config import edit

    say(*file.change(edit.copy, source, name))


@profiles.command(examples=("smol_dev profiles rename work office",))
@click.argument("name", shell_complete=complete_profile)
@click.argument("new")
@options.file
def rename(file: "SettingsFile", name: str, new: str) -> None:
    """Rename profile NAME to NEW, also where the same file mentions it."""
    from smol_dev.config import edit

    say(*file.change(edit.rename, name, new))


@profiles.command(examples=("smol_dev profiles remove work",))
@click.argument("name", shell_complete=complete_profile)
@options.file
def remove(file: "SettingsFile", name: str) -> None:
    """Remove profile NAME, unless something uses it."""
    from smol_dev.config import edit

    say(*file.change(edit.remove, name))


@profiles.command(examples=("smol_dev profiles use work", "smol_dev profiles use work --project"))
@click.argument("name", shell_complete=complete_profile)
@options.file
def use(file: "SettingsFile", name: str) -> None:
    """Make NAME the default profile."""
    from smol_dev.config import edit

    say(*file.change(edit.use, name))


@options.command(examples=("smol_dev trust", "smol_dev trust --list", "smol_dev trust --revoke shop"))
@click.argument("path", required=False, type=options.PATH)
@options.flag("--list", "listing", help="List the approvals")
@options.flag("--revoke", help="Forget the approval")
@options.flag("--yes", help="Approve without asking")
def trust(path: Path | None, *, listing: bool, revoke: bool, yes: bool) -> None:
    """Approve a project's smol.toml as it is now.

    First shows in full which of its settings decide where prompts are sent and what is sent along, and what has
    changed since the last approval. Prints the hash for SMOL_TRUST_PROJECT. A changed file needs a new approval.
    """
    from smol_dev.config import trust

    around = here()
    if listing:
        for each in trust.approvals(around):
            click.echo(f"{each.hash}  {safe(str(each.path))}{'' if each.current else '  (changed since)'}")
    elif revoke:
        file = _project_file(path, around)
        say(f"`{file}` is no longer approved" if trust.revoke(file, around) else f"`{file}` was not approved")
    else:
        _approve(_project_file(path, around), around, yes=yes)


def _project_file(path: Path | None, surroundings: "Surroundings") -> Path:
    """Return the project's file in or above the working directory, or at or above `path`."""
    from smol_dev.config.files import FILE_NAME

    if path is not None and path.name == FILE_NAME:
        return surroundings.cwd / path
    folder = surroundings.cwd / (path or "")
    if (file := surroundings.project_file(folder)) is None:
        raise UsageError(
            f"there is no `{FILE_NAME}` in `{folder}` or above it",
            hint="name the project's folder: `smol_dev trust PATH`",
        )
    return file


def _approve(file: Path, surroundings: "Surroundings", *, yes: bool) -> None:
    """Show the settings of the project's file that need approval, ask, and record the approval.

    Raise `TrustError` if the user declines or cannot be asked.
    """
    from dataclasses import replace

    from smol_dev.config.layers import Flags
    from smol_dev.config.load import pending
    from smol_dev.config.trust import approve

    found = pending(Flags(), replace(surroundings, cwd=file.parent))
    if found is None:
        say(f"`{file}` needs no approval")
        return
    show_pending(found, surroundings)
    if not (found.approved or yes or sys.stdin.isatty()):
        by_hash = command("SMOL_TRUST_PROJECT={hash}", hash=found.hash)
        raise TrustError(
            f"`{found.path}` is not approved, and there is no terminal to ask on",
            hint=f"look at it, then `smol_dev trust --yes`, or {by_hash}",
        )
    if not (found.approved or yes or confirm("Approve?")):
        raise TrustError(f"`{found.path}` is not approved", hint="nothing was recorded")
    if not found.approved:
        approve(found.path, surroundings, hash=found.hash)
    say(f"`{file}` is approved as it is now")
    click.echo(found.hash)
