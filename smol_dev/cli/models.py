"""`smol_dev models`: what the selected server offers."""

from typing import TYPE_CHECKING

import click

from smol_dev.cli.options import settings_options
from smol_dev.cli.reporting import Report
from smol_dev.cli.server_options import server_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smol_dev.checkup import Offered
    from smol_dev.config.layers import Flags
    from smol_dev.rim import Rim


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@settings_options
@server_options
def models(flags: "Flags", *, as_json: bool) -> int:
    """List the models of the selected server: loaded or not, context window, size.

    A `-` is what the server does not tell.
    """
    from smol_dev import checkup

    report = Report(json=False, quiet=as_json, verbose=False, debug=False)

    def list_models(rim: "Rim") -> "Offered":
        offered = checkup.models(flags, rim)
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
    return json.dumps(document, indent=2)


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
