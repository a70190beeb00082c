"""`smol_dev change`, `smol_dev undo` and `smol_dev log`: a program that grows with its prompt."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smol_dev.cli import options
from smol_dev.cli.completion import complete_prompt
from smol_dev.cli.display import Display, aligned, here
from smol_dev.cli.generate import read_prompt
from smol_dev.cli.help import Command
from smol_dev.safe import safe, safe_name

if TYPE_CHECKING:
    from smol_dev.app.program import Step
    from smol_dev.config.layers import Flags

MOST_FILES: Final = 5
LONGEST_REQUEST: Final = 60
"""The most files and characters of the request that `log` shows for a step."""


@click.command(
    cls=Command,
    examples=(
        'smol_dev change "add a dark theme"',
        'smol_dev change -o shop --diff "sort the list by price"',
        "smol_dev change -o shop --yes CHANGE.md",
    ),
)
@click.argument("request", metavar="TEXT|FILE", shell_complete=complete_prompt)
@click.option("--output", "-o", "folder", metavar="DIR", type=options.PATH, help="Folder of the program")
@options.many("--only", metavar="PATH", help="Only this file may change; repeatable")
@options.flag("--adopt", help="Change a folder that smol_dev did not make")
@options.yes
@options.diff
@options.strict
@options.allow_sensitive
@options.server
@options.display
def change(request: str, flags: "Flags", display: Display, **given: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Change a program: see the diff first, then accept or refuse.

    TEXT says what to change; a .md or .txt file or - for standard input will do as well.
    """
    from smol_dev.app.program import change as run
    from smol_dev.app.session import Task

    task = Task(request=read_prompt(request, None), **given)
    return display.run(lambda caller: run(task, flags, caller), decide=True, diff=given["diff"])


@click.command(cls=Command, examples=("smol_dev undo", "smol_dev undo --redo", "smol_dev undo shop --keep-mine"))
@options.folder
@options.flag("--redo", help="Make the change again that was undone last")
@options.flag("--keep-mine", help="Keep files that you have changed since")
@options.flag("--theirs", help="Replace files you have changed; copies are kept")
@options.server
@options.display
def undo(folder: Path | None, flags: "Flags", display: Display, **how: bool) -> int:
    """Undo the last change of a program; repeat to go further back."""
    from smol_dev.app.program import undo as run

    return display.run(lambda caller: run(folder, flags, caller, **how))


@click.command(cls=Command, examples=("smol_dev log", "smol_dev log shop", "smol_dev log --json | head -1"))
@options.folder
@options.json_lines
@options.server
def log(folder: Path | None, flags: "Flags", *, as_json: bool) -> int:
    """List the runs and changes of a program, the newest first."""
    import json
    from dataclasses import asdict

    from smol_dev.app.program import log as steps

    found = steps(folder, flags, here())
    for line in map(json.dumps, map(asdict, found)) if as_json else aligned([row(step) for step in found]):
        click.echo(line)
    return 0


def row(step: "Step") -> tuple[str, ...]:
    """Return the cells for one step: number, time, kind, files and request."""
    marks = (("+", step.added), ("~", step.changed), ("-", step.removed))
    files = [f"{mark}{safe_name(path)}" for mark, paths in marks for path in paths]
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    asked = safe(" ".join(step.request.split())[:LONGEST_REQUEST]) or "-"
    return str(step.number), step.time, step.kind, f"{' '.join(files[:MOST_FILES]) or '-'}{more}", asked
