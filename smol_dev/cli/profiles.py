"""`smol_dev profiles`: list, show and manage the profiles."""

import json
from typing import TYPE_CHECKING

import click

from smol_dev.cli import options
from smol_dev.cli.commands import Commands
from smol_dev.cli.completion import complete_profile, complete_provider
from smol_dev.cli.display import aligned, layers_of, say, settings_of
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.config.change import SettingsFile
    from smol_dev.config.layers import Flags
    from smol_dev.config.profiles import ProfileLine


@click.group(
    cls=Commands,
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
    from smol_dev.config.profiles import list_profiles

    layers = layers_of(flags)
    say(*layers.warnings)
    lines = list_profiles(layers)
    as_table = "\n".join(aligned(list(map(row, lines))))
    click.echo(json.dumps([line._asdict() for line in lines], indent=2) if as_json else as_table)


def row(line: "ProfileLine") -> tuple[str, ...]:
    """Return the cells of a profile: mark, name, local or cloud, layer and description."""
    mark, place = "*" if line.active else " ", "local" if line.local else "cloud"
    return mark, safe(line.name), place, line.layer, safe(line.description)


@profiles.command(examples=("smol_dev profiles show local-ollama", "smol_dev profiles show work --origin"))
@click.argument("name", shell_complete=complete_profile)
@options.origin
@options.settings
def show(flags: "Flags", name: str, *, origin: bool) -> None:
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
@click.option("--extends", metavar="NAME", shell_complete=complete_profile, help="Parent profile")
@click.option("--description", metavar="TEXT", help="One line about the profile")
@click.option("--provider", metavar="NAME", shell_complete=complete_provider, help="Kind of server")
@click.option("--base-url", metavar="URL", help="Address of the server, up to and including /v1")
@click.option("--model", "-m", metavar="NAME", help="Model, as the server names it")
@options.file
def add(file: "SettingsFile", name: str, **given: str | None) -> None:
    """Create profile NAME in your settings file.

    Set any other key of it with `-c KEY=VALUE`.
    """
    from smol_dev.config.edit import add as create

    say(*file.change(create, name, given))


@profiles.command(examples=("smol_dev profiles copy work work-cold",))
@click.argument("source", shell_complete=complete_profile)
@click.argument("name")
@options.file
def copy(file: "SettingsFile", source: str, name: str) -> None:
    """Create profile NAME with all keys of profile SOURCE."""
    from smol_dev.config.edit import copy as create_like

    say(*file.change(create_like, source, name))


@profiles.command(examples=("smol_dev profiles rename work office",))
@click.argument("name", shell_complete=complete_profile)
@click.argument("new")
@options.file
def rename(file: "SettingsFile", name: str, new: str) -> None:
    """Rename profile NAME to NEW, also where the same file mentions it."""
    from smol_dev.config.edit import rename as give_name

    say(*file.change(give_name, name, new))


@profiles.command(examples=("smol_dev profiles remove work",))
@click.argument("name", shell_complete=complete_profile)
@options.file
def remove(file: "SettingsFile", name: str) -> None:
    """Remove profile NAME, unless something uses it."""
    from smol_dev.config.edit import remove as take_out

    say(*file.change(take_out, name))


@profiles.command(examples=("smol_dev profiles use work", "smol_dev profiles use work --project"))
@click.argument("name", shell_complete=complete_profile)
@options.file
def use(file: "SettingsFile", name: str) -> None:
    """Make NAME the default profile."""
    from smol_dev.config.edit import use as make_default

    say(*file.change(make_default, name))
