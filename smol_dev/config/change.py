"""The one way a settings file is changed: alone, from what it holds now, and only to what is valid."""

import contextlib
import errno
import os
import re
import stat
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

from smol_dev.config import trust
from smol_dev.config.assignments import reserved, variables
from smol_dev.config.files import FILE_NAME, is_one_of, is_same, publish, read_document
from smol_dev.config.layers import Flags, Layers, Surroundings, read_layers, schema_file, user_file
from smol_dev.config.load import check, pending
from smol_dev.config.problems import Problem, config_error
from smol_dev.errors import ConfigError, TrustError, UsageError
from smol_dev.locks import lock, made_private
from smol_dev.safe import command

BY_HAND: Final = "put the file right first: `smol_dev config edit`"
MARK: Final = "\ufeff"
SHARED_FILE: Final = 0o644
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
LOCK: Final = ".smol.toml.lock"
LONGEST_WAIT = 5.0
"""Seconds to wait for another smol_dev."""

if sys.platform != "win32":
    LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK

Arguments = ParamSpec("Arguments")

Said = tuple[str, tuple[str, ...]]
"""What a change makes of a file: its new text, and the lines to tell the user."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The user's file, or the project's, that a command changes; it need not exist yet.

    `path` has its links followed; `flags` and `surroundings` are those under which its settings are read.
    """

    path: Path
    project: bool
    flags: Flags
    surroundings: Surroundings

    @property
    def option(self) -> str:
        """The option, after a space, with which a command of the program changes this file."""
        return " --project" if self.project else ""

    def change(
        self,
        edit: "Callable[Concatenate[Sheet, Arguments], Said]",
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> tuple[str, ...]:
        """Change the file as `edit` says; return the lines to tell the user.

        What is not valid afterwards raises `ConfigError`, and the file stays as it is. A project's file
        that was approved, or needed no approval, is approved as it is written.
        """
        self.refuse_read_only()
        with self.alone():
            is_trusted = self.project and self.is_trusted()
            raw = self.read()
            text = raw.removeprefix(MARK).replace("\r\n", "\n")
            sheet = Sheet(self, text, tomllib.loads(text), read_layers(self.flags, self.surroundings))
            new, said = edit(sheet, *arguments, **options)
            if new == text:
                return said
            return (*said, *self.replace(as_written(new, like=raw), trusted=is_trusted))

    def refuse_read_only(self) -> None:
        """Refuse a file that is not to be written, which replacing it would pass over."""
        try:
            mode = self.path.stat().st_mode
        except OSError:
            return
        if not mode & stat.S_IWUSR:
            raise ConfigError(
                f"`{self.path}` is read-only, and stays as it is",
                hint=f"if you keep it by hand, {command('chmod u+w {file}', file=self.path)} lets it be changed",
            )

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Make the file's folder, and let no other smol_dev change a file in it meanwhile."""
        make_folder(self.path.parent)
        with alone(self.path.parent):
            yield

    def is_trusted(self) -> bool:
        """Return whether nobody but the user has a say in the project's file: new, harmless or approved."""
        if not os.path.lexists(self.path):
            return True
        try:
            found = pending(self.flags, self.surroundings)
        except ConfigError:  # what it steers cannot be told before it is put right
            return False
        return found is None or found.approved

    def read(self) -> str:
        """Return the file's text as it is; a new file's first lines if there is none."""
        document = read_document(self.path, project=self.project)
        if isinstance(document, Problem):
            raise config_error([document], hint=BY_HAND)
        return first_lines() if document is None else document.raw.decode()

    def replace(self, text: str, *, trusted: bool) -> tuple[str, ...]:
        """Put the text in the file's place, unless it brings a problem that the file has not already.

        A project's file that was `trusted` is approved as written. Returns the lines to tell the user.
        """

        def confirm(temporary: Path) -> None:
            problems = self.problems_of(temporary)
            known = self.problems_of(self.path) if problems else ()
            if added := [*(Counter(problems) - Counter(known))]:
                raise ConfigError(
                    f"`{self.path}` stays as it is; with the change it has these problems:",
                    hint="correct the value; `smol_dev config schema` describes every key",
                    problems=added,
                )

        mode = SHARED_FILE if self.project else PRIVATE_FILE
        try:
            publish(self.path, text.encode(), mode=mode, like=self.path, confirm=confirm)
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self.renew_approval(text, trusted=trusted) if self.project else ()

    def problems_of(self, file: Path) -> tuple[str, ...]:
        """Return what is wrong in a text for this file, under its name and without lines, which a change moves."""
        if not file.exists():
            return ()
        line_and_column = re.compile(re.escape(str(file)) + r"(:\d+)*")
        problems = check(self.flags, self.surroundings, file=file, project=self.project)
        return tuple(line_and_column.sub(lambda _found: str(self.path), line) for line in problems)

    def renew_approval(self, written: str, *, trusted: bool) -> tuple[str, ...]:
        """Approve the project's file as just written, if it was trusted before; return the line that says so.

        A file that somebody else made and nobody approved stays so, whatever harmless key was changed.
        """
        try:
            found = pending(self.flags, self.surroundings)
        except ConfigError:  # it is no run's yet: other problems stand in the way, and are named there
            return ()
        if found is None or found.approved:
            return ()
        if not trusted:
            return (f"`{self.path}` is not approved; `smol_dev trust` shows what it steers",)
        if found.document.raw != written.encode():
            raise TrustError(
                f"`{self.path}` was changed by another program meanwhile, and is not approved",
                hint="look at it: `smol_dev trust`",
            )
        trust.record(found.document, self.surroundings)
        return (f"`{self.path}` is approved as it is now",)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A settings file as a change finds it: its text and tables, and what all layers say."""

    file: SettingsFile
    text: str
    tables: Mapping[str, Any]
    layers: Layers


def settings_file(flags: Flags, surroundings: Surroundings, *, project: bool) -> SettingsFile:
    """Return the user's file, or with `project` the project's."""
    nearest = surroundings.project_file()
    with_project = replace(flags, project=True)
    if project:
        new = surroundings.new_project_file()
        if nearest is None and is_own_folder(new.parent, surroundings):
            raise UsageError(
                f"`{new}` would be no project's: it is your own folder",
                hint="change to the project's folder first, or leave `--project` out",
            )
        return SettingsFile(nearest or new, project=True, flags=with_project, surroundings=surroundings)
    path, _ = user_file(flags, surroundings, reserved(variables(surroundings.environ), "config"))
    if path is None:
        raise UsageError("there is no home folder for a user's file", hint="name one: `--config FILE`")
    real = Path(os.path.realpath(path))
    if flags.config is None and nearest is not None and is_same(nearest, path):
        return SettingsFile(real, project=True, flags=with_project, surroundings=surroundings)
    return SettingsFile(real, project=False, flags=flags, surroundings=surroundings)


def is_own_folder(folder: Path, surroundings: Surroundings) -> bool:
    """Return whether the folder is the home folder, or the one of the user's or system's file."""
    at_home = is_same(surroundings.home, folder)
    return at_home or is_one_of(folder / FILE_NAME, surroundings.own_files)


def first_lines() -> str:
    """Return what a new file begins with: the schema, by which editors complete and check it."""
    return f"#:schema {schema_file().as_uri()}\n"


def as_written(text: str, *, like: str) -> str:
    """Return the text with the byte order mark and the line ends of the other."""
    crlf = like.count("\r\n")
    if crlf and crlf == like.count("\n"):
        text = text.replace("\n", "\r\n")
    return MARK + text if like.startswith(MARK) else text


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


def unwritable(path: Path, error: OSError) -> ConfigError:
    """Return the error for a file or folder that cannot be written."""
    return ConfigError(
        f"`{path}` cannot be written: {error.strerror or error}",
        hint="make it writable, or name another file: `--config FILE`",
    )
