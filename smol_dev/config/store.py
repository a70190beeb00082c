"""Settings files on disk: one writer at a time, and a file that is whole at every moment."""

import contextlib
import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from smol_dev.errors import ConfigError
from smol_dev.locks import lock, made_private

if sys.platform != "win32":
    LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK

SHARED_FILE = 0o644
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
LOCK = ".smol.toml.lock"
LONGEST_WAIT = 5.0
"""Seconds to wait for another smol_dev."""

Confirm = Callable[[Path], None]
"""Looks at the file about to be published, under its temporary name, and raises to keep the old one."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: no other smol_dev changes a settings file in it meanwhile.

    The lock is a file that nobody else can open, and that is gone afterwards. Raises `ConfigError` when
    another smol_dev holds it for longer than 5 s. Windows has no such lock: there the last of two
    editors wins.
    """
    if sys.platform == "win32":
        yield
        return
    path = folder / LOCK
    descriptor = taken(path)
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds, its holder has no name
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def taken(path: Path) -> int:
    """Return the descriptor of the lock file, locked, and still the file of that name."""
    until = time.monotonic() + LONGEST_WAIT
    while True:
        descriptor = -1
        try:
            descriptor = opened(path)
            lock(descriptor)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
            os.close(descriptor)  # its last holder took the name away
        except FileNotFoundError:
            if descriptor < 0:
                raise unwritable(path.parent, FileNotFoundError(errno.ENOENT, "no such folder")) from None
            os.close(descriptor)
        except BlockingIOError as error:
            if made_private(descriptor):
                path.unlink(missing_ok=True)  # made by another, who may hold it for ever
                os.close(descriptor)
                continue
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") or "unknown"
            os.close(descriptor)
            if time.monotonic() > until:
                raise ConfigError(
                    f"another smol_dev (process {holder}) is changing the settings in `{path.parent}`",
                    hint="wait until it is done, or end it, and try again",
                ) from error
            time.sleep(0.02)
        except OSError as error:
            raise unwritable(path.parent, error) from error


def opened(path: Path) -> int:
    """Return the descriptor of the lock file, which is made if it is absent."""
    descriptor = os.open(path, LOCK_FLAGS, PRIVATE_FILE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"`{path.name}` is not a regular file")
    return descriptor


def make_folder(folder: Path) -> None:
    """Create the folder for the user's alone, if it is not there."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def publish(path: Path, text: str, *, mode: int, confirm: Confirm) -> None:
    """Put the text in the place of the file, whole or not at all, synced to disk.

    An existing file keeps its mode and its owner; a new one gets `mode`, less the umask. The folder
    must exist. Nothing is left behind when `confirm` raises.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        write(temporary, text, mode=mode, like=path)
        confirm(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write(path: Path, text: str, *, mode: int, like: Path) -> None:
    """A new file with the text, the mode and owner of `like` if that exists, on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        with contextlib.suppress(FileNotFoundError):
            model = like.stat()
            if model.st_uid != os.fstat(descriptor).st_uid and hasattr(os, "fchown"):
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, model.st_uid, model.st_gid)
            path.chmod(stat.S_IMODE(model.st_mode))
        file.write(text.encode())
        file.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> ConfigError:
    """The error for a place that cannot be written."""
    return ConfigError(
        f"`{path}` cannot be written: {error.strerror or error}",
        hint="make it writable, or name another file: `--config FILE`",
    )
