r"""One open folder, accessed through its descriptor and never through a link, and the system's errors.

Between checking a path and opening it, someone can swap a folder for a symbolic link. A descriptor is safe from that:
it stays the folder that was opened. Where the system has no such calls (Windows), folders are held by their path, and
links and junctions are refused.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple, Self

from smol_dev.errors import Reason, WorkspaceError
from smol_dev.safe import command

DESCRIPTORS: Final = {os.open, os.mkdir, os.stat, os.link, os.rename, os.unlink} <= os.supports_dir_fd

_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not block us
    | getattr(os, "O_BINARY", 0)
)
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
_ABOVE: Final = getattr(os, "O_PATH", os.O_RDONLY) | _FOLDER
"""How a folder on the way is opened: it may be passable but not readable."""

_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK})

TEMPORARY: Final = ".smol-tmp-"
"""The prefix of every temporary file's name, which no model may choose."""


class Folder:
    """An open folder; its methods take a name in it or a path below it, and raise `OSError` as `os` does."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def at(cls, path: Path, *, create: bool = False, descriptors: bool = DESCRIPTORS) -> "Folder":
        """Open the folder at this absolute path, which may contain no links; `create` makes missing folders."""
        if not descriptors:
            if create:
                path.mkdir(parents=True, exist_ok=True)
            _refuse_link(path)
            return cls(path, None)
        names = path.parts[1:]
        folder = cls(Path(path.anchor), os.open(path.anchor, _ABOVE if names else _FOLDER))
        for left, name in zip(reversed(range(len(names))), names, strict=True):
            with folder:
                folder = folder.folder(name, create=create, flags=_ABOVE if left else _FOLDER)
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor; a second call does nothing."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def folder(self, name: str, *, create: bool = False, flags: int = _FOLDER) -> "Folder":
        """Open a folder in this one; `create` makes it if it is absent."""
        path, argument = self.path / name, self.argument(name)
        if create and self.status(name) is None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(argument, dir_fd=self.descriptor)
        if self.descriptor is None:
            return Folder.at(path, descriptors=False)
        try:
            return Folder(path, os.open(argument, flags, dir_fd=self.descriptor))
        except NotADirectoryError:
            status = self.status(name)  # Linux reports a file and a link alike
            if status is None or not stat.S_ISLNK(status.st_mode):
                raise
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None

    @contextlib.contextmanager
    def inside(self, path: str, *, create: bool = False) -> Iterator["Folder"]:
        """The folder at a path below this one (empty: this one); each component is opened in the one before."""
        with contextlib.ExitStack() as opened:
            folder = self
            for name in path.split("/") if path else ():
                folder = opened.enter_context(folder.folder(name, create=create))
            yield folder

    @contextlib.contextmanager
    def holding(self, path: str, *, create: bool = False) -> Iterator[tuple["Folder", str]]:
        """The folder that contains a path below this one, and the path's last name."""
        above, _, name = path.rpartition("/")
        with self.inside(above, create=create) as folder:
            yield folder, name

    def names(self) -> list[str]:
        """Return the names in the folder, sorted."""
        return sorted(os.listdir(self.path if self.descriptor is None else self.descriptor))  # noqa: PTH208 - takes a descriptor

    def status(self, path: str) -> os.stat_result | None:
        """Return the status of a path, without following a link, or None if it is absent."""
        try:
            with self.holding(path) as (folder, name):
                return os.stat(folder.argument(name), dir_fd=folder.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[BufferedReader]:
        """A regular file, open for reading."""
        with self.holding(path) as (folder, name):
            if folder.descriptor is None:
                _refuse_link(folder.path / name)
            opened = os.open(folder.argument(name), _READ, dir_fd=folder.descriptor)
            with os.fdopen(_regular(opened), "rb") as file:
                yield file

    def read(self, path: str, *, limit: int) -> bytes:
        """Return the first `limit` bytes of a regular file."""
        with self.reading(path) as file:
            return file.read(limit)

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a regular file, in hex."""
        with self.reading(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def put(
        self, content: bytes, target: "Folder", path: str, *, mode: int | None = None, replaces: bool = True
    ) -> None:
        """Write a complete file at a path below the target, through a temporary file in this folder.

        Missing folders are made. Without `replaces`, raise `FileExistsError` if anything is there.
        """
        with self.temporary(content, mode=mode) as temporary, target.holding(path, create=True) as (folder, name):
            (self.replace if replaces else self.place)(temporary, folder, name)
            folder.sync()

    @contextlib.contextmanager
    def temporary(self, content: bytes, *, mode: int | None = None) -> Iterator[str]:
        """A file with this content and these permission bits under a random name; removed when the block ends."""
        name = f"{TEMPORARY}{secrets.token_hex(8)}"
        descriptor = os.open(self.argument(name), _CREATE, 0o666, dir_fd=self.descriptor)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(descriptor, mode)
                file.flush()
                os.fsync(descriptor)
            yield name
        finally:
            with contextlib.suppress(FileNotFoundError):
                self.remove(name)

    def place(self, name: str, target: "Folder", target_name: str) -> None:
        """Give a file a second name, or move it if the disk has no links; never replace anything."""
        source, goal = self.argument(name), target.argument(target_name)
        try:
            os.link(
                source,
                goal,
                src_dir_fd=self.descriptor,
                dst_dir_fd=target.descriptor,
                follow_symlinks=self.descriptor is None,
            )
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if target.status(target_name) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
            self.replace(name, target, target_name)

    def replace(self, name: str, target: "Folder", target_name: str) -> None:
        """Move a file to a name in another folder, replacing what is there."""
        source, goal = self.argument(name), target.argument(target_name)
        os.replace(source, goal, src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self.holding(path) as (folder, name):
            os.unlink(folder.argument(name), dir_fd=folder.descriptor)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        with self.holding(path) as (folder, name):
            os.rmdir(folder.argument(name), dir_fd=folder.descriptor)

    def append(self, name: str, *, mode: int = 0o666) -> int:
        """Return a descriptor for appending to a regular file; a missing file is created with this mode."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | (_CREATE & ~(os.O_EXCL | os.O_WRONLY))
        return _regular(os.open(self.argument(name), flags, mode, dir_fd=self.descriptor))

    def sync(self) -> None:
        """Flush the folder's names to the disk, if the system can do that."""
        if self.descriptor is not None:
            with contextlib.suppress(OSError):  # some file systems refuse it for folders
                os.fsync(self.descriptor)

    def argument(self, name: str) -> str:
        """Return the name for `dir_fd=self.descriptor`. Raise `OSError` if the locale cannot spell it."""
        try:
            os.fsencode(name)
        except UnicodeEncodeError as error:
            raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ)) from error
        return name if self.descriptor is not None else str(self.path / name)


def _regular(descriptor: int) -> int:
    """Return the descriptor if it is that of a regular file, else raise `OSError`."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def _refuse_link(path: Path) -> None:
    """Raise the system's error for a link met by `O_NOFOLLOW`; junctions count as links."""
    status = path.lstat()
    attributes = getattr(status, "st_file_attributes", 0)
    if stat.S_ISLNK(status.st_mode) or attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


_DISK: Final = "make room, then finish the run: {resume}"
_CHOOSE: Final = "choose a folder that you may write to: `-o DIR`"
_NO_FOLDER: Final = (
    "a file or a symbolic link stands where a folder is needed",
    "move it away, or choose another folder: `-o DIR`",
)


class _Meaning(NamedTuple):
    """What a system error means: in words (empty: its own), and whether another file may still be written."""

    words: str = ""
    hint: str = "see that the folder is there and can be written to, then: {resume}"
    reason: Reason = "disk"
    stops_run: bool = True


_MEANINGS: Final = {
    errno.ENOSPC: _Meaning("the disk is full", _DISK),
    errno.EDQUOT: _Meaning("your disk quota is used up", _DISK),
    errno.EFBIG: _Meaning(
        "it is larger than files may be here", "raise the limit (`ulimit -f unlimited`), then finish the run: {resume}"
    ),
    errno.ENOENT: _Meaning(
        "the folder is not there", "put it back and finish the run: {resume}, or choose another one: `-o DIR`"
    ),
    errno.EROFS: _Meaning("the disk is read-only", _CHOOSE),
    errno.EACCES: _Meaning("permission denied", _CHOOSE, stops_run=False),
    errno.EPERM: _Meaning("permission denied", _CHOOSE, stops_run=False),
    errno.ENOLCK: _Meaning("the disk knows no locks", "choose a folder on a local disk: `-o DIR`"),
    errno.EILSEQ: _Meaning(
        "the system's locale cannot spell this name",
        "set a UTF-8 locale (`export LC_ALL=C.UTF-8`), then finish the run: {resume}",
        "unsafe_path",
        stops_run=False,
    ),
    errno.ELOOP: _Meaning(*_NO_FOLDER, "unsafe_path", stops_run=False),
    errno.ENOTDIR: _Meaning(*_NO_FOLDER, "occupied", stops_run=False),
    errno.EISDIR: _Meaning(reason="occupied", stops_run=False),
    errno.EEXIST: _Meaning(reason="occupied"),
    errno.EINVAL: _Meaning(reason="unsafe_path", stops_run=False),
    errno.ENAMETOOLONG: _Meaning(reason="unsafe_path", stops_run=False),
    errno.EXDEV: _Meaning(stops_run=False),
}


def explain(error: OSError) -> str:
    """Return what went wrong, in our own words if the system's say too little."""
    return _MEANINGS.get(error.errno or 0, _Meaning()).words or error.strerror or str(error)


def resume_command(root: Path) -> str:
    """Return the command that finishes the run in this folder."""
    return command("smol_dev resume {dir}", dir=root)


@contextlib.contextmanager
def translated(what: str, *, root: Path) -> Iterator[None]:
    """Turn an `OSError` in the block into a `WorkspaceError` that begins with `what`."""
    try:
        yield
    except OSError as error:
        meaning = _MEANINGS.get(error.errno or 0, _Meaning())
        raise WorkspaceError(
            f"{what}: {explain(error)}",
            hint=meaning.hint.replace("{resume}", resume_command(root)),
            reason=meaning.reason,
            stops_run=meaning.stops_run,
        ) from error
