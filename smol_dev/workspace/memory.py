"""The folder `.smol`: the run's lock, its record and journal, copies of what was replaced, odd answers."""

import contextlib
import itertools
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from smol_dev.errors import WorkspaceError
from smol_dev.workspace import journal, lock
from smol_dev.workspace.failures import translated
from smol_dev.workspace.folder import TEMPORARY, Folder, descend
from smol_dev.workspace.journal import Journal, entries
from smol_dev.workspace.lock import Lock
from smol_dev.workspace.provenance import Provenance
from smol_dev.workspace.record import FileState, Record, damaged, list_text, parse, render
from smol_dev.workspace.root import refuse_foreign

NAME: Final = ".smol"
RECORD: Final = "run.json"
PLAN: Final = "plan.md"
LIST: Final = "files.txt"

_MAX_RECORD_BYTES: Final = 32 * 1024 * 1024
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_MAX_ANSWERS_BYTES: Final = 16 * 1024 * 1024


class Memory:
    """What is remembered of one run, held by its lock until it is closed."""

    def __init__(
        self, folder: Folder, held: Lock, earlier: Record | None, *, resume: bool, provenance: Provenance
    ) -> None:
        self.folder = folder
        self.earlier = earlier
        self.is_ours = earlier is not None and provenance.vouches(folder.path.parent, earlier)
        self.record = earlier if resume else None
        self._provenance = provenance
        self.run_id = earlier.run_id if earlier and resume else secrets.token_hex(8)
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
            held = undo.enter_context(Lock(root.path))
            with contextlib.suppress(FileNotFoundError), root.folder(NAME) as present:
                held.take(present, create=False)
            earlier = _earlier(root, resume=resume)
            if not resume and not overwrite:
                refuse_foreign(root, earlier.written() if earlier else {})
            folder = undo.enter_context(root.folder(NAME, create=True))
            held.take(folder, create=True)
            for place in (root, folder):
                _sweep(place)
            _prove_writable(root, folder)
            memory = cls(folder, held, earlier, resume=resume, provenance=provenance)
            undo.pop_all()
            return memory

    def close(self) -> None:
        """Bring `run.json` up to date where the disk lets us, and let go of the folder."""
        if self.record and not self._journal.empty:
            with contextlib.suppress(WorkspaceError):  # the journal has it all
                self._save(self.snapshot(self.record))
        self._journal.close()
        self._held.close()
        self.folder.close()

    def forget(self) -> bool:
        """Take the folder away if this run was the first in it; whether nothing is left of it."""
        if not self._is_new:
            return False
        self.record = None
        with contextlib.suppress(OSError):
            for name in (RECORD, journal.NAME, lock.NAME):
                if self.folder.status(name) is not None:
                    self.folder.remove(name)
            self.folder.path.rmdir()
            return True
        return False

    def snapshot(self, record: Record) -> Record:
        """The record with the states as they are now."""
        return replace(record, states=dict(self.states))

    def save(self, record: Record) -> None:
        """Replace `run.json` as a whole; states noted here beat the record's; the journal begins anew.

        A file that was only planned is forgotten when the list no longer names it. From now on the record
        is one that this user wrote here.
        """
        self.is_ours = True
        self._save(record)

    def put_back(self, record: Record) -> None:
        """Replace `run.json` by that of another state of the program, its states of files included."""
        self.states = dict(record.states)
        self.save(record)

    def _save(self, record: Record) -> None:
        planned = {path: FileState(path, "planned") for path in record.files}
        known = {**planned, **record.states}
        known = {**{path: known[path] for path in known if path not in self.states}, **self.states}
        states = {
            path: state for path, state in known.items() if path in planned or state.sha256 or state.state != "planned"
        }
        whole = replace(record, states=states, run_id=self.run_id, replaceable=dict(self.replaceable))
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
        """The first `limit` bytes of a file in `.smol`; None where it is not there. Raises `OSError`."""
        return None if self.folder.status(name) is None else self.folder.read(name, limit=limit)

    def _put_away(self, name: str) -> None:
        """Keep a copy of what an earlier run, or the user, has left under this name, and remove it."""
        if self.folder.status(name) is not None:
            self.keep_copy(self.folder, name, f"{NAME}/{name}")
            self.folder.remove(name)

    def _publish(self, name: str, content: str | bytes) -> None:
        data = _bytes(content) if isinstance(content, str) else content
        with self.folder.temporary(data) as temporary:
            self.folder.replace(temporary, self.folder, name)
        self.folder.sync()


def _earlier(root: Folder, *, resume: bool) -> Record | None:
    """The record that is there, journal included; a resumed run needs one, another can do without."""
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
    """The error of a resumed run without a record."""
    return WorkspaceError(
        f"no run to resume in `{root}`: it has no `{NAME}/{RECORD}`",
        hint="name the folder of the run: `smol_dev resume DIR`, or start one: `smol_dev -o DIR PROMPT`",
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
