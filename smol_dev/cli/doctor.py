"""`smol_dev doctor`: whether the selected profile works, and what to do if not."""

from typing import TYPE_CHECKING

import click

from smol_dev.cli.options import settings_options
from smol_dev.cli.reporting import Report
from smol_dev.cli.server_options import server_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smol_dev.app.caller import Caller
    from smol_dev.config.layers import Flags
    from smol_dev.server.doctor import Check, Examination

NAME_WIDTH = len("structured output")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option("--debug", is_flag=True, help="Tracebacks and a log of requests, without secrets.")
@settings_options
@server_options
def doctor(flags: "Flags", *, as_json: bool, debug: bool) -> int:
    """Check the selected profile from its settings to a short answer of its model.

    A check that failed comes with what to type; the exit code then is 3.
    """
    from smol_dev.app import servers

    report = Report(json=False, quiet=as_json, verbose=False, debug=debug)

    def show(check: "Check") -> None:
        for line in () if as_json else lines(check):
            click.echo(report.redact(line))

    def check(caller: "Caller") -> "Examination":
        examination = servers.check(flags, caller, show=show)
        if as_json:
            click.echo(report.redact(json_text(examination)))
        return examination

    return report.run(check)


def lines(check: "Check") -> "Iterator[str]":
    """The check on a line, and below it what to do."""
    from smol_dev.safe import safe

    yield f"{check.state:<6}  {check.name:<{NAME_WIDTH}}  {safe(check.message)}"
    if check.fix:
        yield f"{'':<6}  {'':<{NAME_WIDTH}}  fix: {safe(check.fix)}"


def json_text(examination: "Examination") -> str:
    """The examination as one JSON object, pure ASCII."""
    import json
    from dataclasses import asdict

    document = {**asdict(examination), "ok": examination.exit_code == 0}
    return json.dumps(document, indent=2)
