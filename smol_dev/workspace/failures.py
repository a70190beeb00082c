"""What the system says about a folder or a file, as an error for the user."""

import contextlib
import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from smol_dev.errors import Reason, WorkspaceError
from smol_dev.safe import command

_DISK: Final = "make room, then finish the run: {resume}"
_CHOOSE: Final = "choose a folder that you may write to: `-o DIR`"
_UNKNOWN: Final = "see that the folder is there and can be written to, then: {resume}"
_NO_FOLDER: Final = (
    "a file or a symbolic link stands where a folder is needed",
    "move it away, or choose another folder: `-o DIR`",
)

_WORDS: Final = {
    errno.ENOSPC: ("the disk is full", _DISK),
    errno.EDQUOT: ("your disk quota is used up", _DISK),
    errno.EFBIG: (
        "it is larger than files may be here",
        "raise the limit (`ulimit -f unlimited`), then finish the run: {resume}",
    ),
    errno.ENOENT: (
        "the folder is not there",
        "put it back and finish the run: {resume}, or choose another one: `-o DIR`",
    ),
    errno.EROFS: ("the disk is read-only", _CHOOSE),
    errno.EACCES: ("permission denied", _CHOOSE),
    errno.EPERM: ("permission denied", _CHOOSE),
    errno.ENOLCK: ("the disk knows no locks", "choose a folder on a local disk: `-o DIR`"),
    errno.EILSEQ: (
        "the system's locale cannot spell this name",
        "set a UTF-8 locale (`export LC_ALL=C.UTF-8`), then finish the run: {resume}",
    ),
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

_REASONS: Final[Mapping[int, Reason]] = {
    **dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.EEXIST), "occupied"),
    **dict.fromkeys((errno.EILSEQ, errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG), "unsafe_path"),
}
"""The reason of a file that failed with one of these; with any other it is `disk`."""


def explain(error: OSError) -> str:
    """What went wrong, in the user's words where the system's say too little."""
    known = _WORDS.get(error.errno or 0)
    return known[0] if known else error.strerror or str(error)


def resume_command(root: Path) -> str:
    """What to type to finish the run of this folder."""
    return command("smol_dev resume {dir}", dir=root)


@contextlib.contextmanager
def translated(what: str, *, root: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `WorkspaceError` that begins with `what`."""
    try:
        yield
    except OSError as error:
        _, hint = _WORDS.get(error.errno or 0, ("", _UNKNOWN))
        raise WorkspaceError(
            f"{what}: {explain(error)}",
            hint=hint.replace("{resume}", resume_command(root)),
            reason=_REASONS.get(error.errno or 0, "disk"),
            stops_run=error.errno not in _OF_ONE_PATH,
        ) from error
