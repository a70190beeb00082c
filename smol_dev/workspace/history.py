"""The states that a program went through, kept complete under `.smol/history`, and moves between them.

A state names every file of the program with the SHA-256 of its content, which is kept once in `objects`. `head.json`
says which state is on disk. A move to another state is recorded there before the first file is touched, so that after a
kill we know where the files were going, and every content, old or new, is still there. An interrupted move is finished,
or taken back, by moving again.
"""

import contextlib
import hashlib
import json
import re
import stat
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from smol_dev.errors import WorkspaceError
from smol_dev.safe import command
from smol_dev.workspace.folder import Folder, resume_command, translated
from smol_dev.workspace.record import NAME as MEMORY
from smol_dev.workspace.record import FileState, Hash, NotAs, Record, found_record, parse, read_as, render
from smol_dev.workspace.root import keep_copy, nothing_to_resume, resolve

NAME: Final = "history"
HEAD: Final = "head.json"
OBJECTS: Final = "objects"
MAX_OBJECT_BYTES: Final = 64 * 1024 * 1024
_MAX_STATE_BYTES: Final = 32 * 1024 * 1024
_MAX_STATES: Final = 100_000
_STATE: Final = re.compile(r"[0-9]{6}\.json")

StateKind = Literal["build", "resume", "change", "fix", "edit", "adopt"]
"""How a state came about; an `edit` is what the user changed before the next state of another kind."""

PASSED: Final = frozenset({"edit", "resume"})
"""Kinds of state that stay when the step before them is undone."""

NEW: Final = 0o666
"""The permission bits of a new file, before the umask."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a state: the SHA-256 of its content in hex, and its permission bits (`NEW`: the default ones)."""

    sha256: Hash
    mode: int


@dataclass(frozen=True, slots=True)
class State:
    """A program as it once was; `number` counts from 1, and the first state has the `parent` 0.

    `request` is what the user asked for, `record` the SHA-256 of the `run.json` that goes with the files, `time` in
    seconds since 1970.
    """

    number: int
    parent: int
    kind: StateKind
    request: str
    time: float
    record: Hash
    files: Mapping[str, Kept] = field(default_factory=dict)

    def hash_of(self, path: str) -> str | None:
        """Return the SHA-256 of a file's content, or None if there is no such file."""
        return self.files[path].sha256 if path in self.files else None


def are_alike(one: Mapping[str, Kept], other: Mapping[str, Kept]) -> bool:
    """Return whether these are the same files, and have the same permission bits where both are known."""
    return one.keys() == other.keys() and all(
        kept.sha256 == other[path].sha256 and (NEW in {kept.mode, other[path].mode} or kept.mode == other[path].mode)
        for path, kept in one.items()
    )


def touched(before: State, after: State) -> tuple[str, ...]:
    """Return the paths whose content differs between the two states, sorted."""
    return tuple(path for path in sorted({*before.files, *after.files}) if before.hash_of(path) != after.hash_of(path))


NOTHING: Final = State(0, 0, "build", "", 0.0, "")
"""The state before the first one."""


@dataclass(frozen=True, slots=True)
class Head:
    """The state on disk, and the one that the files are being moved to; 0 means none.

    `newest` is the newest state that a move was ever begun to; any later one was only proposed.
    """

    current: int = 0
    target: int = 0
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that a move changes: its content before and after, None if it is absent.

    `is_edited` says that the file on disk differs from the current state: the user changed, made or removed it.
    """

    path: str
    before: bytes | None
    after: bytes | None
    is_edited: bool = False


class History:
    """The history of one folder; its methods raise `OSError`, and `WorkspaceError` if it is damaged."""

    def __init__(self, memory: Folder) -> None:
        self._memory = memory
        self.head = Head()
        self.states: dict[int, State] = {}
        if memory.status(NAME) is not None:
            self._read_states()
            self._read_head()

    @property
    def current(self) -> State | None:
        """The state on disk."""
        return self.states.get(self.head.current)

    @property
    def target(self) -> State | None:
        """The state that an interrupted move was heading for."""
        return self.states.get(self.head.target)

    @property
    def line(self) -> tuple[State, ...]:
        """The current state and those that led to it, oldest first."""
        found: list[State] = []
        state = self.current
        while state is not None:
            found.append(state)
            state = self.states.get(state.parent)
        return tuple(reversed(found))

    @property
    def last(self) -> tuple[State, State] | None:
        """The states before and after the last step that can be undone."""
        after = next((state for state in reversed(self.line) if state.kind not in PASSED), None)
        before = self.states.get(after.parent) if after else None
        return (before, after) if before and after else None

    @property
    def undone(self) -> tuple[State, State] | None:
        """The states before and after the last step that was undone."""
        line = self.line
        steps = [each for each in self.states.values() if each.kind not in PASSED and each.number <= self.head.newest]
        for before in reversed(line):
            made = [step for step in steps if step.parent == before.number]
            if made and made[-1] not in line:
                return before, made[-1]
            if before.kind not in PASSED:
                break
        return None

    def alike(self, goal: State, files: Mapping[str, Kept]) -> State | None:
        """Return the newest state with these files that differs from the goal only by the user's edits."""
        found, family = None, {goal.number}
        for state in self.states.values():
            if state.number == goal.number or (state.kind in PASSED and state.parent in family):
                family.add(state.number)
                found = state if are_alike(state.files, files) else found
        return found

    def keep(self, content: bytes) -> str:
        """Store a content, once; return its SHA-256."""
        name = hashlib.sha256(content).hexdigest()
        path = f"{NAME}/{OBJECTS}/{name}"
        if self._memory.status(path) is None:
            with contextlib.suppress(FileExistsError):
                self._memory.put(content, self._memory, path, replaces=False)
        return name

    def content(self, sha256: str) -> bytes:
        """Return the content with this hash. Raise `WorkspaceError` if it is gone or was changed."""
        try:
            content = self._memory.read(f"{NAME}/{OBJECTS}/{sha256}", limit=MAX_OBJECT_BYTES)
        except FileNotFoundError:
            raise self._damaged(f"`{OBJECTS}/{sha256}` is gone") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise self._damaged(f"`{OBJECTS}/{sha256}` is not what was kept")
        return content

    def add(
        self, kind: StateKind, request: str, files: Mapping[str, Kept], record: bytes, parent: State | None = None
    ) -> State:
        """Add a state after its parent, by default the current one; no file is touched."""
        number, above = max(self.states, default=0) + 1, self.head.current if parent is None else parent.number
        state = State(number, above, kind, request, time.time(), self.keep(record), dict(files))
        self._publish(f"{number:06}.json", state)
        self.states[number] = state
        return state

    def aim(self, state: State) -> None:
        """Record that a move to a state begins; an interrupted one can only be finished, or taken back."""
        head = self.head
        if head.target and state.number not in {head.current, head.target}:
            raise interrupted(self._memory)
        begun = head.target if head.target and state.number == head.current else head.current
        self._set_head(begun, state.number)

    def arrive(self, state: State) -> None:
        """Record that the state is on disk, and that no move is under way."""
        self._set_head(state.number, 0)

    def _set_head(self, current: int, target: int) -> None:
        head = Head(current, target, max(self.head.newest, target or current))
        self._publish(HEAD, head)
        self.head = head

    def _publish(self, name: str, table: State | Head) -> None:
        data = json.dumps(asdict(table), indent=1).encode() + b"\n"
        self._memory.put(data, self._memory, f"{NAME}/{name}")

    def _read_states(self) -> None:
        """Read the states, oldest first; a state whose parent is not an earlier one is damaged."""
        with self._memory.folder(NAME) as folder:
            names = [name for name in folder.names() if _STATE.fullmatch(name)]
        for name in names[:_MAX_STATES]:
            state: State = self._read(State, name, "holds no state of a program")
            if f"{state.number:06}.json" != name or state.parent not in {0, *self.states}:
                raise self._damaged(f"`{name}` holds no state of a program")
            self.states[state.number] = state

    def _read_head(self) -> None:
        if self._memory.status(f"{NAME}/{HEAD}") is not None:
            self.head = self._read(Head, HEAD, "names no state", newest=max(self.states, default=0))
        if not {*asdict(self.head).values()} <= {0, *self.states}:
            raise self._damaged(f"`{HEAD}` names no state")

    def _read(self, kind: type, name: str, complaint: str, **usual: object) -> Any:  # noqa: ANN401 - one of the kind
        try:
            table = json.loads(self._memory.read(f"{NAME}/{name}", limit=_MAX_STATE_BYTES))
        except (ValueError, RecursionError):
            table = None
        if not isinstance(table, dict):
            raise self._damaged(f"`{name}` is no JSON object")
        try:
            return read_as(kind, {**usual, **table})
        except NotAs:
            raise self._damaged(f"`{name}` {complaint}") from None

    def _damaged(self, why: str) -> WorkspaceError:
        path = self._memory.path / NAME
        return WorkspaceError(
            f"the history in `{path}` is damaged: {why}",
            hint="the program's files are as they are; to begin a new history move it away: "
            + command("mv {path} {path}.damaged", path=path),
        )


def history_of(root: Path, *, cwd: Path, home: Path | None, no_links_below: Path | None) -> tuple[State, ...]:
    """Return the states that led to the program in a folder, oldest first.

    Nothing is written, and a run may be at work there. Raise `WorkspaceError` if there is no record.
    """
    with translated(f"cannot read the history in `{cwd / root}`", root=root):
        path = resolve(root, cwd=cwd, home=home, no_links_below=no_links_below)
        if not path.exists():
            raise nothing_to_resume(path)
        with Folder.at(path) as folder:
            if found_record(folder) is None:
                raise nothing_to_resume(path)
            with folder.folder(MEMORY) as memory:
                return History(memory).line


def interrupted(memory: Folder) -> WorkspaceError:
    """Return the error for a folder with a move that was neither finished nor taken back."""
    root = memory.path.parent
    undo = command("smol_dev undo {dir}", dir=root)
    return WorkspaceError(
        f"a change in `{root}` was interrupted", hint=f"finish it: {resume_command(root)}, or take it back: {undo}"
    )


class Timeline:
    """A program's moves from state to state; what is on disk is kept first, so nothing is lost.

    `refuse` raises for a path that must not be written, and `put_back` restores a state's record.
    """

    def __init__(
        self, root: Folder, memory: Folder, *, refuse: Callable[[str], None], put_back: Callable[[Record], None]
    ) -> None:
        self._root = root
        self._memory = memory
        self._refuse = refuse
        self._put_back = put_back
        with self._explained("cannot read the history"):
            self.history = History(memory)

    @property
    def now(self) -> State:
        """The state on disk; one without files before the first."""
        return self.history.current or NOTHING

    def refuse_broken_off(self) -> None:
        """Raise `WorkspaceError` if a move was begun and neither finished nor taken back."""
        if self.history.target is not None:
            raise interrupted(self._memory)

    def capture(self, kind: StateKind, request: str, record: Record) -> State:
        """Keep the program on disk as a state, unless it is the current one; return that state.

        The first state of a program that was made here is its `build`.
        """
        paths = dict.fromkeys((*record.files, *record.states, *self.now.files))
        with self._explained("cannot keep the state of the program"):
            files = {path: kept for path in paths if (kept := self._kept(path)) is not None}
            current = self.history.current
            if current is not None and are_alike(current.files, files):
                return current
            if current is None and kind != "adopt":
                kind, request = "build", record.prompt
            state = self.history.add(kind, request, files, render(record))
            self.history.arrive(state)
        return state

    def propose(self, kind: StateKind, request: str, record: Record, contents: Mapping[str, bytes | None]) -> State:
        """Add the state in which these files have these contents (None: removed), without moving to it."""
        files, states = dict(self.now.files), dict(record.states)
        with self._explained("cannot keep the state of the program"):
            for path, content in contents.items():
                self._refuse(path)
                if content is None:
                    files.pop(path, None)
                    states.pop(path, None)
                    continue
                files[path] = Kept(self.history.keep(content), files[path].mode if path in files else NEW)
                states[path] = FileState(path, "done", sha256=files[path].sha256, bytes=len(content))
            return self.history.add(kind, request, files, render(replace(record, states=states)))

    def turned(self, before: State, after: State, *, leave: Collection[str]) -> State:
        """Return the current state with the changes between two states applied, except to the files to `leave`."""
        turning = {path for path in touched(before, after) if path not in leave}
        files = {path: kept for path, kept in self.now.files.items() if path not in turning or path in after.files}
        files |= {path: after.files[path] for path in sorted(turning) if path in after.files}
        with self._explained("cannot keep the state of the program"):
            found = self.history.alike(after, files)
            return found or self.history.add("edit", "", files, self.history.content(after.record), parent=after)

    def edited(self, before: State, after: State) -> tuple[str, ...]:
        """Return the paths that differ between two states, and whose current content matches neither."""
        return tuple(
            path
            for path in touched(before, after)
            if self.now.hash_of(path) not in {before.hash_of(path), after.hash_of(path)}
        )

    def differences(self, target: State) -> tuple[Difference, ...]:
        """Return what a move to the state would change on disk, sorted by path.

        Raise `WorkspaceError` if a folder or a link is in the place of a file that would change.
        """
        sources = [self.now, *([self.history.target] if self.history.target else [])]
        found = []
        with self._explained("cannot read the program"):
            for path in sorted(set(target.files).union(*(source.files for source in sources))):
                goal, known = target.hash_of(path), {source.hash_of(path) for source in sources}
                if known == {goal}:
                    continue
                before = self._read(path)
                now = None if before is None else hashlib.sha256(before).hexdigest()
                if now != goal:
                    self._refuse(path)
                    after = self.history.content(goal) if goal else None
                    found.append(Difference(path, before, after, is_edited=now not in known))
        return tuple(found)

    def move(self, target: State, *, leave: Collection[str] = (), copied: Collection[str] = ()) -> tuple[str, ...]:
        """Bring the files to a state, except those to `leave`; return the paths that were changed.

        Capture the current state first, and look at the `differences`: a file that was edited since is replaced too,
        though a copy of it is kept in `backup`, as of those in `copied`.
        """
        with self._explained("cannot read the history"):
            data = self.history.content(target.record)
        record = parse(data, source=str(self._memory.path / NAME / OBJECTS / target.record))
        with self._explained("cannot change the program"):
            changes = [each for each in self.differences(target) if each.path not in leave]
            self.history.aim(target)
            for each in changes:
                if (each.is_edited or each.path in copied) and each.before is not None:
                    self.history.keep(each.before)
                    with self._root.holding(each.path) as (folder, name):
                        keep_copy(self._memory, folder, name, each.path)
                self._put(each, target.files.get(each.path))
        self._put_back(record)
        with self._explained("cannot change the program"):
            self.history.arrive(target)
        return tuple(each.path for each in changes)

    def _put(self, difference: Difference, kept: Kept | None) -> None:
        path, content = difference.path, difference.after
        self._refuse(path)
        status = self._root.status(path)
        if kept is not None and content is not None:
            new = None if kept.mode == NEW else kept.mode & 0o777
            mode = new if status is None else stat.S_IMODE(status.st_mode)
            self._memory.put(content, self._root, path, mode=mode)
            return
        if status is not None:
            with self._root.holding(path) as (folder, name):
                folder.remove(name)
                folder.sync()
        with contextlib.suppress(OSError):  # not empty, or gone
            while path := path.rpartition("/")[0]:
                self._root.remove_folder(path)

    def _read(self, path: str) -> bytes | None:
        """Return the content of a file, or None. Raise `WorkspaceError` if it is too large or not a regular file."""
        status = self._root.status(path)
        if status is None:
            return None
        is_file = stat.S_ISREG(status.st_mode)
        if not is_file or status.st_size > MAX_OBJECT_BYTES:
            what = f"larger than {MAX_OBJECT_BYTES // 1024**2} MiB" if is_file else "no file any more"
            raise WorkspaceError(
                f"`{path}` in `{self._root.path}` is {what}", hint="move it away, and try again", reason="occupied"
            )
        return self._root.read(path, limit=MAX_OBJECT_BYTES)

    def _kept(self, path: str) -> Kept | None:
        status = self._root.status(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        return Kept(self.history.keep(self._read(path) or b""), stat.S_IMODE(status.st_mode))

    def _explained(self, what: str) -> contextlib.AbstractContextManager[None]:
        return translated(f"{what} in `{self._root.path}`", root=self._root.path)
