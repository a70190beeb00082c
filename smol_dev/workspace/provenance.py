"""Notes in the user's state folder that tell records written here from those that came from elsewhere.

A record that came with a clone, or in a folder that was moved here, looks just like one of ours. What
steers in a record (the profile, flags and variables, the files it may replace) counts only where the
note of its output folder says that it was written here.
"""

import contextlib
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, Final

from smol_dev.disk import publish
from smol_dev.workspace.record import Record

FOLDER: Final = "runs"
_MAX_NOTE_BYTES: Final = 64 * 1024
_OTHERS_WRITE: Final = 0o022


class Provenance:
    """The notes in the state folder of one user; with None nothing is noted, and no record is ours."""

    def __init__(self, state: Path | None) -> None:
        self._folder = state / FOLDER if state else None
        self._noted: dict[Path, list[str]] = {}

    def note(self, root: Path, record: Record) -> None:
        """Note that this user writes this record to the output folder `root`, before it is written.

        The note of the record before it stays, for a kill between the two. Where the note cannot be
        written, the record is nobody's when it is resumed, which costs its settings and nothing else.
        """
        hashed = _steering(record)
        known = self._noted.setdefault(root, [])
        if self._folder is None or hashed in known[-1:]:
            return
        hashes = [*known[-1:], hashed]
        note = json.dumps({"path": _name(root), "run_id": record.run_id, "steers": hashes})
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            publish(self._folder / _key(root), note.encode(), mode=0o600)
            self._noted[root] = hashes

    def vouches(self, root: Path, record: Record) -> bool:
        """Return whether this user wrote the record to this folder on this machine."""
        note = self._read(root)
        steers = note.get("steers")
        if (note.get("path"), note.get("run_id")) != (_name(root), record.run_id):
            return False
        hashed = _steering(record)
        if not isinstance(steers, list) or hashed not in steers:
            return False
        self._noted[root] = [hashed]
        return True

    def _read(self, root: Path) -> dict[str, Any]:
        if self._folder is None:
            return {}
        try:
            if not _is_ours(self._folder.lstat(), stat.S_ISDIR):
                return {}
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            with os.fdopen(os.open(self._folder / _key(root), flags), "rb") as file:
                if not _is_ours(os.fstat(file.fileno()), stat.S_ISREG):
                    return {}
                note = json.loads(file.read(_MAX_NOTE_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return note if isinstance(note, dict) else {}


def _steering(record: Record) -> str:
    """Return the hash of everything in a record that decides what is read, replaced, or asked, and where."""
    steers = [
        record.run_id,
        record.prompt,
        record.profile,
        record.begun,
        record.server,
        record.files,
        record.replaceable,
        *([record.check["command"]] if "command" in record.check else []),
    ]
    return hashlib.sha256(json.dumps(steers, sort_keys=True).encode()).hexdigest()


def _name(root: Path) -> str:
    return os.path.realpath(root)


def _key(root: Path) -> str:
    return hashlib.sha256(os.fsencode(_name(root))).hexdigest()


def _is_ours(status: os.stat_result, kind: Any) -> bool:  # noqa: ANN401 - a function of `stat`
    if not hasattr(os, "geteuid"):
        return bool(kind(status.st_mode))
    mine = status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE
    return bool(kind(status.st_mode)) and mine
