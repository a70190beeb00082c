"""What the system says about a folder or a file, as an error for the user."""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Final

from smol_dev.errors import WorkspaceError

_DISK: Final = "make room, then finish the run: `smol_dev resume DIR`"
_CHOOSE: Final = "choose a folder that you may write to: `-o DIR`"
_NO_FOLDER: Final = (  # systems differ in which of the two errors a link gives
    "a file or a symbolic link stands where a folder is needed",
    "move it away, or choose another folder: `-o DIR`",
)

_WORDS: Final = {
    errno.ENOSPC: ("the disk is full", _DISK),
    errno.EDQUOT: ("your disk quota is used up", _DISK),
    errno.EFBIG: (
        "it is larger than files may be here",
        "raise the limit (`ulimit -f unlimited`), then finish the run: `smol_dev resume DIR`",
    ),
    errno.EROFS: ("the disk is read-only", _CHOOSE),
    errno.EACCES: ("permission denied", _CHOOSE),
    errno.EPERM: ("permission denied", _CHOOSE),
    errno.ENOLCK: ("the disk knows no locks", "choose a folder on a local disk: `-o DIR`"),
    errno.ELOOP: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
}


_OF_ONE_PATH: Final = frozenset(
    {
        errno.EACCES,
        errno.EILSEQ,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EXDEV,
    }
)
"""What befalls one name; another file may still be written."""


def explain(error: OSError) -> tuple[str, str]:
    """What went wrong, and a hint."""
    words = os.strerror(error.errno) if error.errno else str(error)
    return _WORDS.get(
        error.errno or 0, (words, "see that the folder is there and can be written to")
    )


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn an `OSError` of the block into a `WorkspaceError` that begins with `what`."""
    try:
        yield
    except OSError as error:
        why, hint = explain(error)
        stops_run = error.errno not in _OF_ONE_PATH
        raise WorkspaceError(f"{what}: {why}", hint=hint, stops_run=stops_run) from error
