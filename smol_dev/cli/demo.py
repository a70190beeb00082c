"""`smol_dev demo`: the whole method against the built-in server."""

from typing import Final

import click

from smol_dev.cli.reporting import Report, reporting_options

PROMPT: Final = "a small program that shows what smol_dev does"


@click.command()
@click.argument("folder", metavar="[DIR]", default="smol-demo")
@reporting_options
def demo(folder: str, report: Report) -> int:
    """Run the whole method with no model, no key and no network, into DIR.

    A scripted server on this machine gives canned answers, over HTTP like any other server.
    """
    from smol_dev.app.build import Task
    from smol_dev.app.build import generate as run
    from smol_dev.config.layers import Flags

    flags = Flags(profile="demo", project=False, named={"run.output_dir": (folder, "demo")})
    return report.run(lambda caller: run(Task(PROMPT), flags, caller))
