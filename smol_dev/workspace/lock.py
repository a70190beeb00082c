"""One run a folder: a lock that the system itself lets go of when the process ends."""

import os
import sys
from pathlib import Path
from typing import Self

from smol_dev.errors import WorkspaceError
from smol_dev.workspace.folder import Folder

NAME = "lock"


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
        self._descriptor = folder.append(NAME)
        try:
            _lock(self._descriptor)
        except BlockingIOError as error:
            raise WorkspaceError(
                f"another run is writing to `{self._root}`",
                hint="wait until it ends, or choose another folder: `-o DIR`",
            ) from error

    def close(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


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
