"""What is wrong with the settings, in our words: where, which key, and what; never a secret."""

import json
import re
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from smol_dev.errors import ConfigError

PLACE: Final = re.compile(r"(.*):(\d+):(\d+)", re.DOTALL)
LONGEST_NAME: Final = 80
"""Letters of an unknown name that are compared with the known ones."""

HINT: Final = "correct the setting named above; `smol_dev config check` shows every problem"


class Problem(NamedTuple):
    """One thing that is wrong.

    `profile` is the profile in whose table it is, empty elsewhere; `hint` is what to type about it.
    """

    where: str
    key: str
    what: str
    profile: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.what) if part)


def config_error(problems: Iterable[Problem], *, hint: str = HINT) -> ConfigError:
    """Return all problems as one error; its message is the problem itself if there is one."""
    problems = list(problems)
    lines = lines_of(problems)
    told = [each.hint for each in problems if each.hint]
    if told and hint == HINT:
        hint = told[0] if len(lines) == 1 else f"{told[0]}; {HINT}"
    if len(lines) == 1:
        return ConfigError(lines[0], hint=hint)
    return ConfigError(f"{len(lines)} problems in the settings", hint=hint, problems=lines)


def lines_of(problems: Iterable[Problem]) -> tuple[str, ...]:
    """Return the problems as lines, each once; those of one file in the order in which they stand there."""
    files: dict[str, int] = {}

    def place(problem: Problem) -> tuple[int, int, int]:
        match = PLACE.fullmatch(problem.where)
        file, line, column = match.groups() if match else (problem.where, 0, 0)
        return files.setdefault(file, len(files)), int(line), int(column)

    return tuple(dict.fromkeys(str(problem) for problem in sorted(problems, key=place)))


def shown(value: object) -> str:
    """Return a value in back-ticks, on one line and not long; tables and lists only by their kind."""
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
    """Return the known name that was probably meant; empty if no slip of the fingers explains the other.

    Such a slip is one letter too many, too few, wrong or swapped with the next, in three letters; at
    most three of them.
    """
    typed_name = fold(name)[:LONGEST_NAME]
    most = min(len(typed_name) // 3, 3)
    close = [each for each in known if abs(len(each) - len(typed_name)) <= most]
    slips = {each: _slips_between(typed_name, fold(each)) for each in close}
    best = min(slips, key=lambda each: slips[each], default="")
    return best if best and slips[best] <= most else ""


def _slips_between(one: str, other: str) -> int:
    """Return how many letters are too many, too few, wrong or swapped: the Damerau-Levenshtein distance."""
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
    """Return `; did you mean …?`, or nothing."""
    near = nearest(name, known)
    return f"; did you mean `{near}`?" if near else ""


def nothing_named(kind: str, name: str, known: Collection[str]) -> str:
    """Return what is wrong with a name that nothing of this kind bears."""
    return f"there is no {kind} {shown(name)}{did_you_mean(name, known)}"


def fold(name: str) -> str:
    """Return a name without its case and with `-` as `_`."""
    return name.replace("-", "_").casefold()


def dotted(key: Iterable[str]) -> str:
    """Return a key as TOML writes it: `profiles."a.b".model`."""
    return ".".join(part if _bare(part) else f'"{shown(part)[1:-1]}"' for part in key)


def typed(key: Iterable[str]) -> str:
    """Return a key in full, as TOML reads it: what `dotted` shortens or escapes for the eye is whole."""
    in_quotes = (part if _bare(part) else json.dumps(part, ensure_ascii=False) for part in key)
    return ".".join(in_quotes).replace("\x7f", "\\u007f")


def _bare(part: str) -> bool:
    """Return whether TOML takes the name without quotes."""
    return part.isascii() and part != "" and part.replace("-", "").replace("_", "a").isalnum()
