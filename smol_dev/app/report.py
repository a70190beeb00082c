"""The report of a run: its record and current files, written as one page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smol_dev.app.program import open_program
from smol_dev.app.session import Task
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.disk import publish
from smol_dev.errors import WorkspaceError
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.writer import Workspace

MARK: Final = b'<meta name="generator" content="smol_dev">'
"""A line in every report, which shows that a file is a report and may be replaced."""

ANOTHER: Final = "name another file: `smol_dev report -o report.html`"

MOST_LOOKED_AT: Final = 2_000
"""The number of leading bytes in which the mark is searched for."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A file of the program: its state, its text (None if it does not exist), and whether the user edited it."""

    state: FileState
    text: str | None
    is_edited: bool = False


def report(
    folder: Path | None,
    target: Path | None,
    flags: Flags,
    here: Surroundings,
    render: Callable[[Record, tuple[Reported, ...]], str],
) -> Path:
    """Write the report of the run in a folder to `target`, or else into its `.smol`; return the report's path."""
    with open_program(Task(folder=folder), flags, here) as workspace:
        record = workspace.record
        page = render(record, tuple(_files(workspace, record))).encode("utf-8", "replace")
        if target is None:
            return workspace.publish_report(page)
    path = here.cwd / target
    try:
        _refuse_other(path)
        publish(path, page, mode=0o666, like=path)
    except OSError as error:
        what = f"cannot write the report `{path}`: {error.strerror}"
        raise WorkspaceError(what, hint=ANOTHER) from error
    return path


def _files(workspace: Workspace, record: Record) -> Iterator[Reported]:
    found = workspace.remaining(record.files)
    for path in record.files:
        text = workspace.read(path) if path in {*found.finished, *found.edited} else None
        yield Reported(record.states.get(path, FileState(path, "planned")), text, path in found.edited)


def _refuse_other(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_ours = MARK in file.read(MOST_LOOKED_AT)
    except FileNotFoundError:
        return
    if not is_ours:
        raise WorkspaceError(f"`{path}` exists already, and is not a report of a run", hint=ANOTHER, reason="occupied")
