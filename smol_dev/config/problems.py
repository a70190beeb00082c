"""Problems in the settings, in our own words: where, which key, and what is wrong; never a secret."""

import json
import re
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from smol_dev.errors import ConfigError

PLACE: Final = re.compile(r"(.*):(\d+):(\d+)", re.DOTALL)
LONGEST_NAME: Final = 80
"""How many letters of an unknown name are compared with the known ones."""

HINT: Final = "correct the setting named above; `smol_dev config check` shows every problem"


class Problem(NamedTuple):
    """One problem in the settings.

    `profile` is the profile whose table has the problem, empty elsewhere; `hint` says what to do about it.
    """

    where: str
    key: str
    what: str
    profile: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.what) if part)


def config_error(problems: Iterable[Problem], *, hint: str = HINT) -> ConfigError:
    """Return all problems as one error; a single problem becomes its message."""
    problems = list(problems)
    lines = lines_of(problems)
    told = [each.hint for each in problems if each.hint]
    if told and hint == HINT:
        hint = told[0] if len(lines) == 1 else f"{told[0]}; {HINT}"
    if len(lines) == 1:
        return ConfigError(lines[0], hint=hint)
    return ConfigError(f"{len(lines)} problems in the settings", hint=hint, problems=lines)


def lines_of(problems: Iterable[Problem]) -> tuple[str, ...]:
    """Return the problems as lines, each once, grouped by file and in the order of their positions."""
    files: dict[str, int] = {}

    def place(problem: Problem) -> tuple[int, int, int]:
        match = PLACE.fullmatch(problem.where)
        file, line, column = match.groups() if match else (problem.where, 0, 0)
        return files.setdefault(file, len(files)), int(line), int(column)

    return tuple(dict.fromkeys(str(problem) for problem in sorted(problems, key=place)))


def shown(value: object) -> str:
    """Return a value in backticks, on one short line; a table or list only as its kind."""
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case str():
            text = value.encode("unicode_escape").decode() if not value.isprintable() else value
            return f"`{text if len(text) <= 60 else text[:60] + '…'}`"  # noqa: PLR2004 - one line
        case int() if abs(value) >= 10**60:
            return "a very large number"
        case _:
            return f"`{value}`"


def nearest(name: str, known: Collection[str]) -> str:
    """Return the known name that was probably meant; empty if no name is close enough.

    Close means at most one typing error (an extra, missing, wrong or transposed letter) for every three
    letters, and at most three in all.
    """
    typed_name = fold(name)[:LONGEST_NAME]
    most = min(len(typed_name) // 3, 3)
    close = [each for each in known if abs(len(each) - len(typed_name)) <= most]
    slips = {each: _slips_between(typed_name, fold(each)) for each in close}
    best = min(slips, key=lambda each: slips[each], default="")
    return best if best and slips[best] <= most else ""


def _slips_between(one: str, other: str) -> int:
    """Return the Damerau-Levenshtein distance: the number of extra, missing, wrong or transposed letters."""
    earlier: list[int] = []
    above = list(range(len(other) + 1))
    for row, (before, letter) in enumerate(pairwise(f" {one}"), start=1):
        here = [row]
        for column, (left, across) in enumerate(pairwise(f" {other}"), start=1):
            cost = min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != across))
            if row > 1 and column > 1 and (before, letter) == (across, left):
                cost = min(cost, earlier[column - 2] + 1)
            here.append(cost)
        earlier, above = above, here
    return above[-1]


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return `; did you mean …?`; empty if no known name is close."""
    near = nearest(name, known)
    return f"; did you mean `{near}`?" if near else ""


def nothing_named(kind: str, name: str, known: Collection[str]) -> str:
    """Return the message that there is no such profile, prompt variant or other kind of thing."""
    return f"there is no {kind} {shown(name)}{did_you_mean(name, known)}"


def fold(name: str) -> str:
    """Return a name for comparison: case folded, and `_` for `-`."""
    return name.replace("-", "_").casefold()


def dotted(key: Iterable[str]) -> str:
    """Return a dotted key for display, quoted as in TOML: `profiles."a.b".model`."""
    return ".".join(part if _bare(part) else f'"{shown(part)[1:-1]}"' for part in key)


def typed(key: Iterable[str]) -> str:
    """Return a dotted key as exact TOML, without the shortening and escaping of `dotted`."""
    in_quotes = (part if _bare(part) else json.dumps(part, ensure_ascii=False) for part in key)
    return ".".join(in_quotes).replace("\x7f", "\\u007f")


def _bare(part: str) -> bool:
    """Return whether the name needs no quotes in TOML."""
    return part.isascii() and part != "" and part.replace("-", "").replace("_", "a").isalnum()
