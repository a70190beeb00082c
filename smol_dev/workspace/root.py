"""The output folder: which one a run may use, its lock, and what in it is in the way."""

import contextlib
import itertools
import os
import re
import secrets
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from smol_dev.disk import PRIVATE, lock, made_private
from smol_dev.errors import WorkspaceError
from smol_dev.safe import command
from smol_dev.workspace.folder import TEMPORARY, Folder
from smol_dev.workspace.paths import NEVER_WRITTEN, skeleton
from smol_dev.workspace.record import JOURNAL, NAME, RECORD, Record, found_record

LOCK: Final = "lock"

CACHES: Final = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
"""Folders that tools make wherever they run, and whose content they can make again."""

_GIT: Final = re.compile(r"\.git|git~[0-9]+")
"""`.git`, and its short names on NTFS."""

_SIGNED: Final = re.compile(rb"([0-9]{1,10}) ([0-9-]{10} [0-9:]{8})\n")
_LEFT_BEHIND: Final = re.compile(re.escape(TEMPORARY) + "[0-9a-f]{16}")
_NAMED: Final = 5


def resolve(root: Path, *, cwd: Path, home: Path | None, no_links_below: Path | None = None) -> Path:
    """Return the folder's real path. Raise `WorkspaceError` if it must not be written to.

    The working directory is allowed; `/`, the home folder, a folder above the working directory and anything in `.git`
    are not. A leading `~` is a home folder. Links are followed here, once and never again, but none below
    `no_links_below`: whoever made that folder may have made them.
    """
    try:
        given = cwd / root.expanduser()
    except RuntimeError as error:
        raise _unfit(root, "begins with a home folder that is not known") from error
    if "\0" in str(given):
        raise _unfit(given, "has a name with a null character")
    if no_links_below is not None:
        _refuse_links(Path(os.path.normpath(given)), below=no_links_below)
    path = Path(os.path.realpath(given))
    if given.is_symlink() and not path.exists():
        raise _unfit(given, "is a link to nothing")
    names = [skeleton(part).partition(":")[0] for part in path.parts]
    objections = {
        "is not a folder": path.exists() and not path.is_dir(),
        "is the root of the file system": _are_same(path, Path(path.anchor)),
        "is the home folder": home is not None and _are_same(path, Path(os.path.realpath(home))),
        "holds the working directory": any(_are_same(path, each) for each in Path(os.path.realpath(cwd)).parents),
        "is inside `.git`": any(map(_GIT.fullmatch, names)),
        "is where a run keeps its record": names[-1] == NAME,
    }
    for why, holds in objections.items():
        if holds:
            raise _unfit(path, why)
    return path


def _unfit(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(f"the output folder `{path}` {why}", hint="choose another folder: `-o DIR`")


def _are_same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one == other or one.samefile(other)
    return False


def _refuse_links(path: Path, *, below: Path) -> None:
    inside = path.parts[len(below.parts) :] if path.is_relative_to(below) else ()
    for link in itertools.accumulate(inside, Path.joinpath, initial=below):
        if link != below and link.is_symlink():
            meant = command("-o {dir}", dir=os.path.realpath(path))
            raise WorkspaceError(
                f"the output folder `{path}` leads elsewhere: `{link}` is a link",
                hint=f"if that is meant, name the folder: {meant}",
                reason="unsafe_path",
            )


def take(root: Folder, held: contextlib.ExitStack, *, overwrite: bool, resume: bool) -> tuple[Folder, Record | None]:
    """Lock the folder, and return its open `.smol` and the record that was found there.

    Raise `WorkspaceError` with nothing touched if another run holds the folder, a resumed one finds no record, or
    another one finds what neither earlier runs nor their checks made.
    """
    is_locked = False
    with contextlib.suppress(FileNotFoundError), root.folder(NAME) as present:
        if present.status(LOCK) is not None:
            _lock(present, held)
            is_locked = True
    try:
        earlier = found_record(root)
    except WorkspaceError:
        if resume:
            raise
        earlier = None
    if resume and earlier is None:
        raise nothing_to_resume(root.path)
    if not resume and not overwrite:
        _refuse_foreign(root, earlier)
    memory = held.enter_context(root.folder(NAME, create=True))
    if not is_locked:
        _lock(memory, held)
    for folder in (root, memory):
        for name in filter(_LEFT_BEHIND.fullmatch, folder.names()):
            with contextlib.suppress(FileNotFoundError):
                folder.remove(name)
    with memory.temporary(b"\n") as temporary:  # can both folders be written to?
        name = f"{TEMPORARY}{secrets.token_hex(8)}"
        memory.place(temporary, root, name)
        root.remove(name)
    return memory, earlier


def nothing_to_resume(root: Path) -> WorkspaceError:
    """Return the error for resuming without a record."""
    return WorkspaceError(
        f"there is no run in `{root}`: it has no `{NAME}/{RECORD}`",
        hint="name the folder of a run, or begin one: `smol_dev -o DIR PROMPT`",
    )


def release(memory: Folder) -> bool:
    """Remove what a run that began nothing has left in `.smol`, and the folder; return whether it is gone."""
    with contextlib.suppress(OSError):
        for name in (RECORD, JOURNAL, LOCK):
            if memory.status(name) is not None:
                memory.remove(name)
        memory.path.rmdir()
        return True
    return False


def keep_copy(memory: Folder, folder: Folder, name: str, path: str) -> None:
    """Keep the file under `.smol/backup/` at its own path, or below a number if that is taken."""
    with memory.folder("backup", create=True) as backups:
        for number in itertools.count(1):
            place = path if number == 1 else f"{number}/{path}"
            with (
                contextlib.suppress(FileExistsError, NotADirectoryError),
                backups.holding(place, create=True) as (backup, last),
            ):
                folder.place(name, backup, last)
                backup.sync()
                return


def _lock(memory: Folder, held: contextlib.ExitStack) -> None:
    """Lock and sign the lock file. Raise `WorkspaceError` if another run holds it.

    A lock file that other users can open is not ours, and they may never release it: it is replaced.
    """
    for is_last in (False, True):
        descriptor = memory.append(LOCK, mode=PRIVATE)
        try:
            lock(descriptor)
            break
        except BlockingIOError as error:
            opened, named = os.fstat(descriptor), memory.status(LOCK)
            is_foreign = made_private(descriptor)
            os.close(descriptor)
            if is_last or not is_foreign or not named or not os.path.samestat(opened, named):
                raise WorkspaceError(
                    f"another run is writing to `{memory.path.parent}`{_holder(memory)}",
                    hint="wait until it ends, or choose another folder: `-o DIR`",
                    reason="occupied",
                ) from error
            memory.remove(LOCK)
    held.callback(os.close, descriptor)
    with contextlib.suppress(OSError):  # a file that cannot be written locks all the same
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, PRIVATE)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())


def _holder(memory: Folder) -> str:
    """Return which process holds the lock, and since when, as it wrote there."""
    with contextlib.suppress(OSError):
        if found := _SIGNED.fullmatch(memory.read(LOCK, limit=100)):
            return f": process {found[1].decode()}, since {found[2].decode()}"
    return ""


def _refuse_foreign(root: Folder, earlier: Record | None) -> None:
    written, left = (earlier.written(), earlier.left) if earlier else ({}, ())
    found = list(itertools.islice(_foreign(root, written, left), _NAMED + 1))
    if found:
        more = " and more" if len(found) > _NAMED else ""
        raise WorkspaceError(
            f"the output folder `{root.path}` is in use: {', '.join(found[:_NAMED])}{more}",
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
