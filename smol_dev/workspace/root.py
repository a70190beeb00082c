"""The rules for an output folder: where it may be, and which of the user's files are in its way."""

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from smol_dev.errors import WorkspaceError
from smol_dev.safe import command
from smol_dev.workspace.folder import Folder, descend
from smol_dev.workspace.paths import NEVER_WRITTEN, skeleton

GIT: Final = re.compile(r"\.git|git~[0-9]+")
"""`.git`, and the short names that NTFS has for it."""

CACHES: Final = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
"""Names of folders that tools make wherever they run; what is in them is made again."""

MOST_ENTRIES: Final = 100_000

_NAMED = 5


def entries(root: Folder) -> frozenset[str]:
    """Return the paths of all files and folders but what is in a record, a repository or a cache; 100,000 at most."""
    found: set[str] = set()
    pending: list[tuple[str, ...]] = [()]
    while pending and len(found) < MOST_ENTRIES:
        above = pending.pop()
        with suppress(OSError), descend(root, above) as folder:
            for name in folder.names():
                status = folder.status(name)
                if name == ".smol" or status is None:
                    continue
                found.add("/".join((*above, name)))
                if stat.S_ISDIR(status.st_mode) and name not in CACHES and name != ".git":
                    pending.append((*above, name))
    return frozenset(found)


def resolve(root: Path, *, cwd: Path, home: Path | None, no_links_below: Path | None = None) -> Path:
    """Return the folder's real path; raise `WorkspaceError` for one that must not be written to.

    The working directory itself may be; `/`, the home folder, a folder above the working directory
    and anything in `.git` may not. A leading `~` is a home folder. Links are followed here, once and
    never again, but none below `no_links_below`: whoever made that folder may have made them.
    """
    given = cwd / _at_home(root)
    if "\0" in str(given):
        raise _refused(given, "has a name with a null character")
    if no_links_below is not None:
        _refuse_links(Path(os.path.normpath(given)), below=no_links_below)
    path = Path(os.path.realpath(given))
    if given.is_symlink() and not path.exists():
        raise _refused(given, "is a link to nothing")
    if path.exists() and not path.is_dir():
        raise _refused(path, "is not a folder")
    why = _unfit(path, cwd=Path(os.path.realpath(cwd)), home=home)
    if why:
        raise _refused(path, why)
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
        raise _refused(root, "begins with a home folder that is not known") from error


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


def _refused(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(f"the output folder `{path}` {why}", hint="choose another folder: `-o DIR`")


def refuse_foreign(folder: Folder, written: Mapping[str, str], left: Collection[str] = ()) -> None:
    """Raise `WorkspaceError` when the folder holds more than earlier runs have written, or their checks `left`."""
    found = list(islice(_foreign(folder, written, left), _NAMED + 1))
    if not found:
        return
    more = " and more" if len(found) > _NAMED else ""
    raise WorkspaceError(
        f"the output folder `{folder.path}` is in use: {', '.join(found[:_NAMED])}{more}",
        hint="choose another folder: `-o DIR`, or replace what collides and keep a copy under"
        " `.smol/backup/`: `--overwrite`",
    )


def _foreign(root: Folder, written: Mapping[str, str], left: Collection[str]) -> Iterator[str]:
    """Yield what is not ours, by path. What a run never writes (`.git`, `smol.toml`) is in nobody's way."""
    pending: list[tuple[str, ...]] = [()]
    while pending:
        above = pending.pop()
        folders = []
        with descend(root, above) as folder:
            for name in folder.names():
                if skeleton(name) in NEVER_WRITTEN:
                    continue
                status = folder.status(name)
                path = "/".join((*above, name))
                if status is None or path in left or (name in CACHES and path not in written):
                    continue
                if stat.S_ISDIR(status.st_mode):
                    folders.append((*above, name))
                elif not stat.S_ISREG(status.st_mode) or path not in written:
                    yield f"`{path}`"
                elif folder.sha256(name) != written[path]:
                    yield f"`{path}` (edited since it was written)"
        pending.extend(reversed(folders))
