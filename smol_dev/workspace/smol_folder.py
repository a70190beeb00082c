"""The folder `.smol`: the run's lock, its record and journal, copies of what was replaced, unusable answers."""

import contextlib
import itertools
import os
import re
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from smol_dev.disk import PRIVATE, lock, made_private
from smol_dev.errors import WorkspaceError
from smol_dev.workspace.folder import TEMPORARY, Folder, descend, translated
from smol_dev.workspace.provenance import Provenance
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
from smol_dev.workspace.root import refuse_foreign

NAME: Final = ".smol"
LOCK: Final = "lock"
PLAN: Final = "plan.md"
LIST: Final = "files.txt"

_SIGNED: Final = re.compile(rb"([0-9]{1,10}) ([0-9-]{10} [0-9:]{8})\n")
_MAX_RECORD_BYTES: Final = 32 * 1024 * 1024
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_MAX_ANSWERS_BYTES: Final = 16 * 1024 * 1024


class SmolFolder:
    """What is remembered of one run, held by its lock until it is closed."""

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
        """Lock the folder and prove it writable, or raise with nothing touched."""
        with contextlib.ExitStack() as undo:
            held = None
            with contextlib.suppress(FileNotFoundError), root.folder(NAME) as present:
                if present.status(LOCK) is not None:
                    held = _locked(present, undo)
            earlier = _earlier(root, resume=resume)
            if not resume and not overwrite:
                refuse_foreign(root, earlier.written() if earlier else {}, earlier.left if earlier else ())
            folder = undo.enter_context(root.folder(NAME, create=True))
            held = _locked(folder, undo) if held is None else held
            for place in (root, folder):
                _sweep(place)
            _prove_writable(root, folder)
            opened = cls(folder, held, earlier, resume=resume, provenance=provenance)
            undo.pop_all()
            return opened

    def close(self) -> None:
        """Bring `run.json` up to date where the disk lets us, and let go of the folder."""
        if self.record and not self._journal.empty:
            with contextlib.suppress(WorkspaceError):  # the journal has it all
                self._save(self.snapshot(self.record))
        self._journal.close()
        os.close(self._held)
        self.folder.close()

    def forget(self) -> bool:
        """Take the folder away if this run was the first in it; whether nothing is left of it."""
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
        """Return the record with the states as they are now."""
        return replace(record, states=dict(self.states))

    def save(self, record: Record) -> None:
        """Replace `run.json` as a whole; states noted here beat the record's; the journal begins anew.

        A file that was only planned is forgotten when the list no longer names it. From now on the record
        is one that this user wrote here.
        """
        self.is_ours = True
        self._save(record)

    def put_back(self, record: Record) -> None:
        """Replace `run.json` by that of another state of the program, its states of files included.

        Settings are no part of a state: those of now stay, and whose record it is does not change.
        """
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
                self._publish(LIST, list_text(record.files))
            if record.plan and before.plan != record.plan:
                self._publish(PLAN, record.plan.rstrip("\n") + "\n")
            if self.is_ours:
                self._provenance.note(self.folder.path.parent, whole)
            self._publish(RECORD, render(whole))
            self._journal.clear()
        self.record, self.states = whole, states
        self.written_bytes = sum(map(_written, states.values()))

    def note(self, state: FileState, *, durable: bool = False) -> None:
        """Add the state of a file to the journal; a done one takes over what was published."""
        known = self.states.get(state.path)
        if known and state.state == "done" and not state.sha256:
            state = replace(state, sha256=known.sha256, bytes=known.bytes)
        with translated(f"cannot write the journal of the run in `{self.folder.path}`", root=self.folder.path.parent):
            self._journal.append(state, durable=durable)
        self.written_bytes += _written(state) - (_written(known) if known else 0)
        _put(self.states, state)

    def keep_copy(self, folder: Folder, name: str, path: str) -> None:
        """Keep the file under `backup/`, at its own path, or below a number where that is taken."""
        *above, last = path.split("/")
        with self.folder.folder("backup", create=True) as backups:
            for number in itertools.count(1):
                within = () if number == 1 else (str(number),)
                with (
                    contextlib.suppress(FileExistsError, NotADirectoryError),
                    descend(backups, (*within, *above), create=True) as backup,
                ):
                    folder.place(name, backup, last)
                    backup.sync()
                    return

    def keep_answer(self, stage: str, path: str | None, attempt: int, text: str) -> str:
        """Write the answer to a name of its own in `answers/`; its path from the output folder.

        Its first MiB at most is kept, and nothing (the path is empty) once there are 16 MiB.
        """
        data = _bytes(text)[:_MAX_ANSWER_BYTES]
        about = f"-{re.sub(r'[^A-Za-z0-9._-]+', '_', path)[:100]}" if path else ""
        with (
            translated(f"cannot keep an answer in `{self.folder.path}`", root=self.folder.path.parent),
            self.folder.folder("answers", create=True) as answers,
            answers.temporary(data) as temporary,
        ):
            kept = [status.st_size for name in answers.names() if (status := answers.status(name))]
            if sum(kept) > _MAX_ANSWERS_BYTES:  # the temporary file is among them
                return ""
            for number in itertools.count(1):
                again = "" if number == 1 else f"-{number}"
                name = f"{stage}{about}-{attempt}{again}.txt"
                with contextlib.suppress(FileExistsError):
                    answers.place(temporary, answers, name)
                    break
        return f"{NAME}/answers/{name}"

    def read(self, name: str, *, limit: int) -> bytes | None:
        """Return the first `limit` bytes of a file in `.smol`; None where it is not there. Raise `OSError`."""
        return None if self.folder.status(name) is None else self.folder.read(name, limit=limit)

    def _put_away(self, name: str) -> None:
        """Keep a copy of what an earlier run, or the user, has left under this name, and remove it."""
        if self.folder.status(name) is not None:
            self.keep_copy(self.folder, name, f"{NAME}/{name}")
            self.folder.remove(name)

    def publish(self, name: str, content: bytes) -> Path:
        """Put a file of this name in the folder, in the place of the one before; return its path."""
        self._publish(name, content)
        return self.folder.path / name

    def _publish(self, name: str, content: str | bytes) -> None:
        data = _bytes(content) if isinstance(content, str) else content
        with self.folder.temporary(data) as temporary:
            self.folder.replace(temporary, self.folder, name)
        self.folder.sync()


def _locked(folder: Folder, undo: contextlib.ExitStack) -> int:
    """Return the descriptor of the lock file in this folder, locked until it is closed, and signed.

    Raise `WorkspaceError` at once when another run, of this process too, holds it.
    """
    try:
        descriptor = _taken(folder)
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


def _taken(folder: Folder) -> int:
    """Return the descriptor of the lock file, locked. Raise `BlockingIOError` when a run holds it.

    A file that others could open is none of ours, and another user may hold it for ever: it is replaced.
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
    """Return which process holds the lock, and since when, as it has written there."""
    try:
        found = _SIGNED.fullmatch(folder.read(LOCK, limit=100))
    except OSError:
        found = None
    return f": process {found[1].decode()}, since {found[2].decode()}" if found else ""


def _earlier(root: Folder, *, resume: bool) -> Record | None:
    """Return the record that is there, journal included; a resumed run needs one, another can do without."""
    source = str(root.path / NAME / RECORD)
    try:
        record = _load(root, source)
    except WorkspaceError:
        if resume:
            raise
        return None
    if resume and record is None:
        raise nothing_to_resume(root.path)
    return record


def nothing_to_resume(root: Path) -> WorkspaceError:
    """Return the error of a resumed run without a record."""
    return WorkspaceError(
        f"there is no run in `{root}`: it has no `{NAME}/{RECORD}`",
        hint="name the folder of a run, or begin one: `smol_dev -o DIR PROMPT`",
    )


def _load(root: Folder, source: str) -> Record | None:
    with contextlib.suppress(FileNotFoundError), root.folder(NAME) as folder:
        if folder.status(RECORD) is None:
            return None
        try:
            data = folder.read(RECORD, limit=_MAX_RECORD_BYTES + 1)
        except OSError as error:
            raise damaged(source, "it cannot be read") from error
        if len(data) > _MAX_RECORD_BYTES:
            raise damaged(source, "it is larger than any record")
        record = parse(data, source=source)
        states = dict(record.states)
        for state in entries(folder, record.run_id, limit=_MAX_RECORD_BYTES):
            _put(states, state)
        return replace(record, states=states)
    return None


def _put(states: dict[str, FileState], state: FileState) -> None:
    """Set the state of a file; the files that were finished stand in the order in which they were."""
    states.pop(state.path, None)
    states[state.path] = state


def _sweep(folder: Folder) -> None:
    """Remove what a killed run of ours left of its temporary files."""
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
