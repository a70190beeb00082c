"""Safe file updates: a lock that ends with its process, and atomic replacement."""

import contextlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
"""The mode of our lock files."""

OTHERS: Final = 0o077


def made_private(descriptor: int) -> bool:
    """Return whether the file was accessible to other users, unlike our locks, and has now been made private.

    On a file system without modes (FAT, a Windows folder) every file stays accessible: return False.
    """
    if not hasattr(os, "fchmod") or not os.fstat(descriptor).st_mode & OTHERS:
        return False
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, PRIVATE)
    return not os.fstat(descriptor).st_mode & OTHERS


if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int) -> None:
        """Lock the file. Raise `BlockingIOError` at once if another process holds it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:  # how Windows reports a held lock
            raise BlockingIOError from error

else:
    import fcntl

    def lock(descriptor: int) -> None:
        """Lock the file. Raise `BlockingIOError` at once if another process holds it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def publish(
    path: Path, content: bytes, *, mode: int, like: Path | None = None, confirm: Callable[[Path], None] | None = None
) -> None:
    """Replace the file's content atomically and sync it to disk. Raise `OSError` if it cannot be written.

    The new file gets the mode and owner of `like` if that exists, else `mode` less the umask. `confirm`
    gets its temporary path, and raises to keep the old file; the temporary file is always removed.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            if like is not None:
                _resemble(descriptor, like)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if confirm is not None:
            confirm(temporary)
        temporary.replace(path)
        if sys.platform != "win32":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _resemble(descriptor: int, model: Path) -> None:
    if not hasattr(os, "fchmod"):
        return
    with contextlib.suppress(FileNotFoundError):
        info = model.stat()
        if info.st_uid != os.fstat(descriptor).st_uid:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, info.st_uid, info.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(info.st_mode))
