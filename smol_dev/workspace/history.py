"""The states that a program went through, each kept whole under `.smol/history`.

A state names every file of the program with the SHA-256 of its content, which is kept once in `objects`.
`head.json` says which state is on disk. A move to another state is written there before the first file
is touched, so that after a kill it is known where the files were going, and every content that they
had or were to have is there.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

from smol_dev.errors import WorkspaceError
from smol_dev.safe import command
from smol_dev.workspace.folder import Folder

NAME: Final = "history"
HEAD: Final = "head.json"
OBJECTS: Final = "objects"
MAX_OBJECT_BYTES: Final = 64 * 1024 * 1024
_MAX_STATE_BYTES: Final = 32 * 1024 * 1024
_MAX_STATES: Final = 100_000
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_STATE: Final = re.compile(r"([0-9]{6})\.json")

StateKind = Literal["build", "resume", "change", "fix", "edit", "adopt"]
"""How a state came about; an `edit` is what the user changed before the next of the others."""

PASSED: Final = frozenset({"edit", "resume"})
"""What stays when the step before it is taken back."""


NEW: Final = 0o666
"""The permission bits of a new file, before the user's mask."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a state: the SHA-256 of its content in hex, and its permission bits (`NEW`: as files are made)."""

    sha256: str
    mode: int

    def is_like(self, other: "Kept | None") -> bool:
        """Return whether the content is the same and the bits are, where both are known."""
        return other is not None and self.sha256 == other.sha256 and (NEW in {self.mode, other.mode} or self == other)


@dataclass(frozen=True, slots=True)
class State:
    """A program as it once was. `number` counts from 1; the first has the `parent` 0.

    `request` is what was asked for, in the user's words, `record` the SHA-256 of the `run.json` that goes
    with the files, `time` in seconds since 1970.
    """

    number: int
    parent: int
    kind: StateKind
    request: str
    time: float
    record: str
    files: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """The state that is on disk, and the one that the files are being brought to; 0 is none.

    `newest` is the newest one that they were ever brought to; a later one was never begun.
    """

    current: int = 0
    target: int = 0
    newest: int = 0


class History:
    """The history of one folder; its methods raise `OSError`, and `WorkspaceError` where it is damaged."""

    def __init__(self, memory: Folder) -> None:
        self._memory = memory
        self.head = Head()
        self.states: dict[int, State] = {}
        with contextlib.suppress(FileNotFoundError), memory.folder(NAME) as folder:
            self.states = {state.number: state for state in _states(folder)}
            self.head = _head(folder, self.states)

    @property
    def current(self) -> State | None:
        """The state that is on disk."""
        return self.states.get(self.head.current)

    @property
    def target(self) -> State | None:
        """The state that a move was on its way to when it was broken off."""
        return self.states.get(self.head.target)

    @property
    def line(self) -> tuple[State, ...]:
        """The current state and those that led to it, the first state first."""
        found: list[State] = []
        state = self.current
        while state is not None:
            found.append(state)
            state = self.states.get(state.parent)
        return tuple(reversed(found))

    @property
    def last(self) -> tuple[State, State] | None:
        """The state before the last step that can be taken back, and the one after it."""
        after = next((state for state in reversed(self.line) if state.kind not in PASSED), None)
        before = self.states.get(after.parent) if after else None
        return (before, after) if before and after else None

    @property
    def undone(self) -> tuple[State, State] | None:
        """The state before the last step that was taken back, and the one after it."""
        line = self.line
        for before in reversed(line):
            made = [
                state
                for state in self.states.values()
                if state.parent == before.number and state.kind not in PASSED and state.number <= self.head.newest
            ]
            if made and made[-1] not in line:
                return before, made[-1]
            if before.kind not in PASSED:
                break
        return None

    def alike(self, goal: State, files: Mapping[str, Kept]) -> State | None:
        """Return the newest state with these files that differs from the goal by edits of the user only."""
        found, family = None, {goal.number}
        for state in self.states.values():
            if state.number == goal.number or (state.kind in PASSED and state.parent in family):
                family.add(state.number)
                found = state if are_alike(state.files, files) else found
        return found

    def keep(self, content: bytes) -> str:
        """Keep a content, once; return its SHA-256."""
        name = hashlib.sha256(content).hexdigest()
        with self._memory.folder(NAME, create=True) as folder, folder.folder(OBJECTS, create=True) as objects:
            if objects.status(name) is None:
                with objects.temporary(content) as temporary, contextlib.suppress(FileExistsError):
                    objects.place(temporary, objects, name)
                objects.sync()
        return name

    def content(self, sha256: str) -> bytes:
        """Return the content with this hash. Raise `WorkspaceError` where it is gone or was changed."""
        try:
            with self._memory.folder(NAME) as folder, folder.folder(OBJECTS) as objects:
                content = objects.read(sha256, limit=MAX_OBJECT_BYTES)
        except FileNotFoundError:
            raise _damaged(self._memory, f"`{OBJECTS}/{sha256}` is gone") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise _damaged(self._memory, f"`{OBJECTS}/{sha256}` is not what was kept")
        return content

    def add(
        self,
        kind: StateKind,
        request: str,
        *,
        files: Mapping[str, Kept],
        record: bytes,
        time: float,
        parent: State | None = None,
    ) -> State:
        """Add a state that follows its parent, else the current one; no file is touched."""
        number = max(self.states, default=0) + 1
        before = self.head.current if parent is None else parent.number
        state = State(number, before, kind, request, time, self.keep(record), dict(files))
        self._publish(f"{number:06}.json", asdict(state))
        self.states[number] = state
        return state

    def aim(self, state: State) -> None:
        """Note, before the first file is touched, that the files are brought to a state.

        While a move is under way they can only be brought to its end, or back to where it began.
        """
        ends = (self.head.current, self.head.target)
        if self.head.target and state.number not in ends:
            raise WorkspaceError(
                f"a change in `{self._memory.path.parent}` was interrupted",
                hint="finish it: "
                + command("smol_dev resume {dir}", dir=self._memory.path.parent)
                + ", or take it back: "
                + command("smol_dev undo {dir}", dir=self._memory.path.parent),
            )
        begun = self.head.target if self.head.target and state.number == self.head.current else self.head.current
        self._turn(Head(begun, state.number, max(self.head.newest, state.number)))

    def arrive(self, state: State) -> None:
        """Note that the state is on disk, and that nothing is under way."""
        self._turn(Head(state.number, 0, max(self.head.newest, state.number)))

    def _turn(self, head: Head) -> None:
        self._publish(HEAD, asdict(head))
        self.head = head

    def _publish(self, name: str, table: Mapping[str, object]) -> None:
        data = json.dumps(table, indent=1).encode() + b"\n"
        with self._memory.folder(NAME, create=True) as folder:
            with folder.temporary(data) as temporary:
                folder.replace(temporary, folder, name)
            folder.sync()


def are_alike(one: Mapping[str, Kept], other: Mapping[str, Kept]) -> bool:
    """Return whether these are the same files."""
    return one.keys() == other.keys() and all(kept.is_like(other[path]) for path, kept in one.items())


def _states(folder: Folder) -> Iterator[State]:
    """Yield the states, the oldest first; a state whose parent is not an earlier one is damage."""
    known = {0}
    names = [name for name in folder.names() if _STATE.fullmatch(name)]
    for name in names[:_MAX_STATES]:
        state = _state(_table(folder, name))
        if state is None or f"{state.number:06}.json" != name or state.parent not in known:
            raise _damaged(folder, f"`{name}` holds no state of a program")
        known.add(state.number)
        yield state


def _head(folder: Folder, states: Mapping[int, State]) -> Head:
    if folder.status(HEAD) is None:
        return Head()
    table = _table(folder, HEAD)
    table = {"newest": max(states, default=0), **table}
    numbers = [table.get(name) for name in ("current", "target", "newest")]
    if not all(type(number) is int and number in {0, *states} for number in numbers):
        raise _damaged(folder, f"`{HEAD}` names no state")
    return Head(*numbers)  # type: ignore[arg-type]  # they are whole numbers


def _table(folder: Folder, name: str) -> dict[str, Any]:
    try:
        table = json.loads(folder.read(name, limit=_MAX_STATE_BYTES))
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise _damaged(folder, f"`{name}` is no JSON object")
    return table


def _state(table: Mapping[str, Any]) -> State | None:
    """Return the state that a table says, or None where it says none."""
    types = {"number": int, "parent": int, "request": str, "time": float, "record": str, "files": dict}
    if not all(type(table.get(name)) is kind for name, kind in types.items()) or table.get("kind") not in get_args(
        StateKind
    ):
        return None
    files = {path: _kept(entry) for path, entry in table["files"].items()}
    if not _HASH.fullmatch(table["record"]) or None in files.values():
        return None
    values = {name: table[name] for name in ("number", "parent", "kind", "request", "time", "record")}
    return State(**values, files={path: kept for path, kept in files.items() if kept})


def _kept(entry: object) -> Kept | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str) or type(entry.get("mode")) is not int:
        return None
    return Kept(entry["sha256"], entry["mode"] & 0o777) if _HASH.fullmatch(entry["sha256"]) else None


def _damaged(folder: Folder, why: str) -> WorkspaceError:
    path = folder.path if folder.path.name == NAME else folder.path / NAME
    return WorkspaceError(
        f"the history in `{path}` is damaged: {why}",
        hint="the program's files are as they are; to begin a new history move it away: "
        + command("mv {path} {path}.damaged", path=path),
    )
