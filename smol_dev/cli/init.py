"""`smol_dev init`: write a first settings file for the servers that are running."""

import sys
from typing import TYPE_CHECKING

import click

from smol_dev.cli import options
from smol_dev.cli.display import here, say
from smol_dev.cli.help import Command
from smol_dev.errors import UsageError
from smol_dev.safe import command, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import Flags
    from smol_dev.server.detect import Search


@click.command(cls=Command, examples=("smol_dev init", "smol_dev init --yes", "smol_dev init --project"))
@options.project
@options.flag("--yes", help="Write the file without asking")
@options.settings
def init(flags: "Flags", *, project: bool, yes: bool) -> None:
    """Write a smol.toml with a profile for each running server.

    Looks for servers on the known ports. An existing file is never overwritten.
    """
    from smol_dev.config.edit import RunningServer, new_file, write_first_file

    around = here()
    file = new_file(flags, around, project=project).path
    search = running_servers(around)
    say(*found_lines(search), *fitting(search))
    if yes or agreed(file):
        found = ((each.provider, each.base_url, each.models, each.loaded, each.chosen) for each in search.found)
        write_first_file([RunningServer(*each) for each in found], flags, around, project=project)
        say(f"wrote `{file}`", "see the settings in effect: `smol_dev config show --origin`")


def running_servers(around: "Surroundings") -> "Search":
    """Return the running servers, printing which ones are slow to answer."""
    from smol_dev.app.caller import Caller
    from smol_dev.app.interrupts import PROCESS
    from smol_dev.app.servers import running

    caller = Caller(around, lambda _event: None, interrupts=PROCESS)
    return running(caller, notify=lambda who: say(f"waiting for {who} to answer"))


def found_lines(search: "Search") -> "Iterator[str]":
    """Yield a line for each server: its kind, address, number of models, and the model to use."""
    from smol_dev.ui.sentences import counted

    for url in search.silent:
        yield f"{url} accepted the connection, but did not answer within {search.patience:g} s"
    if not search.found:
        yield "no running server was found; the file will show what to fill in"
    for server in search.found:
        chosen = f", `{server.chosen}` will be used" if server.chosen else ""
        yield f"found {server.known.name} at {server.base_url}: {counted(len(server.models), 'model')}{chosen}"


def fitting(search: "Search") -> "Iterator[str]":
    """Yield how well the chosen models fit this machine, or else which model to download."""
    from smol_dev.server.machine import HOW, advise, best, gigabytes, needed_for, this_machine

    machine = this_machine()
    chosen = [server.chosen for server in search.found if server.chosen]
    for model in dict.fromkeys(chosen):
        if (needed := needed_for(model)) is not None:
            yield f"{named(model)} needs about {gigabytes(needed)}: {HOW[machine.fit(needed)]}"
    found = best(advise(machine, ()))
    if not chosen and found is not None:
        size = gigabytes(found.needed or 0)
        get = command("ollama pull {model}", model=found.model)
        yield f"fits this machine: {get} ({size}); more: `smol_dev models --advise`"


def agreed(file: "Path") -> bool:
    """Ask whether to write the file. Raise `UsageError` without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no terminal to ask on, and `{file}` was not written",
            hint="write it without a question: `smol_dev init --yes`",
        )
    say(f"this writes `{file}`")
    return click.confirm("Write it?", default=True, err=True)
