"""Changes to settings files: under a lock, applied to the current text, written only if the result is valid.

Comments, order and spacing are preserved. Each edit is tried in several spellings, neatest first; the first
that parses to the old settings with exactly this change is used. So an edit never alters another value,
however the file is written.
"""

import contextlib
import errno
import os
import re
import stat
import sys
import time
import tomllib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from smol_dev.config import trust
from smol_dev.config.files import Surroundings, Walk, is_one_of, is_same, read_document, table_at
from smol_dev.config.layers import Flags, Key, LayerKind, Layers, read_layers, schema_file, user_file
from smol_dev.config.load import check, pending
from smol_dev.config.problems import Problem, config_error, typed
from smol_dev.disk import lock, made_private, publish
from smol_dev.errors import ConfigError, TrustError, UsageError
from smol_dev.safe import command

MARK: Final = "\ufeff"
PRIVATE: Final = 0o600
LOCK: Final = ".smol.toml.lock"
NOT_A_SETTING: Final = re.compile(r"\s*(#.*)?")
LONGEST_WAIT = 5.0
"""Seconds to wait for another smol_dev."""

if sys.platform != "win32":
    LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK

Arguments = ParamSpec("Arguments")

Said = tuple[str, tuple[str, ...]]
"""The result of a change: the file's new text, and the lines to show the user."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A user's or project's settings file that a command changes; it need not exist yet.

    `path` has its links resolved; the settings are read with `flags` and `surroundings`.
    """

    path: Path
    project: bool
    flags: Flags
    surroundings: Surroundings

    @property
    def kind(self) -> LayerKind:
        """The kind of layer this file forms."""
        return "project" if self.project else "user"

    @property
    def option(self) -> str:
        """The command-line option that selects this file, with a leading space; empty for the user's file."""
        return " --project" if self.project else ""

    def change(
        self,
        edit: "Callable[Concatenate[Sheet, Arguments], Said]",
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> tuple[str, ...]:
        """Apply `edit` to the file; return the lines to show the user.

        Raise `ConfigError` and leave the file alone if the result is not valid. A project's file that was
        approved, or needed no approval, is approved in its new form.
        """
        self.refuse_read_only()
        with alone(self.path.parent):
            is_trusted = self.project and self._is_trusted()
            document = read_document(self.path, project=self.project)
            if isinstance(document, Problem):
                raise config_error([document], hint="correct the file first: `smol_dev config edit`")
            raw = first_lines() if document is None else document.raw.decode()
            text = raw.removeprefix(MARK).replace("\r\n", "\n")
            sheet = Sheet(self, text, tomllib.loads(text), read_layers(self.flags, self.surroundings))
            new, said = edit(sheet, *arguments, **options)
            if new == text:
                return said
            if "\n" in raw and raw.count("\n") == raw.count("\r\n"):
                new = new.replace("\n", "\r\n")
            mark = MARK if raw.startswith(MARK) else ""
            return (*said, *self.replace(mark + new, trusted=is_trusted))

    def refuse_read_only(self) -> None:
        """Refuse a read-only file: replacing it by a rename would ignore its mode."""
        try:
            mode = self.path.stat().st_mode
        except OSError:
            return
        if not mode & stat.S_IWUSR:
            raise ConfigError(
                f"`{self.path}` is read-only, and stays as it is",
                hint=f"if you keep it by hand, {command('chmod u+w {file}', file=self.path)} lets it be changed",
            )

    def _is_trusted(self) -> bool:
        """Return whether the project's file is new, harmless or approved."""
        if not os.path.lexists(self.path):
            return True
        try:
            found = pending(self.flags, self.surroundings)
        except ConfigError:  # its effect is unknown until it is valid
            return False
        return found is None or found.approved

    def replace(self, text: str, *, trusted: bool) -> tuple[str, ...]:
        """Write the text, unless it adds a problem that the file does not have yet.

        A project's file that was `trusted` is approved as written. Return the lines to show the user.
        """

        def confirm(temporary: Path) -> None:
            problems = self._problems_of(temporary)
            known = self._problems_of(self.path) if problems else ()
            if added := [*(Counter(problems) - Counter(known))]:
                raise ConfigError(
                    f"`{self.path}` stays as it is; with the change it has these problems:",
                    hint="correct the value; `smol_dev config schema` describes every key",
                    problems=added,
                )

        try:
            publish(self.path, text.encode(), mode=0o644 if self.project else PRIVATE, like=self.path, confirm=confirm)
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self._renew_approval(text, trusted=trusted) if self.project else ()

    def _problems_of(self, file: Path) -> tuple[str, ...]:
        """Return a candidate text's problems, under this file's name and without line numbers, as edits shift those."""
        if not file.exists():
            return ()
        line_and_column = re.compile(re.escape(str(file)) + r"(:\d+)*")
        problems = check(self.flags, self.surroundings, file=file, project=self.project)
        return tuple(line_and_column.sub(lambda _found: str(self.path), line) for line in problems)

    def _renew_approval(self, written: str, *, trusted: bool) -> tuple[str, ...]:
        """Approve the project's file as just written, if it was trusted before; return the lines to show the user.

        An unapproved file stays unapproved, however harmless the change.
        """
        try:
            found = pending(self.flags, self.surroundings)
        except ConfigError:  # a run stops at these problems before it asks for trust
            return ()
        if found is None or found.approved:
            return ()
        if not trusted:
            return (f"`{self.path}` is not approved; `smol_dev trust` shows what needs approval",)
        if found.document.raw != written.encode():
            raise TrustError(
                f"`{self.path}` was changed by another program meanwhile, and is not approved",
                hint="look at it: `smol_dev trust`",
            )
        trust.record(found.document, self.surroundings)
        return (f"`{self.path}` is approved as it is now",)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A settings file before a change: its text, its tables, and all layers."""

    file: SettingsFile
    text: str
    tables: Mapping[str, Any]
    layers: Layers


def settings_file(flags: Flags, surroundings: Surroundings, *, project: bool) -> SettingsFile:
    """Return the user's settings file, or the project's with `project`."""
    nearest = surroundings.project_file()
    with_project = replace(flags, project=True)
    if project:
        new = surroundings.new_project_file()
        is_own = is_same(surroundings.home, new.parent) or is_one_of(new, surroundings.own_files)
        if nearest is None and is_own:
            raise UsageError(
                f"`{new}` is in your own folder, not in a project",
                hint="change to the project's folder first, or leave `--project` out",
            )
        return SettingsFile(nearest or new, project, with_project, surroundings)
    path, _ = user_file(flags, surroundings)
    if path is None:
        raise UsageError("there is no home folder for a user's file", hint="name one: `--config FILE`")
    is_project = flags.config is None and nearest is not None and is_same(nearest, path)
    flags = with_project if is_project else flags
    return SettingsFile(Path(os.path.realpath(path)), is_project, flags, surroundings)


def first_lines() -> str:
    """Return the start of a new file: the schema that lets editors complete and check it."""
    return f"#:schema {schema_file().as_uri()}\n"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that no other smol_dev changes a file in it; create the folder if needed.

    The lock is a file that no other user can open, removed afterwards. Raise `ConfigError` when another
    smol_dev holds it for longer than 5 s. Windows has no such lock: the last of two writers wins.
    """
    make_folder(folder)
    if sys.platform == "win32":
        yield
        return
    path = folder / LOCK
    descriptor = taken(path)
    try:
        with contextlib.suppress(OSError):  # on a full disk the lock holds, but its holder is unnamed
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def taken(path: Path) -> int:
    """Return a locked descriptor of the lock file at this path."""
    until = time.monotonic() + LONGEST_WAIT
    while True:
        descriptor = -1
        try:
            descriptor = opened(path)
            lock(descriptor)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
            os.close(descriptor)  # the previous holder removed the file
        except FileNotFoundError:
            if descriptor < 0:
                raise unwritable(path.parent, FileNotFoundError(errno.ENOENT, "no such folder")) from None
            os.close(descriptor)
        except BlockingIOError as error:
            if made_private(descriptor):
                path.unlink(missing_ok=True)  # another user's file, which they could hold for ever
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
    """Return a descriptor of the lock file, created if absent."""
    descriptor = os.open(path, LOCK_FLAGS, PRIVATE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"`{path.name}` is not a regular file")
    return descriptor


def make_folder(folder: Path) -> None:
    """Create the folder, private to the user, if it does not exist."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(path: Path, error: OSError) -> ConfigError:
    """Return the error for a file or folder that cannot be written."""
    return ConfigError(
        f"`{path}` cannot be written: {error.strerror or error}",
        hint="make it writable, or name another file: `--config FILE`",
    )


class Section(NamedTuple):
    """A table header and the lines under it, as line numbers from 0.

    `start` is the first line of the comments directly above the header (`#:schema` belongs to the file), `last`
    the last line that is neither blank nor a comment, `end` the `start` of the next section. The lines before
    the first header form a section with an empty key and `header` -1.
    """

    key: tuple[str, ...]
    start: int
    header: int
    last: int
    end: int


def sections(text: str) -> list[Section]:
    """Return the sections of a valid TOML text, in order."""
    walk = Walk(text)
    walk.document()
    lines = text.split("\n")
    said = [number for number, line in enumerate(lines) if NOT_A_SETTING.fullmatch(line) is None]
    headers = [(-1, ()), *((bisect_right(walk.lines, begin) - 1, key) for begin, _, key in walk.headers)]
    starts = []
    for header, _ in headers:
        above = takewhile(re.compile(r"\s*#(?!:)").match, reversed(lines[: max(header, 0)]))
        starts.append(max(header, 0) - len(list(above)))
    found = []
    for (header, key), start, end in zip(headers, starts, [*starts[1:], len(lines)], strict=True):
        count = bisect_left(said, end)
        found.append(Section(key, start, header, said[count - 1] if count else header, end))
    return found


def with_value(text: str, key: Key, value: object) -> str:
    """Return the text with `key` set to `value`, in place if it is already set."""
    wanted = tomllib.loads(text)
    table = table_of(wanted, key)
    proposals = iter(()) if key[-1] in table else _with_new_line(text, key, value)
    table[key[-1]] = value

    def put(document: Any) -> None:  # noqa: ANN401 - tomlkit's items have no common public type
        table_of(document, key)[key[-1]] = inline(value)

    return _first_that_reads([wanted], chain(proposals, _by_tomlkit(text, put)), key=key)


def with_table(text: str, key: Key, values: dict[str, Any]) -> str:
    """Return the text with a new table at its end; each dictionary in `values` becomes a table of its own."""
    wanted = tomllib.loads(text)
    table_of(wanted, key)[key[-1]] = deepcopy(values)
    return _first_that_reads([wanted], [appended(text, rendered_table(key, values))], key=key)


def without(text: str, key: Key) -> str:
    """Return the text without a key or table; a table's adjoining comments go with it."""

    def take_out(document: Any) -> None:  # noqa: ANN401 - tomlkit's items have no common public type
        del table_of(document, key)[key[-1]]

    wanted = tomllib.loads(text)
    take_out(wanted)
    pruned = deepcopy(wanted)
    for length in range(len(key) - 1, 0, -1):
        table = table_of(pruned, key[:length])
        if not table[key[length - 1]]:
            del table[key[length - 1]]
    proposals = chain([_without_sections(text, key)], _by_tomlkit(text, take_out))
    return _first_that_reads([wanted, pruned], proposals, key=key)


def without_empty(text: str, key: Key) -> str:
    """Return the text without the table if it is empty, unless a comment would be lost."""
    if table_at(tomllib.loads(text), *key[:-1]).get(key[-1]) != {}:
        return text
    try:
        shorter = without(text, key)
    except ConfigError:
        return text
    return shorter if shorter.count("#") == text.count("#") else text


def renamed(text: str, key: Key, name: str, *, references: Sequence[Key] = ()) -> str:
    """Return the text with the last part of a table's key renamed to `name` in every header.

    The values at `references`, which refer to the table by name, change too.
    """
    wanted = tomllib.loads(text)
    for path in references:
        table_of(wanted, path)[path[-1]] = name
    table = table_of(wanted, key)
    table[name] = table.pop(key[-1])
    walk = Walk(text)
    walk.document()
    changes = [(walk.found[path].start, walk.found[path].end, rendered(name)) for path in references]
    for begin, end, header in walk.headers:
        if header[: len(key)] == key:
            changes.append((begin, end, typed((*key[:-1], name, *header[len(key) :]))))
    for begin, end, new in sorted(changes, reverse=True):
        text = text[:begin] + new + text[end:]
    return _first_that_reads([wanted], [text], key=key)


def table_of(tables: Any, key: Key) -> Any:  # noqa: ANN401 - tables of tomllib or of tomlkit
    """Return the table that contains the key; create missing tables on the way."""
    for part in key[:-1]:
        if part not in tables:
            tables[part] = inline({}) if isinstance(tables, InlineTable) else {}
        tables = tables[part]
    return tables


def _first_that_reads(wanted: Sequence[dict[str, Any]], proposals: Iterable[str], *, key: Key) -> str:
    """Return the first proposal that parses to one of the `wanted` settings."""
    for proposal in proposals:
        try:
            settings = tomllib.loads(proposal)
        except tomllib.TOMLDecodeError:
            continue
        if settings in wanted:
            return proposal
    raise ConfigError(
        f"`{typed(key)}` is written in a way that cannot be changed without touching the rest of the file",
        hint="change it by hand: `smol_dev config edit`",
    )


def _by_tomlkit(text: str, change: Callable[[Any], None]) -> Iterator[str]:
    """Yield the text after a change made by tomlkit, if tomlkit can make it."""
    try:
        document = tomlkit.parse(text)
        change(document)
        yield tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError):
        return


def rendered(value: object) -> str:
    """Return the value as one line of TOML; a dictionary becomes an inline table."""
    text: str = inline(value).as_string()
    return text


def rendered_table(key: Key, values: dict[str, Any]) -> str:
    """Return a table as TOML: header, plain keys, then inner tables."""
    inner = {name: value for name, value in values.items() if isinstance(value, dict)}
    lines = [f"{typed((name,))} = {rendered(value)}\n" for name, value in values.items() if name not in inner]
    tables = [rendered_table((*key, name), value) for name, value in inner.items()]
    return "\n".join([f"[{typed(key)}]\n" + "".join(lines), *tables])


def inline(value: object) -> Any:  # noqa: ANN401 - tomlkit's items have no common public type
    """Return the value as a tomlkit item that fits on one line."""
    if not isinstance(value, dict):
        return tomlkit.item(value)
    table: InlineTable = tomlkit.inline_table()
    for name, inner in value.items():
        table[name] = inline(inner)
    return table


def _with_new_line(text: str, key: Key, value: object) -> Iterator[str]:
    """Yield the text with a line for the key added in its table's section, or else in a new section."""
    lines = text.split("\n")
    line, header = f"{typed(key[-1:])} = {rendered(value)}", f"[{typed(key[:-1])}]"

    def inserted(number: int, *new: str) -> str:
        return "\n".join([*lines[:number], *new, *lines[number:]])

    if len(key) == 1 and not text.strip():
        yield appended(text, f"{line}\n")
    known = sections(text)
    for section in known:
        if section.key == key[:-1] and section.last >= 0:
            indent = lines[section.last][: -len(lines[section.last].lstrip())]
            yield inserted(section.last + 1, indent + line)
        elif section.key == key[:-1]:
            yield inserted(section.end, line, "")
    for section in reversed(known):
        if len(key) > len(("profiles", "NAME", "KEY")) and section.key[:2] == key[:2]:
            yield inserted(section.last + 1, "", header, line)
    yield appended(text, f"{header}\n{line}\n")


def appended(text: str, block: str) -> str:
    """Return the text followed by the block, with a blank line between them."""
    if not text.strip():
        return text + block
    return text.removesuffix("\n") + "\n\n" + block


def _without_sections(text: str, key: Key) -> str:
    """Return the text without a table's sections and their adjoining comments."""
    lines = text.split("\n")
    for section in reversed(sections(text)):
        if section.key[: len(key)] != key:
            continue
        end = section.last + 1
        while end < section.end and lines[end].strip():
            end += 1
        while end < section.end and not lines[end].strip():
            end += 1
        is_last = end == len(lines)
        del lines[section.start : end]
        if is_last:
            lines = [*"\n".join(lines).rstrip("\n").split("\n"), ""]
    return "\n".join(lines)
