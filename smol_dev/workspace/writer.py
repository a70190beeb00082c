"""The output folder of a run, in which files appear complete or not at all, and nothing else is touched.

Its folder `.smol` holds the lock, the record and its journal, copies of replaced files, and unusable answers.
"""

import contextlib
import hashlib
import itertools
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final, Literal, Self

from smol_dev.chat import StageName
from smol_dev.errors import AnswerError, WorkspaceError
from smol_dev.workspace.folder import Folder, explain, resume_command, translated
from smol_dev.workspace.history import Timeline
from smol_dev.workspace.paths import IS_REPOSITORY, TELLING, is_repository, normal, refuse, settle
from smol_dev.workspace.record import NAME, RECORD, FileState, Journal, Provenance, Record, finished, list_text, render
from smol_dev.workspace.root import CACHES, keep_copy, nothing_to_resume, release, resolve, take

PLAN: Final = "plan.md"
LIST: Final = "files.txt"
REPORT: Final = "report.html"

MOST_ENTRIES: Final = 100_000

MOST_LEFT: Final = 10_000
"""Paths made by the check that are remembered."""

MAX_RUN_BYTES: Final = 32 * 1024 * 1024
"""Bytes of all files of a run; the caller refuses an answer that would exceed it."""

_MAX_ANSWER_BYTES: Final = 1024 * 1024
_MAX_ANSWERS_BYTES: Final = 16 * 1024 * 1024

Standing = Literal["absent", "ours", "replaceable", "foreign"]
"""What is at a path: nothing, this run's file, a replaceable one (a copy is kept), or someone else's."""

NOTHING: Final = Record("", {})
NOBODYS: Final = Provenance(None)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a resumed run finds, each in the order of the file list.

    `todo` is to be asked for. `finished` is on disk as it was written; `edited` was changed by the user since and is
    kept. `occupied` was never written, and something of the user's is now in its place, `(path, why)`; `refused` may no
    longer be written, `(path, why)`.
    """

    todo: tuple[str, ...]
    finished: tuple[str, ...]
    edited: tuple[str, ...]
    occupied: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]


class Workspace:
    """One output folder, locked until it is closed; a context manager.

    `earlier` is the record that was found in it, `is_ours` whether this user wrote it. `allowed` are the globs of files
    that may be written although tools run them by themselves. `replaced` are the files from before this run that it
    has replaced, `written_bytes` the size of all its finished files; both include those from before a resume.
    """

    def __init__(
        self, root: Folder, memory: Folder, earlier: Record | None, *, resume: bool, provenance: Provenance
    ) -> None:
        self.root = root.path
        self.earlier = earlier
        self.is_ours = earlier is not None and provenance.vouches(root.path, earlier)
        self.allowed: tuple[str, ...] = ()
        self.replaced: set[str] = set()
        self._root = root
        self._memory = memory
        self._held = contextlib.ExitStack()
        self._provenance = provenance
        self._is_new = self._overwrite = False
        self._saved = earlier if resume else None
        self._run_id = self._saved.run_id if self._saved else secrets.token_hex(8)
        self._left = earlier.left if earlier else ()
        self._replaceable = dict(self._saved.replaceable if self._saved else earlier.written() if earlier else {})
        self._states = dict(self._saved.states) if self._saved else {}
        self.written_bytes = sum(map(_written, self._states.values()))
        self._journal = Journal(memory, self._run_id)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        cwd: Path,
        home: Path | None,
        overwrite: bool = False,
        resume: bool = False,
        allow_sensitive: Sequence[str] = (),
        no_links_below: Path | None = None,
        provenance: Provenance = NOBODYS,
    ) -> Self:
        """Lock the folder, or raise `WorkspaceError` with nothing touched.

        Without `resume`, it is created if absent, and may hold only what earlier runs wrote, unless `overwrite`; with
        `resume`, it must hold a record. No component below `no_links_below` may be a link.
        """
        with translated(f"cannot use the output folder `{cwd / root}`", root=root), contextlib.ExitStack() as held:
            path = resolve(root, cwd=cwd, home=home, no_links_below=no_links_below)
            is_new = not path.exists()
            if resume and is_new:
                raise nothing_to_resume(path)
            folder = held.enter_context(Folder.at(path, create=True))
            memory, earlier = take(folder, held, overwrite=overwrite, resume=resume)
            workspace = cls(folder, memory, earlier, resume=resume, provenance=provenance)
            held.callback(workspace._settle)
            workspace._is_new, workspace._overwrite = is_new, overwrite and not resume
            workspace.allow_sensitive(allow_sensitive)
            workspace._recover()
            workspace._held = held.pop_all()
        return workspace

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the folder; a second call does nothing."""
        self._held.close()

    def _settle(self) -> None:
        """Bring `run.json` up to date if the disk allows it."""
        if self._saved and not self._journal.empty:
            with contextlib.suppress(WorkspaceError):  # nothing is lost: the journal has it
                self._save(self.record)
        self._journal.close()

    def _recover(self) -> None:
        """Take in the journal of a killed run, and mark as done what it had published but not yet noted."""
        if self._saved and not self._journal.empty:
            self._save(self._saved)
        for path, state in tuple(self._states.items()):
            if state.state == "planned" and state.sha256 and self._examine(path)[0] == "ours":
                self.note(replace(state, state="done"))

    def withdraw(self) -> None:
        """Remove what `open` and `save` made, for a run that never reached a server; the rest stays."""
        if self.earlier is None:
            self._saved = None
            if release(self._memory) and self._is_new:
                with contextlib.suppress(OSError):  # something else is in it by now
                    self.root.rmdir()

    @property
    def record(self) -> Record:
        """The record found on resume or saved last, with the current states; empty before."""
        return replace(self._saved or NOTHING, states=dict(self._states))

    def allow_sensitive(self, globs: Sequence[str]) -> None:
        """Allow files that tools run by themselves, if they match one of the globs."""
        self.allowed = tuple(globs)

    @property
    def earlier_prompt(self) -> str:
        """The prompt of the previous run in this folder; empty if there was none."""
        return self.earlier.prompt if self.earlier else ""

    def present(self) -> tuple[str, ...]:
        """Return the files of earlier runs that still exist."""
        return tuple(filter(self.is_there, self.earlier.written() if self.earlier else ()))

    def save(self, record: Record) -> None:
        """Replace `run.json` and, if they changed, `plan.md` and `files.txt`; called when a stage is done.

        States noted here override the record's, and a planned file that the list no longer names is forgotten. From now
        on, this user counts as the record's writer.
        """
        if self._overwrite and record.files != (self._saved or NOTHING).files:
            for path in record.files:  # a resumed run may replace what is in the way now, and nothing else
                if self._examine(path)[0] == "replaceable":
                    self._replaceable[path] = self._root.sha256(path)
        self.is_ours = True
        self._save(record)

    def _put_back(self, record: Record) -> None:
        """Replace `run.json` by that of another state of the program, but keep the current settings."""
        now = self._saved or record
        self._states = dict(record.states)
        self._save(replace(record, profile=now.profile, begun=now.begun, server=now.server))

    def _save(self, record: Record) -> None:
        planned = {path: FileState(path, "planned") for path in record.files}
        known = {path: state for path, state in {**planned, **record.states}.items() if path not in self._states}
        states = {
            path: state
            for path, state in {**known, **self._states}.items()
            if path in planned or state.sha256 or state.state != "planned"
        }
        memory, before = self._memory, self._saved or NOTHING
        whole = replace(
            record, states=states, run_id=self._run_id, replaceable=dict(self._replaceable), left=self._left
        )
        with translated(f"cannot write `{memory.path / RECORD}`", root=self.root):
            if self._saved is None and memory.status(RECORD) is not None:
                keep_copy(memory, memory, RECORD, f"{NAME}/{RECORD}")
                for name in (PLAN, LIST):
                    if memory.status(name) is not None:
                        keep_copy(memory, memory, name, f"{NAME}/{name}")
                        memory.remove(name)
            if record.files and before.files != record.files:
                memory.put(_bytes(list_text(record.files)), memory, LIST)
            if record.plan and before.plan != record.plan:
                memory.put(_bytes(record.plan.rstrip("\n") + "\n"), memory, PLAN)
            if self.is_ours:
                self._provenance.note(self.root, whole)
            memory.put(render(whole), memory, RECORD)
            self._journal.clear()
        self._saved, self._states = whole, states
        self.written_bytes = sum(map(_written, states.values()))

    def note(self, state: FileState, *, durable: bool = False) -> None:
        """Note one file's state at a constant cost; a done file's `sha256` and `bytes` are filled in."""
        known = self._states.get(state.path)
        if known and state.state == "done" and not state.sha256:
            state = replace(state, sha256=known.sha256, bytes=known.bytes)
        with self._explained("cannot write the journal of the run", self._memory):
            self._journal.append(state, durable=durable)
        self.written_bytes += _written(state) - (_written(known) if known else 0)
        finished(self._states, state)

    def read_edited(self, name: Literal["plan.md", "files.txt"], *, limit: int) -> bytes | None:
        """Return the current content of the plan's or the list's file, at most one byte more than the limit."""
        with self._explained(f"cannot read `{name}`", self._memory):
            return None if self._memory.status(name) is None else self._memory.read(name, limit=limit + 1)

    def publish_report(self, page: bytes) -> Path:
        """Write the page to `.smol`, replacing an earlier one; return its path."""
        with self._explained(f"cannot write `{REPORT}`", self._memory):
            self._memory.put(page, self._memory, REPORT)
        return self._memory.path / REPORT

    def keep_answer(self, stage: StageName, path: str | None, attempt: int, text: str) -> str:
        """Keep an unusable answer under `.smol/answers/` for the user to look at; return its relative path.

        At most its first MiB is kept; once there are 16 MiB, nothing is kept and the path is empty.
        """
        data = _bytes(text)[:_MAX_ANSWER_BYTES]
        about = f"-{re.sub(r'[^A-Za-z0-9._-]+', '_', path)[:100]}" if path else ""
        with (
            self._explained("cannot keep an answer", self._memory),
            self._memory.folder("answers", create=True) as answers,
        ):
            kept = sum(status.st_size for name in answers.names() if (status := answers.status(name)))
            if kept + len(data) > _MAX_ANSWERS_BYTES:
                return ""
            more = ("" if number == 1 else f"-{number}" for number in itertools.count(1))
            names = (f"{stage}{about}-{attempt}{again}.txt" for again in more)
            name = next(each for each in names if answers.status(each) is None)
            self._memory.put(data, answers, name, replaces=False)
        return f"{NAME}/answers/{name}"

    def remaining(self, files: Sequence[str] | None = None) -> Remaining:
        """Return what is left to do of these files (by default the record's), judged by what is on disk."""
        listed = (self._saved or NOTHING).files if files is None else files
        accepted, refused = settle(listed, allow_sensitive=self.allowed)
        found = {path: self._examine(path) for path in accepted}
        done = {path for path, state in self._states.items() if state.state == "done"}
        foreign = {path: why for path, (standing, why) in found.items() if standing == "foreign"}
        return Remaining(
            todo=tuple(path for path in found if found[path][0] in {"absent", "replaceable"}),
            finished=tuple(path for path in found if found[path][0] == "ours"),
            edited=tuple(path for path in foreign if path in done),
            occupied=tuple((path, why) for path, why in foreign.items() if path not in done),
            refused=refused,
        )

    def obstacles(self, remaining: Remaining) -> Iterator[tuple[str, WorkspaceError]]:
        """Yield each file that may not or cannot be written now, with the reason."""
        for path, why in remaining.refused:
            yield path, _unsafe(path, why)
        for path, why in remaining.occupied:
            yield path, self._in_the_way(path, why)

    def entries(self) -> frozenset[str]:
        """Return the paths of all files and folders outside records, repositories and caches; about 100,000 at most."""
        found: set[str] = set()
        for above, folders, files in os.walk(self.root):
            below = PurePath(above).relative_to(self.root)
            found.update((below / name).as_posix() for name in (*folders, *files) if name != NAME)
            folders[:] = [name for name in folders if name not in {NAME, ".git", *CACHES}]
            if len(found) >= MOST_ENTRIES:
                break
        return frozenset(found)

    def leave(self, paths: Sequence[str]) -> None:
        """Remember what the user's check has made, so that it does not block a later run."""
        self._left = tuple(dict.fromkeys((*self._left, *paths)))[:MOST_LEFT]

    def write(self, path: str, content: str, *, over: bool = False) -> int:
        """Publish a complete file, and return its size in bytes; `over` replaces the user's file, keeping a copy.

        Raise `WorkspaceError` if the path is unsafe, something of the user's is in the way, or the disk refuses;
        `AnswerError` if the content cannot be encoded in UTF-8. The file is then as it was before, and no temporary one
        is left.
        """
        self._refuse(path)
        target, data = normal(path), self._utf8(path, content)
        with (
            self._explained(f"cannot write `{target}`"),
            self._memory.temporary(data) as temporary,
            self._root.holding(target, create=True) as (folder, name),
        ):
            standing, why = self._standing(folder, name, target, over=over)
            if standing == "foreign":
                raise self._in_the_way(target, why)
            if standing == "replaceable":
                self.replaced.add(target)
            before = self._states.get(target, FileState(target, "planned"))
            intended = FileState(target, "planned", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            self.note(intended, durable=True)  # after a kill, the file is recognised as ours
            try:
                if standing == "absent":
                    self._memory.place(temporary, folder, name)
                else:
                    if standing == "replaceable" or before.state == "done":  # asked for again: the plan changed
                        keep_copy(self._memory, folder, name, target)
                    self._memory.replace(temporary, folder, name)
            except (OSError, WorkspaceError) as error:
                with contextlib.suppress(WorkspaceError):  # the first failure is the one to report
                    self.note(before)
                if standing == "absent" and isinstance(error, FileExistsError):
                    raise self._in_the_way(target, "something else appeared there") from error
                raise
            folder.sync()
        return len(data)

    def read(self, path: str) -> str:
        """Return the current text of a file of the run, with U+FFFD for invalid UTF-8."""
        with self._explained(f"cannot read `{path}`"):
            return self._root.read(normal(path), limit=MAX_RUN_BYTES).decode(errors="replace")

    def text(self, path: str, *, limit: int) -> str | None:
        """Return the text of a regular file of at most `limit` bytes; None if it is absent, longer or not text."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            data = self._root.read(normal(path), limit=limit + 1)
            return data.decode() if len(data) <= limit and b"\0" not in data else None
        return None

    def take_over(self, record: Record) -> None:
        """Save a record whose files already exist, and capture them as its first state."""
        states = {}
        for path in record.files:
            with self._explained(f"cannot read `{path}`"):
                status, found = self._root.status(path), self._root.sha256(path)
            states[path] = FileState(path, "done", sha256=found, bytes=status.st_size if status else 0)
        self.is_ours = True
        self._save(replace(record, states=states))
        self.timeline().capture("adopt", "", self.record)

    def is_there(self, path: str) -> bool:
        """Return whether anything is at the path."""
        return self._examine(normal(path))[0] != "absent"

    def timeline(self) -> Timeline:
        """Return the states of the program in the folder, which must be open to resume."""
        return Timeline(self._root, self._memory, refuse=self._refuse, put_back=self._put_back)

    def _refuse(self, path: str) -> None:
        """Raise if the path is unsafe, or would form a bare git repository with what is on disk."""
        if why := refuse(path, allow_sensitive=self.allowed):
            raise _unsafe(path, why)
        target = normal(path)
        components = target.split("/")
        with self._explained(f"cannot write `{target}`"), contextlib.suppress(FileNotFoundError):
            for depth, name in enumerate(components):
                with self._root.inside("/".join(components[:depth])) as folder:
                    there = [tell for tell in TELLING if folder.status(tell) is not None]
                if is_repository([*there, name]):
                    raise _unsafe(target, IS_REPOSITORY)

    def _examine(self, path: str) -> tuple[Standing, str]:
        """Return what is at the path, and why it cannot be replaced if it is foreign."""
        try:
            with self._root.holding(path) as (folder, name):
                return self._standing(folder, name, path)
        except FileNotFoundError:
            return "absent", ""
        except OSError as error:
            return "foreign", explain(error)

    def _standing(self, folder: Folder, name: str, path: str, *, over: bool = False) -> tuple[Standing, str]:
        status = folder.status(name)
        if status is None:
            return "absent", ""
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a link or a special file"
            return "foreign", f"{kind} of that name is there"
        found = folder.sha256(name)
        state = self._states.get(path)
        if state and state.sha256 == found:
            return "ours", ""
        if over or self._overwrite or self._replaceable.get(path) == found:
            return "replaceable", ""
        return "foreign", "a file that this run did not write is there"

    def _explained(self, what: str, folder: Folder | None = None) -> contextlib.AbstractContextManager[None]:
        return translated(f"{what} in `{(folder or self._root).path}`", root=self.root)

    def _in_the_way(self, path: str, why: str) -> WorkspaceError:
        return WorkspaceError(
            f"cannot write `{path}`: {why}",
            hint=f"move it away, then finish the run: {resume_command(self.root)}",
            reason="occupied",
            stops_run=False,
        )

    def _utf8(self, path: str, content: str) -> bytes:
        try:
            return content.encode()
        except UnicodeEncodeError as error:
            raise AnswerError(
                f"the content of `{path}` is no text: half a character (a lone surrogate) at position {error.start}",
                hint=f"ask again: {resume_command(self.root)}",
                reason="wrong_format",
            ) from error


def _unsafe(path: str, why: str) -> WorkspaceError:
    hint = "the name was the model's choice: ask for another one in the prompt"
    return WorkspaceError(f"cannot write `{path}`: {why}", hint=hint, reason="unsafe_path", stops_run=False)


def _written(state: FileState) -> int:
    return state.bytes if state.state == "done" else 0


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
