"""`smol_dev resume`: finish an interrupted or partly failed run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from smol_dev.cli.options import settings_options
from smol_dev.cli.reporting import Report, reporting_options
from smol_dev.cli.server_options import server_options

if TYPE_CHECKING:
    from smol_dev.config.layers import Flags


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--only", metavar="PATH", multiple=True, help="Only this file of those missing; repeatable.")
@click.option("--strict", is_flag=True, help="Exit with 4 where the files do not fit together in the end.")
@click.option(
    "--allow-sensitive",
    metavar="GLOB",
    multiple=True,
    help="Let files be written that run by themselves, as `.vscode/*`; repeatable.",
)
@click.option(
    "--include",
    metavar="PATH",
    multiple=True,
    help="Show the model this file as you edited it, though the record came from elsewhere.",
)
@click.option(
    "--files",
    "list_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file list of your own, one path a line, as in `.smol/files.txt`.",
)
@settings_options
@server_options
@reporting_options
def resume(
    folder: Path | None,
    *,
    only: tuple[str, ...],
    include: tuple[str, ...],
    list_file: Path | None,
    allow_sensitive: tuple[str, ...],
    strict: bool,
    flags: "Flags",
    report: Report,
) -> int:
    """Ask again for what is missing or failed in DIR, and for nothing else.

    DIR is the output folder of the run; the setting `output_dir` if it is left out.
    """
    from smol_dev.app.build import Task
    from smol_dev.app.build import resume as run

    task = Task(
        folder=folder, only=only, include=include, list_file=list_file, allow_sensitive=allow_sensitive, strict=strict
    )
    return report.run(lambda caller: run(task, flags, caller))
