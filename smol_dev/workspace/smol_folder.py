"""The folder `.smol`: the run's lock, its record and journal, copies of replaced files, unusable answers.

A record that came with a clone, or in a folder that was moved here, looks just like one of ours. What steers a run in
it (the profile, flags and variables, the files it may replace) counts only if a note in the user's state folder says
that it was written here.
"""

import contextlib
import hashlib
import itertools
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from smol_dev.disk import PRIVATE, lock, made_private, publish
from smol_dev.errors import WorkspaceError
from smol_dev.workspace.folder import TEMPORARY, Folder, translated
from smol_dev.workspace.paths import NEVER_WRITTEN, skeleton
from smol_dev.workspace.record import (
    JOURNAL,
    RECORD,
    FileState,
    Journal,
    Record,
    damaged,
    entries,
    list_text,
    parse,
    render,
)

NAME: Final = ".smol"
LOCK: Final = "lock"
PLAN: Final = "plan.md"
LIST: Final = "files.txt"

CACHES: Final = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
"""Folders that tools make wherever they run, and whose content they can make again."""

_SIGNED: Final = re.compile(rb"([0-9]{1,10}) ([0-9-]{10} [0-9:]{8})\n")
_MAX_RECORD_BYTES: Final = 32 * 1024 * 1024
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_MAX_ANSWERS_BYTES: Final = 16 * 1024 * 1024
_MAX_NOTE_BYTES: Final = 64 * 1024
_OTHERS_WRITE: Final = 0o022
_NAMED: Final = 5


class Provenance:
    """One user's notes in the state folder; with None, nothing is noted and no record is ours."""

    def __init__(self, state: Path | None) -> None:
        self._folder = state / "runs" if state else None
        self._noted: dict[Path, list[str]] = {}

    def note(self, root: Path, record: Record) -> None:
        """Note that this user writes this record to the output folder `root`, before it is written.

        The note on the record before it stays, in case of a kill between the two. If the note cannot be written, a
        resumed run takes the record for a stranger's, which costs its settings and nothing else.
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
    """Return the hash of everything in a record that decides what is read, replaced or asked, and where."""
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


class SmolFolder:
    """The memory of one run, held by its lock until it is closed."""

    def __init__(
        self, folder: Folder, held: int, earlier: Record | None, *, resume: bool, provenance: Provenance
    ) -> None:
        self.folder = folder
        self.earlier = earlier
        self.is_ours = earlier is not None and provenance.vouches(folder.path.parent, earlier)
        self.record = earlier if resume else None
        self._provenance = provenance
        self.run_id = earlier.run_id if earlier and resume else secrets.token_hex(8)
        self.left: tuple[str, ...] = earlier.left if earlier else ()
        self.replaceable: dict[str, str] = {}
        if earlier:
            self.replaceable = dict(earlier.replaceable if resume else earlier.written())
        self.states: dict[str, FileState] = dict(self.record.states) if self.record else {}
        self.written_bytes = sum(map(_written, self.states.values()))
        self._is_new = earlier is None
        self._held = held
        self._journal = Journal(folder, self.run_id)
        if self.record and not self._journal.empty:
            self._save(self.record)

    @classmethod
    def open(cls, root: Folder, *, overwrite: bool, resume: bool, provenance: Provenance) -> Self:
        """Lock the folder and check that it is writable, or raise with nothing touched."""
        with contextlib.ExitStack() as undo:
            held = None
            with contextlib.suppress(FileNotFoundError), root.folder(NAME) as present:
                if present.status(LOCK) is not None:
                    held = _locked(present, undo)
            earlier = _earlier(root, resume=resume)
            if not resume and not overwrite:
                _refuse_foreign(root, earlier.written() if earlier else {}, earlier.left if earlier else ())
            folder = undo.enter_context(root.folder(NAME, create=True))
            held = _locked(folder, undo) if held is None else held
            for place in (root, folder):
                _sweep(place)
            _prove_writable(root, folder)
            opened = cls(folder, held, earlier, resume=resume, provenance=provenance)
            undo.pop_all()
            return opened

    def close(self) -> None:
        """Bring `run.json` up to date if the disk allows it, and release the folder."""
        if self.record and not self._journal.empty:
            with contextlib.suppress(WorkspaceError):  # nothing is lost: the journal has it
                self._save(self.snapshot(self.record))
        self._journal.close()
        os.close(self._held)
        self.folder.close()

    def forget(self) -> bool:
        """Remove the folder if this run was the first in it; return whether it is gone."""
        if not self._is_new:
            return False
        self.record = None
        with contextlib.suppress(OSError):
            for name in (RECORD, JOURNAL, LOCK):
                if self.folder.status(name) is not None:
                    self.folder.remove(name)
            self.folder.path.rmdir()
            return True
        return False

    def snapshot(self, record: Record) -> Record:
        """Return the record with the current states."""
        return replace(record, states=dict(self.states))

    def save(self, record: Record) -> None:
        """Replace `run.json` and empty the journal; states noted here override the record's.

        A planned file that the list no longer names is forgotten. From now on, this user counts as the record's writer.
        """
        self.is_ours = True
        self._save(record)

    def put_back(self, record: Record) -> None:
        """Replace `run.json` by that of another state of the program, but keep the current settings."""
        now = self.record or record
        self.states = dict(record.states)
        self._save(replace(record, profile=now.profile, begun=now.begun, server=now.server))

    def _save(self, record: Record) -> None:
        planned = {path: FileState(path, "planned") for path in record.files}
        known = {**planned, **record.states}
        known = {**{path: known[path] for path in known if path not in self.states}, **self.states}
        states = {
            path: state for path, state in known.items() if path in planned or state.sha256 or state.state != "planned"
        }
        whole = replace(record, states=states, run_id=self.run_id, replaceable=dict(self.replaceable), left=self.left)
        with translated(f"cannot write `{self.folder.path / RECORD}`", root=self.folder.path.parent):
            if self.record is None and self.folder.status(RECORD) is not None:
                self.keep_copy(self.folder, RECORD, f"{NAME}/{RECORD}")
                for name in (PLAN, LIST):
                    self._put_away(name)
            before = self.record or Record("", {})
            if record.files and before.files != record.files:
                self.publish(LIST, _bytes(list_text(record.files)))
            if record.plan and before.plan != record.plan:
                self.publish(PLAN, _bytes(record.plan.rstrip("\n") + "\n"))
            if self.is_ours:
                self._provenance.note(self.folder.path.parent, whole)
            self.publish(RECORD, render(whole))
            self._journal.clear()
        self.record, self.states = whole, states
        self.written_bytes = sum(map(_written, states.values()))

    def note(self, state: FileState, *, durable: bool = False) -> None:
        """Add a file's state to the journal; a done one takes hash and size from what was published."""
        known = self.states.get(state.path)
        if known and state.state == "done" and not state.sha256:
            state = replace(state, sha256=known.sha256, bytes=known.bytes)
        with translated(f"cannot write the journal of the run in `{self.folder.path}`", root=self.folder.path.parent):
            self._journal.append(state, durable=durable)
        self.written_bytes += _written(state) - (_written(known) if known else 0)
        _set_state(self.states, state)

    def keep_copy(self, folder: Folder, name: str, path: str) -> None:
        """Keep the file under `backup/` at its own path, or below a number if that is taken."""
        with self.folder.folder("backup", create=True) as backups:
            for number in itertools.count(1):
                place = path if number == 1 else f"{number}/{path}"
                with (
                    contextlib.suppress(FileExistsError, NotADirectoryError),
                    backups.holding(place, create=True) as (backup, last),
                ):
                    folder.place(name, backup, last)
                    backup.sync()
                    return

    def keep_answer(self, stage: str, path: str | None, attempt: int, text: str) -> str:
        """Write the answer to a new file in `answers/`; return its path from the output folder.

        At most its first MiB is kept; once there are 16 MiB, nothing is kept and the path is empty.
        """
        data = _bytes(text)[:_MAX_ANSWER_BYTES]
        about = f"-{re.sub(r'[^A-Za-z0-9._-]+', '_', path)[:100]}" if path else ""
        with (
            translated(f"cannot keep an answer in `{self.folder.path}`", root=self.folder.path.parent),
            self.folder.folder("answers", create=True) as answers,
        ):
            kept = sum(status.st_size for name in answers.names() if (status := answers.status(name)))
            if kept + len(data) > _MAX_ANSWERS_BYTES:
                return ""
            more = ("" if number == 1 else f"-{number}" for number in itertools.count(1))
            names = (f"{stage}{about}-{attempt}{again}.txt" for again in more)
            name = next(each for each in names if answers.status(each) is None)
            self.folder.put(data, answers, name, replaces=False)
        return f"{NAME}/answers/{name}"

    def read(self, name: str, *, limit: int) -> bytes | None:
        """Return the first `limit` bytes of a file in `.smol`, or None if it is absent. Raise `OSError`."""
        return None if self.folder.status(name) is None else self.folder.read(name, limit=limit)

    def publish(self, name: str, content: bytes) -> Path:
        """Write a file to the folder, replacing the one before; return its path."""
        self.folder.put(content, self.folder, name)
        return self.folder.path / name

    def _put_away(self, name: str) -> None:
        if self.folder.status(name) is not None:
            self.keep_copy(self.folder, name, f"{NAME}/{name}")
            self.folder.remove(name)


def _locked(folder: Folder, undo: contextlib.ExitStack) -> int:
    """Return the descriptor of the lock file, locked and signed. Raise `WorkspaceError` if another run holds it."""
    try:
        descriptor = _lock_file(folder)
    except BlockingIOError as error:
        raise WorkspaceError(
            f"another run is writing to `{folder.path.parent}`{_holder(folder)}",
            hint="wait until it ends, or choose another folder: `-o DIR`",
            reason="occupied",
        ) from error
    undo.callback(os.close, descriptor)
    with contextlib.suppress(OSError):  # a file that cannot be written locks all the same
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, PRIVATE)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
    return descriptor


def _lock_file(folder: Folder) -> int:
    """Return the descriptor of the lock file, locked. Raise `BlockingIOError` when a run holds it.

    A lock file that other users can open is not ours, and they may never release it: it is replaced.
    """
    for is_last in (False, True):
        descriptor = folder.append(LOCK, mode=PRIVATE)
        try:
            lock(descriptor)
        except BlockingIOError:
            opened, named = os.fstat(descriptor), folder.status(LOCK)
            is_foreign = made_private(descriptor)
            os.close(descriptor)
            if is_last or not is_foreign or not named or not os.path.samestat(opened, named):
                raise
            folder.remove(LOCK)
        else:
            break
    return descriptor


def _holder(folder: Folder) -> str:
    """Return which process holds the lock, and since when, as it wrote there."""
    try:
        found = _SIGNED.fullmatch(folder.read(LOCK, limit=100))
    except OSError:
        found = None
    return f": process {found[1].decode()}, since {found[2].decode()}" if found else ""


def found_record(root: Folder) -> Record | None:
    """Return the record in a folder, with what its journal adds, or None."""
    source = str(root.path / NAME / RECORD)
    if root.status(f"{NAME}/{RECORD}") is None:
        return None
    try:
        data = root.read(f"{NAME}/{RECORD}", limit=_MAX_RECORD_BYTES + 1)
    except OSError as error:
        raise damaged(source, "it cannot be read") from error
    if len(data) > _MAX_RECORD_BYTES:
        raise damaged(source, "it is larger than any record")
    record = parse(data, source=source)
    states = dict(record.states)
    for state in entries(root, f"{NAME}/{JOURNAL}", record.run_id, limit=_MAX_RECORD_BYTES):
        _set_state(states, state)
    return replace(record, states=states)


def _earlier(root: Folder, *, resume: bool) -> Record | None:
    """Return the existing record; a resumed run needs one, another run can do without."""
    try:
        record = found_record(root)
    except WorkspaceError:
        if resume:
            raise
        return None
    if resume and record is None:
        raise nothing_to_resume(root.path)
    return record


def nothing_to_resume(root: Path) -> WorkspaceError:
    """Return the error for resuming without a record."""
    return WorkspaceError(
        f"there is no run in `{root}`: it has no `{NAME}/{RECORD}`",
        hint="name the folder of a run, or begin one: `smol_dev -o DIR PROMPT`",
    )


def _set_state(states: dict[str, FileState], state: FileState) -> None:
    """Set a file's state and move it to the end, so that files are in the order of finishing."""
    states.pop(state.path, None)
    states[state.path] = state


def _sweep(folder: Folder) -> None:
    for name in folder.names():
        if re.fullmatch(re.escape(TEMPORARY) + "[0-9a-f]{16}", name):
            with contextlib.suppress(FileNotFoundError):
                folder.remove(name)


def _prove_writable(root: Folder, folder: Folder) -> None:
    with folder.temporary(b"\n") as temporary:
        name = f"{TEMPORARY}{secrets.token_hex(8)}"
        folder.place(temporary, root, name)
        root.remove(name)


def _written(state: FileState) -> int:
    return state.bytes if state.state == "done" else 0


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def _refuse_foreign(folder: Folder, written: Mapping[str, str], left: Collection[str] = ()) -> None:
    """Raise `WorkspaceError` if the folder holds what neither earlier runs wrote nor their checks `left`."""
    found = list(itertools.islice(_foreign(folder, written, left), _NAMED + 1))
    if not found:
        return
    more = " and more" if len(found) > _NAMED else ""
    raise WorkspaceError(
        f"the output folder `{folder.path}` is in use: {', '.join(found[:_NAMED])}{more}",
        hint="choose another folder: `-o DIR`, or replace what collides and keep a copy under"
        " `.smol/backup/`: `--overwrite`",
    )


def _foreign(root: Folder, written: Mapping[str, str], left: Collection[str]) -> Iterator[str]:
    """Yield what is not ours, by path; what a run never writes (`.git`, `smol.toml`) does not count."""
    pending = [""]
    while pending:
        above = pending.pop()
        folders = []
        with root.inside(above) as folder:
            for name in folder.names():
                path = f"{above}/{name}" if above else name
                status = folder.status(name)
                if skeleton(name) in NEVER_WRITTEN or path in left or (name in CACHES and path not in written):
                    continue
                if status is not None and stat.S_ISDIR(status.st_mode):
                    folders.append(path)
                elif status is not None and (not stat.S_ISREG(status.st_mode) or path not in written):
                    yield f"`{path}`"
                elif status is not None and folder.sha256(name) != written[path]:
                    yield f"`{path}` (edited since it was written)"
        pending.extend(reversed(folders))
