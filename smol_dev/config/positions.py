"""Line and column of every key in a TOML text that tomllib has accepted.

tomllib forgets where values stand. This walks the text again and only measures: what is valid, and
what a value is, tomllib has decided, so a string, date or number is skipped, not read. Run only when
a place has to be named (an error, `--origin`, `config explain`).
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
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


class Position(NamedTuple):
    """Where a key stands, line and column from 1, and where its value begins and ends in the text."""

    line: int
    column: int
    start: int = 0
    end: int = 0


def positions(text: str) -> Mapping[Path, Position]:
    """The position of each key, table and array item, where it is mentioned first."""
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

    def document(self) -> None:
        """Every table header and setting, to the end of the text."""
        table: Path = ()
        while self.skip(GAP) < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(brackets=2)
            elif self.text.startswith("[", self.at):
                table = self.header(brackets=1)
            else:
                self.setting(table)

    def header(self, *, brackets: int) -> Path:
        """`[table]` or `[[array of tables]]`; the path that the settings below it belong to."""
        self.at += brackets
        names = self.dotted()
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
        """`key = value`, dotted keys and inline tables included."""
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
        """Whatever stands after `=`; keys inside it are noted below `path`."""
        opening = self.text[self.at : self.at + 1]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline_table(path)
        else:
            self.skip(SCALAR)

    def array(self, path: Path) -> None:
        """`[a, b]`, over any number of lines."""
        self.at += 1
        number = 0
        self.skip(GAP)
        while not self.text.startswith("]", self.at):
            self.note((*path, number), self.at)
            self.value((*path, number))
            number += 1
            self.separator()
        self.at += 1

    def inline_table(self, path: Path) -> None:
        """`{a = 1, b.c = 2}`."""
        self.at += 1
        self.skip(GAP)
        while not self.text.startswith("}", self.at):
            self.setting(path)
            self.separator()
        self.at += 1

    def separator(self) -> None:
        """The comma after an item, if there is one, and the space around it."""
        self.skip(GAP)
        if self.text.startswith(",", self.at):
            self.at += 1
            self.skip(GAP)

    def dotted(self) -> list[tuple[str, int]]:
        """The names of a dotted key with the place of each; leaves `at` on what follows the key."""
        names: list[tuple[str, int]] = []
        while True:
            self.skip(BLANK)
            begin = self.at
            end = self.skip(NAME)
            names.append((plain(self.text[begin:end]), begin))
            self.skip(BLANK)
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> int:
        """Move past the pattern, which may match nothing; the new place."""
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def note(self, path: Path, at: int) -> None:
        """Remember where a path is first mentioned."""
        if path not in self.found:
            line = bisect_right(self.lines, at)
            self.found[path] = Position(line, at - self.lines[line - 1] + 1)


def plain(name: str) -> str:
    """A key as tomllib gives it: without its quotes and escapes."""
    return next(iter(tomllib.loads(f"{name} = 0"))) if name[0] in "\"'" else name
