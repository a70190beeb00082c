"""Where the tables of a TOML text begin and end, as line numbers.

tomllib gives values without lines, and tomlkit lines without numbers; a new line belongs at the end
of its table and before the comments of the next, which takes numbers.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from smol_dev.config.layers import Key

HEADER: Final = re.compile(r"\s*\[.*\]\s*(#.*)?")
NOT_A_SETTING: Final = re.compile(r"\s*(#.*)?")


@dataclass(frozen=True, slots=True)
class Section:
    """A table header and the lines under it, by their numbers from 0.

    `start` is the first comment line that touches the header from above, `last` the last line that
    is neither empty nor a comment, `end` the `start` of the next section. The lines before the
    first header are the section with the empty key, whose `header` is -1.
    """

    key: Key
    start: int
    header: int
    last: int
    end: int


def sections(text: str) -> list[Section]:
    """The sections of a text that is valid TOML, in order."""
    lines = text.split("\n")
    headers = [(-1, ()), *headers_of(lines)]
    starts = [comments_above(lines, header) if header >= 0 else 0 for header, _ in headers]
    ends = [*starts[1:], len(lines)]
    return [
        Section(key, start, header, last_setting(lines, header, end), end)
        for (header, key), start, end in zip(headers, starts, ends, strict=True)
    ]


def headers_of(lines: list[str]) -> Iterator[tuple[int, Key]]:
    """Each header's line and key; a line inside a string or a list is none."""
    begin = 0
    for number, line in enumerate(lines):
        if HEADER.fullmatch(line) is None:
            continue
        key = header_key(line)
        if key and is_toml("\n".join(lines[begin:number])):
            begin = number
            yield number, key


def header_key(line: str) -> Key:
    """The key in a header, empty if the line is none."""
    if not is_toml(line):
        return ()
    key: Key = ()
    table: Any = tomllib.loads(line)
    while table:
        if isinstance(table, list):
            table = table[-1]
            continue
        name = next(iter(table))
        key, table = (*key, name), table[name]
    return key


def is_toml(text: str) -> bool:
    """Whether the text is complete TOML by itself."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def comments_above(lines: list[str], number: int) -> int:
    """The first of the comment lines that touch a line from above; `#:schema` is the file's own."""
    while number > 0 and re.match(r"\s*#(?!:)", lines[number - 1]):
        number -= 1
    return number


def last_setting(lines: list[str], header: int, end: int) -> int:
    """The last line before `end` that says something, or the header."""
    for number in range(end - 1, header, -1):
        if NOT_A_SETTING.fullmatch(lines[number]) is None:
            return number
    return header
