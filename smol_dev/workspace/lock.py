"""One run a folder: a lock that the system itself lets go of when the process ends."""

import contextlib
import os
import re
import sys
import time
from pathlib import Path
from typing import Final, Self

from smol_dev.errors import WorkspaceError
from smol_dev.workspace.folder import Folder

NAME: Final = "lock"
PRIVATE: Final = 0o600
OTHERS: Final = 0o077
SIGNED: Final = re.compile(rb"([0-9]{1,10}) ([0-9-]{10} [0-9:]{8})\n")


class Lock:
    """The lock of the output folder at `root`, held from `take` until `close`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, folder: Folder, *, create: bool) -> None:
        """Lock the file `lock` in this folder, once; without `create` only if it is there.

        Raises `WorkspaceError` at once when another run, of this process too, holds it.
        """
        if self._descriptor is not None or (not create and folder.status(NAME) is None):
            return
        try:
            self._descriptor = _taken(folder)
        except BlockingIOError as error:
            raise WorkspaceError(
                f"another run is writing to `{self._root}`{_holder(folder)}",
                hint="wait until it ends, or choose another folder: `-o DIR`",
                reason="occupied",
            ) from error
        self._sign(self._descriptor)

    @staticmethod
    def _sign(descriptor: int) -> None:
        """Say in the file who holds it; a file that cannot be written locks all the same."""
        with contextlib.suppress(OSError):
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, PRIVATE)
            os.ftruncate(descriptor, 0)
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            os.write(descriptor, f"{os.getpid()} {since}\n".encode())

    def close(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _taken(folder: Folder) -> int:
    """Return the descriptor of the lock file, locked. Raises `BlockingIOError` when a run holds it.

    A file that others could open is none of ours, and another user may hold it for ever: it is replaced.
    """
    for is_last in (False, True):
        descriptor = folder.append(NAME, mode=PRIVATE)
        try:
            _lock(descriptor)
        except BlockingIOError:
            opened, named = os.fstat(descriptor), folder.status(NAME)
            is_foreign = _made_private(descriptor)
            os.close(descriptor)
            if is_last or not is_foreign or not named or not os.path.samestat(opened, named):
                raise
            folder.remove(NAME)
        else:
            break
    return descriptor


def _made_private(descriptor: int) -> bool:
    """Return whether the file was open to other users, as no lock of ours is, and no longer is.

    A file system without modes keeps every file open, ours too: there it is False.
    """
    if not hasattr(os, "fchmod") or not os.fstat(descriptor).st_mode & OTHERS:
        return False
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, PRIVATE)
    return not os.fstat(descriptor).st_mode & OTHERS


def _holder(folder: Folder) -> str:
    """Which process holds the lock, and since when, as it has written there."""
    try:
        found = SIGNED.fullmatch(folder.read(NAME, limit=100))
    except OSError:
        found = None
    return f": process {found[1].decode()}, since {found[2].decode()}" if found else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:  # its word for: locked by someone else
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
