"""Where things stand in a TOML text that tomllib has accepted: every key, and the lines of every table.

tomllib forgets where values stand, and tomlkit has lines without numbers. This walks the text again
and only measures: what is valid, and what a value is, tomllib has decided, so a string, date or number
is skipped, not read. Run only when a place has to be named (an error, `--origin`, `config explain`) or
a file is edited.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Final, NamedTuple

Path = tuple[str | int, ...]
"""A key from the top of the file; numbers are places in an array, from 0."""

GAP: Final = re.compile(r"(?:[ \t\n\r]|#[^\n]*)*")
BLANK: Final = re.compile(r"[ \t]*")
NAME: Final = re.compile(r'[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'')
SCALAR: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n]*",
    re.DOTALL,
)
NOT_A_SETTING: Final = re.compile(r"\s*(#.*)?")


class Position(NamedTuple):
    """Where a key stands, line and column from 1, and where its value begins and ends in the text."""

    line: int
    column: int
    start: int = 0
    end: int = 0


@lru_cache(maxsize=64)
def positions(text: str) -> Mapping[Path, Position]:
    """Return the position of each key, table and array item, where it is mentioned first."""
    walk = Walk(text.replace("\r\n", "\n"))
    walk.document()
    return walk.found


class Walk:
    """One pass over a text; `at` is the place in it that is read next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Position] = {}
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.arrays: dict[Path, int] = {}
        self.headers: list[tuple[int, tuple[str, ...]]] = []

    def document(self) -> None:
        """Note every table header and setting, to the end of the text."""
        table: Path = ()
        while self.skip(GAP) < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(brackets=2)
            elif self.text.startswith("[", self.at):
                table = self.header(brackets=1)
            else:
                self.setting(table)

    def header(self, *, brackets: int) -> Path:
        """Pass `[table]` or `[[array of tables]]`; return the path that the settings below it belong to."""
        self.at += brackets
        names = self.dotted()
        self.headers.append((bisect_right(self.lines, self.at) - 1, tuple(name for name, _ in names)))
        self.at += brackets
        path: Path = ()
        for place, (name, begin) in enumerate(names):
            path = (*path, name)
            self.note(path, begin)
            if brackets == 2 and place == len(names) - 1:  # noqa: PLR2004 - `[[`
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path = (*path, self.arrays[path])
                self.note(path, begin)
        return path

    def setting(self, table: Path) -> None:
        """Pass `key = value`, dotted keys and inline tables included."""
        path, begin = table, self.at
        for name, begin in self.dotted():
            path = (*path, name)
            self.note(path, begin)
        self.at += 1
        self.skip(BLANK)
        start = self.at
        self.value(path)
        known = self.found[path]
        if known.end == 0:
            self.found[path] = Position(known.line, known.column, start, self.at)

    def value(self, path: Path) -> None:
        """Pass whatever stands after `=`; keys inside it are noted below `path`."""
        opening = self.text[self.at : self.at + 1]
        if opening == "[":
            for number in self.items("]"):
                self.note((*path, number), self.at)
                self.value((*path, number))
        elif opening == "{":
            for _ in self.items("}"):
                self.setting(path)
        else:
            self.skip(SCALAR)

    def items(self, end: str) -> Iterator[int]:
        """Yield the number of each item up to the bracket at their end; the item itself is passed meanwhile."""
        self.at += 1
        self.skip(GAP)
        for number in count():
            if self.text.startswith(end, self.at):
                break
            yield number
            self.skip(GAP)
            if self.text.startswith(",", self.at):
                self.at += 1
                self.skip(GAP)
        self.at += 1

    def dotted(self) -> list[tuple[str, int]]:
        """Return the names of a dotted key with the place of each; leave `at` on what follows the key."""
        names: list[tuple[str, int]] = []
        while True:
            self.skip(BLANK)
            begin = self.at
            end = self.skip(NAME)
            names.append((_plain(self.text[begin:end]), begin))
            self.skip(BLANK)
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> int:
        """Move past the pattern, which may match nothing; return the new place."""
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def note(self, path: Path, at: int) -> None:
        """Remember where a path is first mentioned."""
        if path not in self.found:
            line = bisect_right(self.lines, at)
            self.found[path] = Position(line, at - self.lines[line - 1] + 1)


def _plain(name: str) -> str:
    """Return a key as tomllib gives it: without its quotes and escapes."""
    return next(iter(tomllib.loads(f"{name} = 0"))) if name[0] in "\"'" else name


@dataclass(frozen=True, slots=True)
class Section:
    """A table header and the lines under it, by their numbers from 0.

    `start` is the first comment line that touches the header from above, `last` the last line that
    is neither empty nor a comment, `end` the `start` of the next section. The lines before the
    first header are the section with the empty key, whose `header` is -1.
    """

    key: tuple[str, ...]
    start: int
    header: int
    last: int
    end: int


def sections(text: str) -> list[Section]:
    """Return the sections of a text that is valid TOML, in order."""
    walk = Walk(text)
    walk.document()
    lines = text.split("\n")
    headers = [(-1, ()), *walk.headers]
    starts = [_comments_above(lines, header) if header >= 0 else 0 for header, _ in headers]
    ends = [*starts[1:], len(lines)]
    return [
        Section(key, start, header, _last_setting(lines, header, end), end)
        for (header, key), start, end in zip(headers, starts, ends, strict=True)
    ]


def _comments_above(lines: list[str], number: int) -> int:
    """Return the first of the comment lines that touch a line from above; `#:schema` is the file's own."""
    while number > 0 and re.match(r"\s*#(?!:)", lines[number - 1]):
        number -= 1
    return number


def _last_setting(lines: list[str], header: int, end: int) -> int:
    """Return the last line before `end` that says something, or the header."""
    for number in range(end - 1, header, -1):
        if NOT_A_SETTING.fullmatch(lines[number]) is None:
            return number
    return header
