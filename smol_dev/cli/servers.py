"""`smol_dev models` and `smol_dev doctor`: list the selected server's models, and check that it works."""

import json
from typing import TYPE_CHECKING

import click

from smol_dev.cli import options
from smol_dev.cli.display import Display, aligned
from smol_dev.cli.help import Command
from smol_dev.safe import command, named, safe, safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smol_dev.app.caller import Caller
    from smol_dev.config.layers import Flags
    from smol_dev.server.doctor import Advised, Check, Examination, Offered

NAME_WIDTH = len("structured output")


@click.command(
    cls=Command, examples=("smol_dev models", "smol_dev models --advise", "smol_dev models -p local-lmstudio --json")
)
@options.flag("--json", "as_json", help="One JSON object on standard output")
@options.flag("--advise", help="Say which models fit this machine")
@options.server
def models(flags: "Flags", *, as_json: bool, advise: bool) -> int:
    """List the models of the server: loaded or not, window, size.

    A - means that the server does not report it.
    """
    from smol_dev.app import servers

    display = Display(quiet=as_json)

    def show(caller: "Caller") -> "Offered | Advised":
        found = servers.advice(flags, caller) if advise else servers.models(flags, caller)
        for line in [json_text(found)] if as_json else lines_of(found):
            display.print(safe(line, keep_newlines=True))
        return found

    return display.run(show)


def json_text(found: "Offered | Advised") -> str:
    """Return the server or machine with its models as one ASCII JSON object; sizes are in bytes."""
    from dataclasses import asdict

    document = asdict(found)
    del document["exit_code"]
    for model in document["models"]:
        model.pop("size", None)
    return json.dumps(document, indent=2)


def lines_of(found: "Offered | Advised") -> "Iterator[str]":
    """Return the lines of a table of models."""
    from smol_dev.server.doctor import Offered

    return offered_lines(found) if isinstance(found, Offered) else advice_lines(found)


def offered_lines(offered: "Offered") -> "Iterator[str]":
    """Return a heading, then a row for each model."""
    heading = ("MODEL", "LOADED", "WINDOW", "SIZE", "")
    cells = [
        (
            safe_name(each.name),
            {True: "yes", False: "no", None: "-"}[each.loaded],
            f"{each.window:,}" if each.window else "-",
            size(each.parameters),
            "in a cloud" if each.remote else "" if each.chats else "not for chat",
        )
        for each in offered.models
    ]
    return aligned([heading, *cells])


def size(parameters: int | None) -> str:
    """Return a number of parameters as used in model names: `7B`, `494M`."""
    if parameters is None:
        return "-"
    billions = parameters / 1_000_000_000
    return f"{billions:.3g}B" if billions >= 1 else f"{parameters / 1_000_000:.3g}M"


def advice_lines(advised: "Advised") -> "Iterator[str]":
    """Yield the machine's memory, a row for each model, and the rule behind the advice."""
    from smol_dev.server.machine import HOW, RULE, best, gigabytes

    yield advised.machine.sentence()
    if advised.problem:
        yield f"the server's own models are missing here: {advised.problem}"
    yield ""
    rows = [("MODEL", "NEEDS ABOUT", "HERE", "")]
    rows += [
        (
            safe_name(each.model),
            "-" if each.needed is None else gigabytes(each.needed),
            "yes" if each.is_here else safe_name(command("ollama pull {model}", model=each.model)),
            HOW[each.fit],
        )
        for each in advised.models
    ]
    yield from aligned(rows)
    yield ""
    if (found := best(advised.models)) is not None:
        yield f"best here: {named(found.model)}"
    yield f"the models to download are recommended for code as of November 2026; {RULE}"


@click.command(
    cls=Command, examples=("smol_dev doctor", "smol_dev doctor -p work", "smol_dev doctor --api-base-url URL --json")
)
@options.flag("--json", "as_json", help="One JSON object on standard output")
@options.debug
@options.server
def doctor(flags: "Flags", *, as_json: bool, debug: bool) -> int:
    """Check the selected profile, from its settings to a short answer.

    Each failed check says how to fix it; the exit code then is 3.
    """
    from smol_dev.app import servers

    display = Display(quiet=as_json, debug=debug)

    def check(caller: "Caller") -> "Examination":
        examination = servers.check(flags, caller, show=lambda each: None if as_json else display.print(text_of(each)))
        if as_json:
            display.print(examination_json(examination))
        return examination

    return display.run(check)


def examination_json(examination: "Examination") -> str:
    """Return the examination as one ASCII JSON object."""
    from dataclasses import asdict

    return json.dumps({**asdict(examination), "ok": examination.exit_code == 0}, indent=2)


def text_of(check: "Check") -> str:
    """Return the check as a line, followed by a line with its fix if there is one."""
    found = f"{check.state:<6}  {check.name:<{NAME_WIDTH}}  {safe(check.message)}"
    return f"{found}\n{'':<6}  {'':<{NAME_WIDTH}}  fix: {safe(check.fix)}" if check.fix else found
