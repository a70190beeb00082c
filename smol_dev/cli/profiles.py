"""`smol_dev profiles`: the profiles listed, shown and managed."""

import json
from typing import TYPE_CHECKING

import click

from smol_dev.cli.commands import Commands
from smol_dev.cli.completion import complete_profile, complete_provider
from smol_dev.cli.options import file_options, settings_options
from smol_dev.cli.reporting import aligned, say, settings_of
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.config.change import SettingsFile
    from smol_dev.config.layers import Flags
    from smol_dev.config.profiles import ProfileLine


@click.group(cls=Commands)
def profiles() -> None:
    """List and manage the profiles: named ways to reach a model."""


@profiles.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_options
def list_(flags: "Flags", *, as_json: bool) -> None:
    """List the profiles, the selected one marked `*`."""
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import read_layers
    from smol_dev.config.profiles import list_profiles

    layers = read_layers(flags, Surroundings.here())
    say(*layers.warnings)
    lines = list_profiles(layers)
    as_table = "\n".join(aligned(list(map(row, lines))))
    click.echo(json.dumps([line._asdict() for line in lines], indent=2) if as_json else as_table)


def row(line: "ProfileLine") -> tuple[str, ...]:
    """Return the cells of a profile: its mark, its name, where it runs, its layer, what it is."""
    mark, place = "*" if line.active else " ", "local" if line.local else "cloud"
    return mark, safe(line.name), place, line.layer, safe(line.description)


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@click.option("--origin", is_flag=True, help="Say who set each value.")
@settings_options
def show(flags: "Flags", name: str, *, origin: bool) -> None:
    """Show the effective settings of profile NAME."""
    from dataclasses import replace

    from smol_dev.config.explain import as_text

    click.echo(as_text(settings_of(replace(flags, profile=name)), origin=origin), nl=False)


@profiles.command()
@click.argument("name")
@click.option("--extends", metavar="NAME", shell_complete=complete_profile, help="Its parent.")
@click.option("--description", metavar="TEXT", help="One line about it.")
@click.option("--provider", metavar="NAME", shell_complete=complete_provider, help="The kind of server.")
@click.option("--base-url", metavar="URL", help="The server's address, up to and including /v1.")
@click.option("--model", "-m", metavar="NAME", help="The model, as the server names it.")
@file_options
def add(file: "SettingsFile", name: str, **options: str | None) -> None:
    """Create profile NAME in your settings file.

    `-c KEY=VALUE` sets any further key of it.
    """
    from smol_dev.config.edit import add as create

    say(*file.change(create, name, options))


@profiles.command()
@click.argument("source", shell_complete=complete_profile)
@click.argument("name")
@file_options
def copy(file: "SettingsFile", source: str, name: str) -> None:
    """Create profile NAME with all keys of profile SOURCE."""
    from smol_dev.config.edit import copy as create_like

    say(*file.change(create_like, source, name))


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@click.argument("new")
@file_options
def rename(file: "SettingsFile", name: str, new: str) -> None:
    """Give profile NAME the name NEW, and follow it in the same file."""
    from smol_dev.config.edit import rename as give_name

    say(*file.change(give_name, name, new))


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@file_options
def remove(file: "SettingsFile", name: str) -> None:
    """Remove profile NAME, unless it is used."""
    from smol_dev.config.edit import remove as take_out

    say(*file.change(take_out, name))


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@file_options
def use(file: "SettingsFile", name: str) -> None:
    """Make NAME the default profile."""
    from smol_dev.config.edit import use as make_default

    say(*file.change(make_default, name))
