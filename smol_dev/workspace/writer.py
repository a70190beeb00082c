"""The output folder of a run, in which files appear complete or not at all, and nothing else is touched."""

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final, Literal, Self

from smol_dev.chat import StageName
from smol_dev.errors import AnswerError, WorkspaceError
from smol_dev.safe import command
from smol_dev.workspace.folder import Folder, explain, resume_command, translated
from smol_dev.workspace.history import History, State, Timeline
from smol_dev.workspace.paths import IS_REPOSITORY, TELLING, is_repository, normal, refuse, settle, skeleton
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.smol_folder import CACHES, NAME, Provenance, SmolFolder, found_record, nothing_to_resume

GIT: Final = re.compile(r"\.git|git~[0-9]+")
"""`.git`, and its short names on NTFS."""

MOST_ENTRIES: Final = 100_000

MOST_LEFT: Final = 10_000
"""Paths made by the check that are remembered."""

MAX_RUN_BYTES: Final = 32 * 1024 * 1024
"""Bytes of all files of a run; the caller refuses an answer that would exceed it."""

REPORT: Final = "report.html"

Standing = Literal["absent", "ours", "replaceable", "foreign"]
"""What is at a path: nothing, this run's file, a replaceable one (a copy is kept), or someone else's."""


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


NOBODYS: Final = Provenance(None)


@dataclass(eq=False)
class Workspace:
    """One output folder, locked until it is closed; a context manager."""

    _folder: Folder
    _smol: SmolFolder
    _held: contextlib.ExitStack
    _is_new: bool
    _overwrite: bool
    _allow_sensitive: tuple[str, ...]

    def __post_init__(self) -> None:
        self.root: Path = self._folder.path
        self.replaced: set[str] = set()
        """Files from before this run that it has replaced; a copy of each is kept."""

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
            if resume and not path.exists():
                raise nothing_to_resume(path)
            is_new = not path.exists()
            folder = held.enter_context(Folder.at(path, create=True))
            smol = SmolFolder.open(folder, overwrite=overwrite, resume=resume, provenance=provenance)
            held.callback(smol.close)
            workspace = cls(folder, smol, held, is_new, overwrite and not resume, tuple(allow_sensitive))
            workspace._finish_published()
            workspace._held = held.pop_all()
        return workspace

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the folder; a second call does nothing."""
        self._held.close()

    def withdraw(self) -> None:
        """Remove what `open` and `save` made, for a run that never reached a server; the rest stays."""
        if self._smol.forget() and self._is_new:
            with contextlib.suppress(OSError):  # something else is in it by now
                self.root.rmdir()

    @property
    def record(self) -> Record:
        """The record found on resume or saved last, with the current states; empty before."""
        return self._smol.snapshot(self._smol.record or Record("", {}))

    def allow_sensitive(self, globs: Sequence[str]) -> None:
        """Allow files that tools run by themselves, if they match one of the globs."""
        self._allow_sensitive = tuple(globs)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The globs of the sensitive files that are allowed."""
        return self._allow_sensitive

    @property
    def earlier_prompt(self) -> str:
        """The prompt of the previous run in this folder; empty if there was none."""
        return self._smol.earlier.prompt if self._smol.earlier else ""

    def present(self) -> tuple[str, ...]:
        """Return the files of earlier runs that still exist."""
        earlier = self._smol.earlier.written() if self._smol.earlier else {}
        return tuple(path for path in earlier if self._examine(path)[0] != "absent")

    @property
    def is_ours(self) -> bool:
        """Whether this user wrote the record that was found here."""
        return self._smol.is_ours

    @property
    def written_bytes(self) -> int:
        """Bytes of all finished files of this run, including those from before a resume."""
        return self._smol.written_bytes

    def save(self, record: Record) -> None:
        """Replace `run.json` and, if they changed, `plan.md` and `files.txt`; called when a stage is done.

        States noted here override the record's.
        """
        known = self._smol.record.files if self._smol.record else ()
        if self._overwrite and record.files != known:
            self._allow_replacing(record.files)
        self._smol.save(record)

    def read_edited(self, name: Literal["plan.md", "files.txt"], *, limit: int) -> bytes | None:
        """Return the current content of the plan's or the list's file, at most one byte more than the limit."""
        with translated(f"cannot read `{name}` in `{self.root / '.smol'}`", root=self.root):
            return self._smol.read(name, limit=limit + 1)

    def note(self, state: FileState) -> None:
        """Note one file's state at a constant cost; a done file's `sha256` and `bytes` are filled in."""
        self._smol.note(state)

    def publish_report(self, page: bytes) -> Path:
        """Write the page to `.smol`, replacing an earlier one; return its path."""
        with translated(f"cannot write `{REPORT}` in `{self.root / '.smol'}`", root=self.root):
            return self._smol.publish(REPORT, page)

    def keep_answer(self, stage: StageName, path: str | None, attempt: int, text: str) -> str:
        """Keep an unusable answer under `.smol/answers/` for the user to look at; return its relative path."""
        return self._smol.keep_answer(stage, path, attempt, text)

    def remaining(self, files: Sequence[str] | None = None) -> Remaining:
        """Return what is left to do of these files (by default the record's), judged by what is on disk."""
        listed = self.record.files if files is None else files
        accepted, refused = settle(listed, allow_sensitive=self._allow_sensitive)
        found = {path: self._examine(path) for path in accepted}
        done = {path for path, state in self._smol.states.items() if state.state == "done"}
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
            yield path, _in_the_way(self.root, path, why)

    def entries(self) -> frozenset[str]:
        """Return the paths of all files and folders outside records, repositories and caches; about 100,000 at most."""
        found: set[str] = set()
        for above, folders, files in os.walk(self.root):
            below = PurePath(above).relative_to(self.root)
            found.update((below / name).as_posix() for name in (*folders, *files) if name != ".smol")
            folders[:] = [name for name in folders if name not in {".smol", ".git", *CACHES}]
            if len(found) >= MOST_ENTRIES:
                break
        return frozenset(found)

    def leave(self, paths: Sequence[str]) -> None:
        """Remember what the user's check has made, so that it does not block a later run."""
        self._smol.left = tuple(dict.fromkeys((*self._smol.left, *paths)))[:MOST_LEFT]

    def write(self, path: str, content: str, *, over: bool = False) -> int:
        """Publish a complete file, and return its size in bytes; `over` replaces the user's file, keeping a copy.

        Raise `WorkspaceError` if the path is unsafe, something of the user's is in the way, or the disk refuses;
        `AnswerError` if the content cannot be encoded in UTF-8. The file is then as it was before, and no temporary one
        is left.
        """
        self._refuse(path)
        data = _utf8(self.root, path, content)
        target = normal(path)
        with (
            self._explained(f"cannot write `{target}`"),
            self._smol.folder.temporary(data) as temporary,
            self._folder.holding(target, create=True) as (folder, name),
        ):
            standing, why = self._standing(folder, name, target, over=over)
            if standing == "foreign":
                raise _in_the_way(self.root, target, why)
            if standing == "replaceable":
                self.replaced.add(target)
            elif standing == "ours" and self._smol.states[target].state == "done":
                standing = "replaceable"  # finished, and asked for again because the plan changed
            with self._intent(target, data):
                self._publish(temporary, folder, name, target=target, standing=standing)
            folder.sync()
        return len(data)

    def read(self, path: str) -> str:
        """Return the current text of a file of the run, with U+FFFD for invalid UTF-8."""
        with self._explained(f"cannot read `{path}`"):
            return self._folder.read(normal(path), limit=MAX_RUN_BYTES).decode(errors="replace")

    def text(self, path: str, *, limit: int) -> str | None:
        """Return the text of a regular file of at most `limit` bytes; None if it is absent, longer or not text."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            data = self._folder.read(normal(path), limit=limit + 1)
            return data.decode() if len(data) <= limit and b"\0" not in data else None
        return None

    def take_over(self, record: Record) -> None:
        """Save a record whose files already exist, and capture them as its first state."""
        states = {}
        for path in record.files:
            with self._explained(f"cannot read `{path}`"):
                status, found = self._folder.status(path), self._folder.sha256(path)
            states[path] = FileState(path, "done", sha256=found, bytes=status.st_size if status else 0)
        self._smol.save(replace(record, states=states))
        self.timeline().capture("adopt", "", self.record)

    def is_there(self, path: str) -> bool:
        """Return whether anything is at the path."""
        return self._examine(normal(path))[0] != "absent"

    def timeline(self) -> Timeline:
        """Return the states of the program in the folder, which must be open to resume."""
        return Timeline(self._folder, self._smol, refuse=self._refuse)

    def _refuse(self, path: str) -> None:
        why = refuse(path, allow_sensitive=self._allow_sensitive)
        if why:
            raise _unsafe(path, why)
        self._refuse_repository(normal(path))

    def _refuse_repository(self, target: str) -> None:
        """Raise if the path and what is on disk together would form a bare git repository."""
        components = target.split("/")
        with self._explained(f"cannot write `{target}`"), contextlib.suppress(FileNotFoundError):
            for depth, name in enumerate(components):
                with self._folder.inside("/".join(components[:depth])) as folder:
                    there = [tell for tell in TELLING if folder.status(tell) is not None]
                if is_repository([*there, name]):
                    raise _unsafe(target, IS_REPOSITORY)

    @contextlib.contextmanager
    def _intent(self, target: str, data: bytes) -> Iterator[None]:
        """Record what is about to be published, so that after a kill it is recognised as ours."""
        before = self._smol.states.get(target, FileState(target, "planned"))
        intended = FileState(target, "planned", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        self._smol.note(intended, durable=True)
        try:
            yield
        except (OSError, WorkspaceError):
            with contextlib.suppress(WorkspaceError):  # the first failure is the one to report
                self._smol.note(before)
            raise

    def _publish(self, temporary: str, folder: Folder, name: str, *, target: str, standing: Standing) -> None:
        if standing == "absent":
            try:
                self._smol.folder.place(temporary, folder, name)
            except FileExistsError as error:
                raise _in_the_way(self.root, target, "something else appeared there") from error
            return
        if standing == "replaceable":
            self._smol.keep_copy(folder, name, target)
        self._smol.folder.replace(temporary, folder, name)

    def _examine(self, path: str) -> tuple[Standing, str]:
        """Return what is at the path, and why it cannot be replaced if it is foreign."""
        try:
            with self._folder.holding(path) as (folder, name):
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
        state = self._smol.states.get(path)
        if state and state.sha256 == found:
            return "ours", ""
        if over or self._overwrite or self._smol.replaceable.get(path) == found:
            return "replaceable", ""
        return "foreign", "a file that this run did not write is there"

    def _finish_published(self) -> None:
        """Mark as done what a killed run had published but not yet noted."""
        for path, state in tuple(self._smol.states.items()):
            if state.state == "planned" and state.sha256 and self._examine(path)[0] == "ours":
                self._smol.note(replace(state, state="done"))

    def _allow_replacing(self, files: Sequence[str]) -> None:
        """Record what is in the way now, so that a resumed run may replace exactly that."""
        for path in files:
            if self._examine(path)[0] == "replaceable":
                self._smol.replaceable[path] = self._folder.sha256(path)

    def _explained(self, what: str) -> contextlib.AbstractContextManager[None]:
        return translated(f"{what} in `{self.root}`", root=self.root)


_OTHER_NAME: Final = "the name was the model's choice: ask for another one in the prompt"


def _unsafe(path: str, why: str) -> WorkspaceError:
    return WorkspaceError(f"cannot write `{path}`: {why}", hint=_OTHER_NAME, reason="unsafe_path", stops_run=False)


def _in_the_way(root: Path, path: str, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"cannot write `{path}`: {why}",
        hint=f"move it away, then finish the run: {resume_command(root)}",
        reason="occupied",
        stops_run=False,
    )


def _utf8(root: Path, path: str, content: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError as error:
        raise AnswerError(
            f"the content of `{path}` is no text: half a character (a lone surrogate) at position {error.start}",
            hint=f"ask again: {resume_command(root)}",
            reason="wrong_format",
        ) from error


def history_of(root: Path, *, cwd: Path, home: Path | None, no_links_below: Path | None = None) -> tuple[State, ...]:
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
            with folder.folder(NAME) as memory:
                return History(memory).line


def resolve(root: Path, *, cwd: Path, home: Path | None, no_links_below: Path | None = None) -> Path:
    """Return the folder's real path. Raise `WorkspaceError` if it must not be written to.

    The working directory is allowed; `/`, the home folder, a folder above the working directory and anything in `.git`
    are not. A leading `~` is a home folder. Links are followed here, once and never again, but none below
    `no_links_below`: whoever made that folder may have made them.
    """
    given = cwd / _at_home(root)
    if "\0" in str(given):
        raise _no_folder(given, "has a name with a null character")
    if no_links_below is not None:
        _refuse_links(Path(os.path.normpath(given)), below=no_links_below)
    path = Path(os.path.realpath(given))
    if given.is_symlink() and not path.exists():
        raise _no_folder(given, "is a link to nothing")
    if path.exists() and not path.is_dir():
        raise _no_folder(path, "is not a folder")
    why = _unfit(path, cwd=Path(os.path.realpath(cwd)), home=home)
    if why:
        raise _no_folder(path, why)
    return path


def _refuse_links(path: Path, *, below: Path) -> None:
    if not path.is_relative_to(below):
        return
    for end in range(len(below.parts) + 1, len(path.parts) + 1):
        if (link := Path(*path.parts[:end])).is_symlink():
            meant = command("-o {dir}", dir=os.path.realpath(path))
            raise WorkspaceError(
                f"the output folder `{path}` leads elsewhere: `{link}` is a link",
                hint=f"if that is meant, name the folder: {meant}",
                reason="unsafe_path",
            )


def _at_home(root: Path) -> Path:
    try:
        return root.expanduser()
    except RuntimeError as error:
        raise _no_folder(root, "begins with a home folder that is not known") from error


def _unfit(path: Path, *, cwd: Path, home: Path | None) -> str | None:
    if _same(path, Path(path.anchor)):
        return "is the root of the file system"
    if home is not None and _same(path, Path(os.path.realpath(home))):
        return "is the home folder"
    if any(_same(path, parent) for parent in cwd.parents):
        return "holds the working directory"
    names = [skeleton(part).partition(":")[0] for part in path.parts]
    if any(GIT.fullmatch(name) for name in names):
        return "is inside `.git`"
    if names[-1] == ".smol":
        return "is where a run keeps its record"
    return None


def _same(one: Path, other: Path) -> bool:
    if one == other:
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False


def _no_folder(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(f"the output folder `{path}` {why}", hint="choose another folder: `-o DIR`")
