"""`smol_dev change`, `smol_dev undo` and `smol_dev log`: a program that grows with its prompt."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smol_dev.cli.completion import complete_prompt
from smol_dev.cli.generate import allow_sensitive_option, diff_option, strict_option, yes_option
from smol_dev.cli.help import Command
from smol_dev.cli.options import reporting_options, server_options
from smol_dev.cli.reporting import Report, aligned

if TYPE_CHECKING:
    from smol_dev.app.change import Step
    from smol_dev.config.layers import Flags

MOST_FILES: Final = 5
LONGEST_REQUEST: Final = 60
"""What `log` names of a step on one line."""


@click.command(
    cls=Command,
    examples=(
        'smol_dev change "add a dark theme"',
        'smol_dev change -o shop --diff "sort the list by price"',
        "smol_dev change -o shop --yes CHANGE.md",
    ),
)
@click.argument("request", metavar="TEXT|FILE", shell_complete=complete_prompt)
@click.option("--output", "-o", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Folder of the program")
@click.option("--only", metavar="PATH", multiple=True, help="Only this file may change; repeatable")
@click.option("--adopt", is_flag=True, help="Change a folder that smol_dev did not make")
@yes_option
@diff_option
@strict_option
@allow_sensitive_option
@server_options
@reporting_options
def change(request: str, flags: "Flags", report: Report, **options: Any) -> int:  # noqa: ANN401 - the fields of a Changing
    """Change a program: see the diff first, then accept or refuse.

    TEXT says what to change; a .md or .txt file or - for standard input will do as well.
    """
    from smol_dev.app.change import Changing
    from smol_dev.app.change import change as run
    from smol_dev.cli.prompt_text import read_prompt

    changing = Changing(read_prompt(request, None), **options)
    return report.run(lambda caller: run(changing, flags, caller), decide=True, diff=options["diff"])


@click.command(cls=Command, examples=("smol_dev undo", "smol_dev undo --redo", "smol_dev undo shop --keep-mine"))
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--redo", is_flag=True, help="Make the change again that was undone last")
@click.option("--keep-mine", is_flag=True, help="Keep files that you have changed since")
@click.option("--theirs", is_flag=True, help="Replace files you have changed; copies are kept")
@server_options
@reporting_options
def undo(folder: Path | None, flags: "Flags", report: Report, **how: bool) -> int:
    """Undo the last change of a program; repeat to go further back."""
    from smol_dev.app.change import undo as run

    return report.run(lambda caller: run(folder, flags, caller, **how))


@click.command(cls=Command, examples=("smol_dev log", "smol_dev log shop", "smol_dev log --json | head -1"))
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on standard output")
@server_options
def log(folder: Path | None, flags: "Flags", *, as_json: bool) -> int:
    """List the runs and changes of a program, the newest first."""
    import json
    from dataclasses import asdict

    from smol_dev.app.caller import Caller
    from smol_dev.app.change import log as steps
    from smol_dev.config.files import Surroundings

    found = steps(folder, flags, Caller(Surroundings.here(), lambda _event: None))
    for line in map(json.dumps, map(asdict, found)) if as_json else aligned([row(step) for step in found]):
        click.echo(line)
    return 0


def row(step: "Step") -> tuple[str, ...]:
    """Return the cells that tell of one step: number, time, kind, files, and what was asked for."""
    from smol_dev.safe import safe, safe_name

    marks = (("+", step.added), ("~", step.changed), ("-", step.removed))
    files = [f"{mark}{safe_name(path)}" for mark, paths in marks for path in paths]
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    asked = safe(" ".join(step.request.split())[:LONGEST_REQUEST]) or "-"
    return str(step.number), step.time, step.kind, f"{' '.join(files[:MOST_FILES]) or '-'}{more}", asked
