"""Settings files on disk: their locations, safe reading, and the position of each key in the text.

A path may be hostile, or not a regular file: it is opened without blocking (a FIFO would hang), checked
on the open descriptor (a check by name could hit another file), and read once, up to a limit.
"""

import os
import re
import stat
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from smol_dev.config.problems import Problem
from smol_dev.errors import UsageError
from smol_dev.safe import command

FILE_NAME: Final = "smol.toml"
FOLDER: Final = "smol"
"""The name of the program's own folders."""
PROJECT_LIMIT: Final = 64 * 1024
USER_LIMIT: Final = 1024 * 1024
NAMES_LIMIT: Final = 200
"""The most profiles or prompt variants in a project's file: resolving `extends` takes quadratic time."""
NAMED_LIMIT: Final = 1024 * 1024
"""The most bytes in all files that a project's file names, taken together."""
TEXTS: Final = ("system", "plan", "files", "code")
"""The keys of a prompt variant; a value may name a file that holds the text."""
FILE_ENDINGS: Final = (".md", ".txt")
DEPTH_LIMIT: Final = 24
"""The deepest nesting of tables and lists; more could overflow the recursive functions that follow."""

FLAGS: Final = sum(getattr(os, f"O_{name}", 0) for name in ("RDONLY", "NONBLOCK", "CLOEXEC", "NOCTTY", "BINARY"))
WITHOUT_PROJECT: Final = "correct that, or leave the file out with `--no-project-config`"

BACKSLASH: Final = "a backslash in a string must be `\\\\`, or write the string in single quotes"

SYNTAX: Final = (
    ("Invalid statement", "a line that is neither `key = value` nor a `[table]`"),
    ("Expected newline", "something follows the value; one setting a line"),
    ("Expected '=' after", "a key without `=`"),
    ("Expected ']'", "a `[table]` header without its end"),
    ("Cannot declare", "this table is declared twice"),
    ("Cannot overwrite", "this key is set twice"),
    ("Duplicate inline", "a key is set twice in `{…}`"),
    ("Cannot mutate", "this table is written out elsewhere and cannot be added to"),
    ("Cannot redefine", "this table is declared twice"),
    ("Invalid initial character", "a key begins with a character it cannot begin with"),
    ("Unclosed array", "a list without its `]`"),
    ("Unclosed inline", "a table `{…}` without its `}` on the same line"),
    ("Unescaped", BACKSLASH),
    ("Invalid hex", BACKSLASH),
    ("Escaped character", BACKSLASH),
    ("Unterminated", "a string without its closing quote"),
    ('Expected "\'"', "a string without its closing quote"),
    ("Illegal character", "a string runs over the line, or holds a control character"),
    ("Invalid value", "no value; text must stand in quotes"),
    ("Invalid date", "a date that does not exist"),
)
"""How each of tomllib's messages begins, and what we say instead."""

PLACE: Final = re.compile(r"\(at line (\d+), column (\d+)\)$")
NAME: Final = r"""[A-Za-z0-9_-]++|"(?:\\.|[^"\\\n])*+"?|'[^'\n]*+'?"""
PART: Final = re.compile(NAME)
WORDS: Final = re.compile(
    r'''"""(?:\\.|[^\\])*?(?:"""|\Z)'''
    r"|'''.*?(?:'''|\Z)"
    r"|#[^\n]*+"
    rf"|(?P<key>(?:{NAME})(?:[ \t]*+\.[ \t]*+(?:{NAME}))*+)",
    re.DOTALL,
)
"""Strings, comments and keys of a TOML text, so that a string or comment is not taken for a key."""

ItemKey = tuple[str | int, ...]
"""A key from the top of the file; numbers are array indices, from 0."""

DOTTED: Final = re.compile(rf"(?:{NAME})(?:[ \t]*+\.[ \t]*+(?:{NAME}))*+[ \t]*+")
GAP: Final = re.compile(r"(?:[ \t\n\r]|#[^\n]*)*")
COMMA: Final = re.compile(rf"{GAP.pattern},?{GAP.pattern}")
EQUALS: Final = re.compile(r"=[ \t]*")
SCALAR: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n]*",
    re.DOTALL,
)


class NamedFile(NamedTuple):
    """A file named by a key of a settings file: its content as read, or what is wrong with it."""

    key: tuple[str, ...]
    path: Path
    raw: bytes = b""
    wrong: str = ""

    @property
    def text(self) -> str:
        """The file's text, with LF line endings."""
        return decoded(self.raw).replace("\r\n", "\n")


class Document(NamedTuple):
    """A TOML file as it was read; `data` was parsed from `raw`.

    `named` are the files that a project's file names. They are read together with it, once, so that
    what was approved is what is used.
    """

    path: Path
    raw: bytes
    text: str
    data: Mapping[str, object]
    others_can_read: bool = False
    named: tuple[NamedFile, ...] = ()

    def __repr__(self) -> str:
        return f"Document({str(self.path)!r})"  # the content may be a secret


class BadFileError(Exception):
    """The reason why a file cannot be used; internal, turned into a `Problem` by `read_document`."""

    def __init__(self, what: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.place, self.hint = what, place, hint


def read_document(path: Path, *, project: bool = False) -> Document | Problem | None:
    """Return the file, or what is wrong with it; None if it does not exist.

    A project's file must also belong to the user and not be writable by everyone.
    """
    try:
        raw, info = read_bytes(path, limit=PROJECT_LIMIT if project else USER_LIMIT, project=project)
        text = decoded(raw)
        data = parsed(text)
        named = tuple(_named_files(path.parent, data)) if project else ()
        return Document(path, raw, text, data, bool(info.st_mode & 0o044), named)
    except FileNotFoundError:
        return None
    except BadFileError as error:
        remedy = f"; {WITHOUT_PROJECT}" if project and not error.place else ""
        return Problem(f"{path}{error.place}", "", f"{error.what}{remedy}", hint=error.hint)


def table_at(data: object, *key: str) -> Mapping[str, Any]:
    """Return the table at a key; empty if there is none."""
    for part in key:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _named_files(folder: Path, data: Mapping[str, object]) -> Iterator[NamedFile]:
    """Yield the files that a project's file in this folder names, in the order of their keys."""
    for table in ("profiles", "prompts"):
        if len(table_at(data, table)) > NAMES_LIMIT:
            raise BadFileError(f"holds more than {NAMES_LIMIT} {table}")
    left = NAMED_LIMIT
    for name in table_at(data, "prompts"):
        for part, value in table_at(data, "prompts", name).items():
            if part in TEXTS and isinstance(value, str) and is_file_name(value):
                read = read_named(("prompts", name, part), folder, value, inside=True)
                if len(read.raw) > left:
                    what = f"and those before it are larger than {NAMED_LIMIT // 1024} KiB together"
                    read = read._replace(raw=b"", wrong=what)
                left -= len(read.raw)
                yield read


def is_file_name(value: str) -> bool:
    """Return whether a value names a file that holds the text, rather than being the text."""
    return "\n" not in value and value.lower().endswith(FILE_ENDINGS)


def read_named(key: tuple[str, ...], folder: Path, value: str, *, inside: bool) -> NamedFile:
    """Return the file that a key names; with `inside` it must be in the folder."""
    path = folder / value
    try:
        if inside and not path.resolve().is_relative_to(folder.resolve()):
            return NamedFile(key, path, wrong="stands outside the project's folder")
        raw, _ = read_bytes(path, limit=PROJECT_LIMIT)
        decoded(raw)
    except FileNotFoundError:
        return NamedFile(key, path, wrong="does not exist")
    except BadFileError as error:
        return NamedFile(key, path, wrong=error.what)
    except (OSError, ValueError, RuntimeError):  # a link to itself, or not a file name
        return NamedFile(key, path, wrong="is not a file name")
    return NamedFile(key, path, wrong="contains a NUL character") if b"\0" in raw else NamedFile(key, path, raw)


def read_bytes(path: Path, *, limit: int, project: bool = False) -> tuple[bytes, os.stat_result]:
    """Return the content and status of a regular file. Raise `FileNotFoundError` or `BadFileError`."""
    try:
        descriptor = os.open(path, FLAGS | (getattr(os, "O_NOFOLLOW", 0) if project else 0))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError from error
    except ValueError as error:
        raise BadFileError("is not a file name") from error
    except PermissionError as error:
        if not os.path.lexists(path):
            raise FileNotFoundError from error  # in a folder we may not enter, so not our file
        raise BadFileError(f"cannot be read ({error.strerror})") from error
    except OSError as error:
        is_link = os.path.islink(path)  # noqa: PTH114 - `Path.is_symlink` raises for a name that is too long
        raise BadFileError("is a symbolic link" if is_link else f"cannot be read ({error.strerror})") from error
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise BadFileError("is not a regular file")
        if project and hasattr(os, "geteuid"):
            _refuse_foreign(info, path)
        with open(descriptor, "rb", closefd=False) as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise BadFileError(f"cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)
    if len(raw) > limit:
        raise BadFileError(f"is larger than {limit // 1024} KiB")
    return raw, info


def _refuse_foreign(info: os.stat_result, path: Path) -> None:
    """Refuse a project's file that another user owns, or that every user can write or replace."""
    if info.st_uid != os.geteuid():
        raise BadFileError("belongs to another user")
    if info.st_mode & stat.S_IWOTH:
        raise BadFileError("can be written by every user", hint=command("chmod o-w {file}", file=path))
    if path.parent.stat().st_mode & stat.S_IWOTH:
        hint = command("chmod o-w {folder}", folder=path.parent)
        raise BadFileError("stands in a folder that every user can write to", hint=hint)


def decoded(raw: bytes) -> str:
    """Return UTF-8 bytes as text, without a leading byte order mark."""
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()  # everything before the first bad byte is valid
        raise BadFileError("is not UTF-8 here", place=line_and_column(before, len(before))) from error


def parsed(text: str) -> dict[str, object]:
    """Return the TOML text as data."""
    if (at := long_key(text)) >= 0:
        raise BadFileError("a key has too many parts", place=line_and_column(text, at))
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise BadFileError("is nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        # Its message quotes the text, which may be a secret, so words of our own replace it.
        what = next((f": {ours}" for theirs, ours in SYNTAX if str(error).startswith(theirs)), "")
        if place := PLACE.search(str(error)):
            raise BadFileError(f"not valid TOML{what}", place=f":{place[1]}:{place[2]}") from error
        what = "not valid TOML: the file ends in the middle of a setting"
        raise BadFileError(what, place=line_and_column(text, len(text))) from error
    except ValueError as error:
        raise BadFileError("holds a number that is too long") from error
    if depth_exceeds(data, DEPTH_LIMIT):
        raise BadFileError("is nested too deeply")
    return data


def line_and_column(text: str, place: int) -> str:
    """Return the position of a character as a suffix for a file name: `:LINE:COLUMN`."""
    return f":{text.count(chr(10), 0, place) + 1}:{place - text.rfind(chr(10), 0, place)}"


def long_key(text: str) -> int:
    """Return the position of a key with too many dotted parts; -1 if there is none.

    tomllib takes cubic time in the number of parts: a key of 32,000 would never end.
    """
    for match in WORDS.finditer(text):
        if match["key"] and match["key"].count(".") >= DEPTH_LIMIT and len(PART.findall(match["key"])) > DEPTH_LIMIT:
            return match.start()
    return -1


def depth_exceeds(data: object, limit: int) -> bool:
    """Return whether tables and lists are nested deeper than the limit."""
    level = [data]
    for _ in range(limit):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, dict | list) for each in level)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The process environment and directories, read once at the edge of the program and passed in.

    `user_config`, `state` and `cache` are the program's own directories; None if there is none, for example
    without a home directory. `site_configs` are the system's directories, strongest first.
    """

    environ: Mapping[str, str] = field(repr=False)
    cwd: Path
    home: Path | None = None
    user_config: Path | None = None
    site_configs: tuple[Path, ...] = ()
    state: Path | None = None
    cache: Path | None = None

    @classmethod
    def here(cls) -> "Surroundings":
        """Return the surroundings of this process. Raise `UsageError` when the working directory is gone."""
        try:
            cwd = Path.cwd()
        except FileNotFoundError as error:
            raise UsageError("the working directory does not exist any more", hint="change to another: `cd`") from error
        return cls(
            environ=dict(os.environ),
            cwd=cwd,
            home=_expanded("~"),
            user_config=_user_config_folder(),
            site_configs=site_config_folders(),
            state=own_folder("user_state"),
            cache=own_folder("user_cache"),
        )

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The paths of the user's and the system's files, existing or not; none of them is a project's file."""
        usual = self.home / ".config" / FOLDER if self.home else None
        return tuple(each / FILE_NAME for each in (self.user_config, usual, *self.site_configs) if each is not None)

    def project_file(self, folder: Path | None = None) -> Path | None:
        """Return the project file for the folder, by default the working directory; None if there is none."""
        return find_project(folder or self.cwd, self.home, own=self.own_files)

    def new_project_file(self) -> Path:
        """Return the path for a new project file: at the root of the repository, or else in the working directory."""
        folders = _folders_of_project(self.cwd, self.home, _device_of)
        return next((each for each in folders if os.path.lexists(each / ".git")), self.cwd) / FILE_NAME


def _expanded(path: str) -> Path | None:
    """Return the path with `~` expanded; None without a home directory (no HOME, no password entry)."""
    found = Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises without a home
    return found if found.is_absolute() else None


if sys.platform in {"darwin", "win32"}:
    import platformdirs

    def own_folder(kind: str) -> Path | None:
        """Return one of the program's folders, at the platform's usual place."""
        return Path(getattr(platformdirs, f"{kind}_dir")(FOLDER, appauthor=False))

    def site_config_folders() -> tuple[Path, ...]:
        """Return the folder for settings shared by all users of this machine."""
        return (Path(platformdirs.site_config_dir(FOLDER, appauthor=False)),)

else:
    # Importing platformdirs would take a fifth of the time of `profiles list`, only to apply the XDG rules.
    XDG: Final = {
        "user_config": ("XDG_CONFIG_HOME", "~/.config"),
        "user_state": ("XDG_STATE_HOME", "~/.local/state"),
        "user_cache": ("XDG_CACHE_HOME", "~/.cache"),
    }

    def own_folder(kind: str) -> Path | None:
        """Return one of the program's folders; None if it depends on a missing home directory."""
        variable, usual = XDG[kind]
        named = Path(os.environ.get(variable, ""))
        folder = named if named.is_absolute() else _expanded(usual)
        return folder / FOLDER if folder else None

    def site_config_folders() -> tuple[Path, ...]:
        """Return the folders for settings shared by all users of this machine, strongest first."""
        named = map(Path, os.environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep))
        folders = [each for each in named if each.is_absolute()] or [Path("/etc/xdg")]
        return tuple(dict.fromkeys(each / FOLDER for each in folders))


def _user_config_folder() -> Path | None:
    """Return the user's settings folder; on macOS `~/.config/smol` if only that one holds a settings file."""
    folders = [each for each in (own_folder("user_config"), _expanded(f"~/.config/{FOLDER}")) if each]
    holding = (each for each in folders if os.path.exists(each / FILE_NAME))  # noqa: PTH110 - Path.exists raises in a closed folder
    return next(holding, folders[0] if folders else None)


def find_project(
    cwd: Path, home: Path | None, *, own: Collection[Path] = (), device: Callable[[Path], int | None] | None = None
) -> Path | None:
    """Return the nearest `smol.toml` from the working directory upwards; None if there is none.

    The search ends at the folder that holds `.git`, before the home directory, and before another
    device. Anything of that name counts, so that a link or a folder is refused rather than skipped;
    only the user's and the system's `own` files are skipped, even when reached through links.
    """
    files = (folder / FILE_NAME for folder in _folders_of_project(cwd, home, device or _device_of))
    return next((f for f in files if os.path.lexists(f) and not is_one_of(f, own)), None)


def _folders_of_project(cwd: Path, home: Path | None, device: Callable[[Path], int | None]) -> Iterator[Path]:
    """Yield the folders that may hold a project's file, the working directory first."""
    here = device(cwd)
    for folder in (cwd, *cwd.parents):
        if is_same(home, folder) or device(folder) != here:
            return
        yield folder
        if os.path.lexists(folder / ".git"):
            return


def is_one_of(file: Path, own: Collection[Path]) -> bool:
    """Return whether the path is one of the files by any name, or is in the same folder as one of them."""
    return any(is_same(each, file) or is_same(each.parent, file.parent) for each in own)


def is_same(one: Path | None, other: Path) -> bool:
    """Return whether both paths lead to the same existing file or folder."""
    try:
        return one is not None and one.samefile(other)
    except (OSError, ValueError):
        return False


def _device_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None


class Position(NamedTuple):
    """The line and column of a key, from 1, and the start and end of its value in the text."""

    line: int
    column: int
    start: int = 0
    end: int = 0


@lru_cache(maxsize=64)
def positions(text: str) -> Mapping[ItemKey, Position]:
    """Return the position of the first mention of each key, table and array item."""
    walk = Walk(text.replace("\r\n", "\n"))
    walk.document()
    return walk.found


class Walk:
    """One pass over a TOML text; `at` is the index of the next character to read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[ItemKey, Position] = {}
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.arrays: dict[ItemKey, int] = {}
        self.headers: list[tuple[int, int, tuple[str, ...]]] = []

    def document(self) -> None:
        """Read the whole text, noting every table header and setting."""
        table: ItemKey = ()
        while self.skip(GAP) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.setting(table)

    def header(self) -> ItemKey:
        """Read `[table]` or `[[array of tables]]`; return the path of the settings below it."""
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        begin, names = self.at, self.dotted()
        self.headers.append((begin, self.at, tuple(name for name, _ in names)))
        self.at += brackets
        path: ItemKey = ()
        for place, (name, begin) in enumerate(names, 1):
            path = (*path, name)
            self.note(path, begin)
            if place == len(names) and brackets == 2:  # noqa: PLR2004 - `[[`
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path = (*path, self.arrays[path])
                self.note(path, begin)
        return path

    def setting(self, table: ItemKey) -> None:
        """Read `key = value`, including dotted keys and inline tables."""
        path = table
        for name, begin in self.dotted():
            path = (*path, name)
            self.note(path, begin)
        start = self.skip(EQUALS)
        self.value(path)
        known = self.found[path]
        if known.end == 0:
            self.found[path] = Position(known.line, known.column, start, self.at)

    def value(self, path: ItemKey) -> None:
        """Read a value, noting the keys and items inside it below `path`."""
        opening = self.text[self.at : self.at + 1]
        if opening not in ("[", "{"):
            self.skip(SCALAR)
            return
        self.at += 1
        self.skip(GAP)
        for number in count():
            if self.text[self.at] in "]}":
                break
            if opening == "{":
                self.setting(path)
            else:
                self.note((*path, number), self.at)
                self.value((*path, number))
            self.skip(COMMA)
        self.at += 1

    def dotted(self) -> list[tuple[str, int]]:
        """Read a dotted key; return its names and their positions."""
        begin, end = self.skip(GAP), self.skip(DOTTED)
        parts = [(part.group(), part.start()) for part in PART.finditer(self.text, begin, end)]
        return [(next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part, at) for part, at in parts]

    def skip(self, pattern: re.Pattern[str]) -> int:
        """Move past the pattern, which may match nothing; return the new position."""
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def note(self, path: ItemKey, at: int) -> None:
        """Record the first mention of a path."""
        if path not in self.found:
            line = bisect_right(self.lines, at)
            self.found[path] = Position(line, at - self.lines[line - 1] + 1)
