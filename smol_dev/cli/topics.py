"""`smol_dev help`: the help of a command, or a page of `docs/`, which is installed with the program."""

import sys
from pathlib import Path
from typing import Final

import click

from smol_dev.cli.help import Command

TOPICS: Final = ("profiles", "project", "container", "events", "changes", "checks", "errors", "team")
"""The pages of `docs/` that answer a question at the prompt."""


def pages() -> Path:
    """Return the folder of the pages: inside the installed package, else beside it."""
    package = Path(__file__).parent.parent
    inside = package / "docs"
    return inside if inside.is_dir() else package.parent / "docs"


def complete_topic(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the topics and commands that begin as typed."""
    from smol_dev.cli.commands import COMMANDS

    del context, parameter
    return [name for name in dict.fromkeys((*TOPICS, *COMMANDS)) if name.startswith(incomplete)]


@click.command(
    name="help",
    cls=Command,
    examples=("smol_dev help profiles", "smol_dev help container | less", "smol_dev help resume"),
)
@click.argument("topic", required=False, shell_complete=complete_topic)
@click.pass_context
def help(context: click.Context, topic: str | None) -> None:  # noqa: A001 - the command's name
    """Explain a topic, such as `profiles`, or a command.

    The topics are profiles, project, container, events, changes, checks, errors and team.
    """
    from smol_dev.errors import UsageError
    from smol_dev.safe import safe

    if topic in TOPICS:
        return show_page(topic)
    program = context.find_root()
    known = program.command.get_command(program, topic) if topic and isinstance(program.command, click.Group) else None
    if topic and known is None:
        raise UsageError(f"there is no help on `{safe(topic)}`", hint=f"the topics are {', '.join(TOPICS)}")
    click.echo(program.get_help() if known is None else known.get_help(click.Context(known, program, topic)))
    return None


def show_page(topic: str) -> None:
    """Print the page on standard output: drawn on a terminal, as it is written elsewhere."""
    from smol_dev.safe import safe

    text = (pages() / f"{topic}.md").read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        click.echo(safe(text, keep_newlines=True), nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, 100))
