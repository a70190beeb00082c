"""What happened since `run.json` was written, a line each, so that a file costs a line and no more."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict

from smol_dev.workspace.folder import Folder
from smol_dev.workspace.record import FileState, file_state

NAME = "journal.jsonl"


class Journal:
    """The journal of one run, open to append to; its methods raise `OSError`."""

    def __init__(self, folder: Folder, run_id: str) -> None:
        self._descriptor = folder.append(NAME)
        self._run_id = run_id
        self.empty = os.fstat(self._descriptor).st_size == 0

    def append(self, state: FileState, *, durable: bool) -> None:
        """Add a line, or leave the journal as it was; a durable one is on the disk on return."""
        line = json.dumps({"run_id": self._run_id, **asdict(state)}).encode() + b"\n"
        size = os.fstat(self._descriptor).st_size
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
            if durable:
                os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise
        self.empty = False

    def clear(self) -> None:
        """Forget everything; `run.json` has it now."""
        os.ftruncate(self._descriptor, 0)
        self.empty = True

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def entries(folder: Folder, run_id: str, *, limit: int) -> Iterator[FileState]:
    """The states that the journal adds to this run's `run.json`, oldest first.

    A line torn by a crash is skipped: the file itself then shows whether it was published.
    """
    if folder.status(NAME) is None:
        return
    for line in folder.read(NAME, limit=limit).splitlines():
        try:
            table = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(table, dict) and table.get("run_id") == run_id and (state := file_state(table)):
            yield state
