"""A lock on an open file that the system itself lets go of when the process ends."""

import contextlib
import os
import sys
from typing import Final

PRIVATE: Final = 0o600
"""The mode of every lock file we make."""

OTHERS: Final = 0o077


def made_private(descriptor: int) -> bool:
    """Return whether the file was open to other users, as no lock of ours is, and no longer is.

    A file system without modes (FAT, a Windows folder) keeps every file open, ours too: there it is False.
    """
    if not hasattr(os, "fchmod") or not os.fstat(descriptor).st_mode & OTHERS:
        return False
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, PRIVATE)
    return not os.fstat(descriptor).st_mode & OTHERS


if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int) -> None:
        """Lock the file. Raise `BlockingIOError` at once when another holds it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:  # its word for: locked by someone else
            raise BlockingIOError from error

else:
    import fcntl

    def lock(descriptor: int) -> None:
        """Lock the file. Raise `BlockingIOError` at once when another holds it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
