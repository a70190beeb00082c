"""The program moved from one of its states to another: a change made, or taken back.

Whatever is on disk before a move is kept first, so that no content that a file ever had is lost; a move
that was broken off is finished, or taken back, by moving again.
"""

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from smol_dev.errors import WorkspaceError
from smol_dev.workspace.folder import Folder, descend, translated
from smol_dev.workspace.history import MAX_OBJECT_BYTES, NEW, History, Kept, State, StateKind, are_alike
from smol_dev.workspace.record import FileState, Record, parse, render
from smol_dev.workspace.smol_folder import SmolFolder


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that a move changes: its content now and after it, None where there is none.

    `is_edited` says that it is not now as the current state has it: the user changed, made or removed it.
    """

    path: str
    before: bytes | None
    after: bytes | None
    is_edited: bool = False


class Timeline:
    """The states of the program in one output folder, whose lock is held."""

    def __init__(
        self, root: Folder, smol: SmolFolder, *, refuse: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._root = root
        self._smol = smol
        self._refuse = refuse
        self._clock = clock
        with self._explained("cannot read the history"):
            self.history = History(smol.folder)

    def capture(self, kind: StateKind, request: str, record: Record) -> State:
        """Keep the program as it is on disk, unless the current state is just that; return that state."""
        paths = dict.fromkeys((*record.files, *record.states, *(self.history.current or NOTHING).files))
        with self._explained("cannot keep the state of the program"):
            files = {path: kept for path in paths if (kept := self._kept(path)) is not None}
            current = self.history.current
            if current is not None and are_alike(current.files, files):
                return current
            state = self.history.add(kind, request, files=files, record=render(record), time=self._clock())
            self.history.arrive(state)
        return state

    def propose(self, kind: StateKind, request: str, record: Record, contents: Mapping[str, bytes | None]) -> State:
        """Add the state in which these files have these contents, None for removed ones; nothing is moved.

        Raises `WorkspaceError` for a path that may not be written.
        """
        current = self.history.current or NOTHING
        files, states = dict(current.files), dict(record.states)
        with self._explained("cannot keep the state of the program"):
            for path, content in contents.items():
                self._refuse(path)
                if content is None:
                    files.pop(path, None)
                    states.pop(path, None)
                    continue
                files[path] = Kept(self.history.keep(content), files[path].mode if path in files else NEW)
                states[path] = FileState(path, "done", sha256=files[path].sha256, bytes=len(content))
            record = replace(record, states=states)
            return self.history.add(kind, request, files=files, record=render(record), time=self._clock())

    def turned(self, before: State, after: State, *, leave: Collection[str] = ()) -> State:
        """Return the current state with what leads from one state to another but in the files to `leave`.

        What the user edited in other files stays. No file is touched.
        """
        files = dict((self.history.current or NOTHING).files)
        for path in touched(before, after):
            if path in leave:
                continue
            if path in after.files:
                files[path] = after.files[path]
            else:
                files.pop(path, None)
        with self._explained("cannot keep the state of the program"):
            found = self.history.alike(after, files)
            if found is not None:
                return found
            record = self.history.content(after.record)
            return self.history.add("edit", "", files=files, record=record, time=self._clock(), parent=after)

    def edited(self, before: State, after: State) -> tuple[str, ...]:
        """Return the files between two states that the current one has otherwise than either, by path."""
        current = (self.history.current or NOTHING).files
        return tuple(
            path
            for path in touched(before, after)
            if _hash(current.get(path)) not in {_hash(before.files.get(path)), _hash(after.files.get(path))}
        )

    def differences(self, target: State) -> tuple[Difference, ...]:
        """Return what a move to the state would change of what is on disk now, by path.

        Raises `WorkspaceError` where a folder or a link stands in the place of a file that would change.
        """
        sources = [(self.history.current or NOTHING).files]
        if self.history.target is not None:
            sources.append(self.history.target.files)
        found = []
        with self._explained("cannot read the program"):
            for path in sorted(set(target.files).union(*sources)):
                wanted = target.files.get(path)
                goal = wanted.sha256 if wanted else None
                known = {source[path].sha256 if path in source else None for source in sources}
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
        """Bring the files to a state but those to `leave`, which stay as they are; return what was changed.

        The current state, or what is on disk of it, was captured before: nothing is lost. A file that
        was edited since is replaced all the same, and like those `copied` kept in `backup` too; look at the
        `differences` first.
        """
        record = self._record(target)
        changed = []
        with self._explained("cannot change the program"):
            differences = self.differences(target)
            self.history.aim(target)
            for each in differences:
                if each.path in leave:
                    continue
                if (each.is_edited or each.path in copied) and each.before is not None:
                    self.history.keep(each.before)
                    self._keep_copy(each.path)
                self._put(each, target.files.get(each.path))
                changed.append(each.path)
        self._smol.put_back(record)
        with self._explained("cannot change the program"):
            self.history.arrive(target)
        return tuple(changed)

    def _record(self, target: State) -> Record:
        with self._explained("cannot read the history"):
            data = self.history.content(target.record)
        return parse(data, source=str(self._smol.folder.path / "history" / "objects" / target.record))

    def _put(self, difference: Difference, kept: Kept | None) -> None:
        self._refuse(difference.path)
        *above, name = difference.path.split("/")
        if kept is None:
            with contextlib.suppress(FileNotFoundError), descend(self._root, above) as folder:
                if folder.status(name) is not None:
                    folder.remove(name)
                    folder.sync()
            self._remove_empty(above)
            return
        assert difference.after is not None, "a file that stays has a content"  # noqa: S101 - narrows
        status = self._status(difference.path)
        mode = stat.S_IMODE(status.st_mode) if status is not None else None if kept.mode == NEW else kept.mode
        with (
            self._smol.folder.temporary(difference.after, mode=mode) as temporary,
            descend(self._root, above, create=True) as folder,
        ):
            self._smol.folder.replace(temporary, folder, name)
            folder.sync()

    def _remove_empty(self, above: list[str]) -> None:
        for depth in range(len(above), 0, -1):
            with contextlib.suppress(OSError), descend(self._root, above[: depth - 1]) as folder:
                folder.remove_folder(above[depth - 1])

    def _keep_copy(self, path: str) -> None:
        *above, name = path.split("/")
        with descend(self._root, above) as folder:
            self._smol.keep_copy(folder, name, path)

    def _status(self, path: str) -> os.stat_result | None:
        *above, name = path.split("/")
        with contextlib.suppress(FileNotFoundError), descend(self._root, above) as folder:
            return folder.status(name)
        return None

    def _read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none. Raise `WorkspaceError` for what is no text."""
        *above, name = path.split("/")
        status = self._status(path)
        if status is None:
            return None
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_OBJECT_BYTES:
            what = (
                f"larger than {MAX_OBJECT_BYTES // 1024**2} MiB" if stat.S_ISREG(status.st_mode) else "no file any more"
            )
            raise WorkspaceError(
                f"`{path}` in `{self._root.path}` is {what}", hint="move it away, and try again", reason="occupied"
            )
        with descend(self._root, above) as folder:
            return folder.read(name, limit=MAX_OBJECT_BYTES)

    def _kept(self, path: str) -> Kept | None:
        status = self._status(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        return Kept(self.history.keep(self._read(path) or b""), stat.S_IMODE(status.st_mode))

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        with translated(f"{what} in `{self._root.path}`", root=self._root.path):
            yield


NOTHING: Final = State(0, 0, "build", "", 0.0, "")
"""The state before the first one."""


def touched(before: State, after: State) -> tuple[str, ...]:
    """Return the files whose content is not the same in both states, by path."""
    paths = sorted({*before.files, *after.files})
    return tuple(path for path in paths if _hash(before.files.get(path)) != _hash(after.files.get(path)))


def _hash(kept: Kept | None) -> str | None:
    return kept.sha256 if kept else None
