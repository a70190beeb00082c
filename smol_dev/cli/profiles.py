"""`smol_dev profiles`: the profiles listed, shown and managed."""

from typing import TYPE_CHECKING

import click

from smol_dev.cli.config import project_option, settings_file
from smol_dev.cli.options import Commands, complete_profile, complete_provider, settings_options
from smol_dev.cli.talk import say

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from smol_dev.config.layers import Surroundings, read_layers
    from smol_dev.config.profiles import list_profiles

    layers = read_layers(flags, Surroundings.here())
    say(*layers.warnings)
    lines = list_profiles(layers)
    for text in [json_text(lines)] if as_json else table_rows(lines):
        click.echo(text)


def json_text(lines: "Sequence[ProfileLine]") -> str:
    """The profiles as a JSON list, pure ASCII."""
    import json

    return json.dumps([line._asdict() for line in lines], indent=2)


def table_rows(lines: "Sequence[ProfileLine]") -> list[str]:
    """The profiles as aligned rows: mark, name, where it runs, its layer, what it is."""
    from smol_dev.safe import safe

    cells = [
        (
            "*" if line.active else " ",
            safe(line.name),
            "local" if line.local else "cloud",
            line.layer,
            safe(line.description),
        )
        for line in lines
    ]
    widths = [max(map(len, column), default=0) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@click.option("--origin", is_flag=True, help="Say who set each value.")
@settings_options
def show(flags: "Flags", name: str, *, origin: bool) -> None:
    """Show the effective settings of profile NAME."""
    from dataclasses import replace

    from smol_dev.config.explain import as_text
    from smol_dev.config.layers import Surroundings
    from smol_dev.config.load import load

    chosen = replace(flags, profile=name)
    loaded = load(chosen, Surroundings.here(), connect=False, model_needed=False)
    say(*loaded.warnings)
    click.echo(as_text(loaded, origin=origin), nl=False)


@profiles.command()
@click.argument("name")
@click.option("--extends", metavar="NAME", shell_complete=complete_profile, help="Its parent.")
@click.option("--description", metavar="TEXT", help="One line about it.")
@click.option("--provider", metavar="NAME", shell_complete=complete_provider, help="The kind of server.")
@click.option("--base-url", metavar="URL", help="The server's address, up to and including /v1.")
@click.option("--model", "-m", metavar="NAME", help="The model, as the server names it.")
@project_option
@settings_options
def add(flags: "Flags", name: str, *, project: bool, **options: str | None) -> None:
    """Create profile NAME in your settings file.

    `-c KEY=VALUE` sets any further key of it.
    """
    from smol_dev.config.edit import add as create

    say(*settings_file(flags, project=project).change(create, name, options))


@profiles.command()
@click.argument("source", shell_complete=complete_profile)
@click.argument("name")
@project_option
@settings_options
def copy(flags: "Flags", source: str, name: str, *, project: bool) -> None:
    """Create profile NAME with all keys of profile SOURCE."""
    from smol_dev.config.edit import copy as create_like

    say(*settings_file(flags, project=project).change(create_like, source, name))


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@click.argument("new")
@project_option
@settings_options
def rename(flags: "Flags", name: str, new: str, *, project: bool) -> None:
    """Give profile NAME the name NEW, and follow it in the same file."""
    from smol_dev.config.edit import rename as give_name

    say(*settings_file(flags, project=project).change(give_name, name, new))


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@project_option
@settings_options
def remove(flags: "Flags", name: str, *, project: bool) -> None:
    """Remove profile NAME, unless it is used."""
    from smol_dev.config.edit import remove as take_out

    say(*settings_file(flags, project=project).change(take_out, name))


@profiles.command()
@click.argument("name", shell_complete=complete_profile)
@project_option
@settings_options
def use(flags: "Flags", name: str, *, project: bool) -> None:
    """Make NAME the default profile."""
    from smol_dev.config.edit import use as make_default

    say(*settings_file(flags, project=project).change(make_default, name))
