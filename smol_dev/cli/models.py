"""`smol_dev models`: what the selected server offers."""

from typing import TYPE_CHECKING

import click

from smol_dev.cli.options import settings_options
from smol_dev.cli.reporting import Report
from smol_dev.cli.server_options import server_options
from smol_dev.safe import named, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smol_dev.app.caller import Caller
    from smol_dev.config.layers import Flags
    from smol_dev.server.doctor import Advised, Offered


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--advise", is_flag=True, help="Say which models fit this machine.")
@settings_options
@server_options
def models(flags: "Flags", *, as_json: bool, advise: bool) -> int:
    """List the models of the selected server: loaded or not, context window, size.

    A `-` is what the server does not tell. With --advise, which of them fit this machine, and which others would.
    """
    from smol_dev.app import servers

    report = Report(json=False, quiet=as_json, verbose=False, debug=False)
    if advise:
        return report.run(lambda caller: show_advice(servers.advice(flags, caller), as_json=as_json))

    def list_models(caller: "Caller") -> "Offered":
        offered = servers.models(flags, caller)
        for line in [json_text(offered)] if as_json else rows(offered):
            click.echo(report.redact(line))
        return offered

    return report.run(list_models)


def json_text(offered: "Offered") -> str:
    """The server and its models as one JSON object, pure ASCII; null is what it does not tell."""
    import json
    from dataclasses import asdict

    document = asdict(offered)
    del document["exit_code"]
    for model in document["models"]:
        del model["size"]
    return json.dumps(document, indent=2)


def show_advice(advised: "Advised", *, as_json: bool) -> "Advised":
    """The advice itself, printed."""
    for line in [advice_json(advised)] if as_json else advice_lines(advised):
        click.echo(safe(line, keep_newlines=True))
    return advised


def advice_json(advised: "Advised") -> str:
    """The machine and the models as one JSON object, pure ASCII; sizes are bytes."""
    import json
    from dataclasses import asdict

    document = asdict(advised)
    del document["exit_code"]
    return json.dumps(document, indent=2)


def advice_lines(advised: "Advised") -> "Iterator[str]":
    """What the machine has, a row for each model, and the rule behind it."""
    from smol_dev.cli.tables import aligned
    from smol_dev.safe import command
    from smol_dev.server.machine import RULE, best, gigabytes, how

    yield advised.machine.sentence()
    if advised.problem:
        yield f"the server's own models are not among these: {advised.problem}"
    yield ""
    rows = [("MODEL", "NEEDS ABOUT", "HERE", "")]
    rows += [
        (
            each.model,
            "-" if each.needed is None else gigabytes(each.needed),
            "yes" if each.is_here else command("ollama pull {model}", model=each.model),
            how(each.fit),
        )
        for each in advised.models
    ]
    yield from aligned(rows)
    yield ""
    if (found := best(advised.models)) is not None:
        yield f"best here: {named(found.model)}"
    yield f"models to get are good for code in November 2026; {RULE}"


def rows(offered: "Offered") -> "Iterator[str]":
    """A heading, then a row for each model."""
    from smol_dev.cli.tables import aligned

    heading = ("MODEL", "LOADED", "WINDOW", "SIZE", "")
    cells = [
        (
            each.name,
            {True: "yes", False: "no", None: "-"}[each.loaded],
            f"{each.window:,}" if each.window else "-",
            size(each.parameters),
            "in a cloud" if each.remote else "" if each.chats else "not for chat",
        )
        for each in offered.models
    ]
    yield from aligned([heading, *cells])


def size(parameters: int | None) -> str:
    """The number of parameters as models are named after it: `7B`, `494M`."""
    if parameters is None:
        return "-"
    billions = parameters / 1_000_000_000
    return f"{billions:.3g}B" if billions >= 1 else f"{parameters / 1_000_000:.3g}M"
