"""The files of a folder, read for a check: a limited number, none of them hidden, ignored or made by a build."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path
from typing import Final

LEFT_OUT: Final = frozenset(
    "node_modules venv env virtualenv __pycache__ site-packages bower_components vendor dist build target htmlcov".split()
)
MOST_BYTES: Final = 1024 * 1024
MOST_FILES: Final = 20_000
MOST_TEXT: Final = 256 * 1024 * 1024
MOST_RULES: Final = 500
LONGEST_PATTERN: Final = 500


@dataclass
class Folder:
    """The texts in a folder, the other paths, and whether there were more than are read."""

    files: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    cut: bool = False
    size: int = 0


def read(root: Path) -> Folder:
    """Return the files in a folder. Links are not followed; only regular files count."""
    found = Folder()
    ignored = _ignored(root, "")
    waiting = [("", ignored)]
    while waiting and not found.cut:
        folder, rules = waiting.pop()
        try:
            with os.scandir(root / folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if len(found.files) + len(found.others) >= MOST_FILES or found.size > MOST_TEXT:
                found.cut = True
                break
            is_folder = entry.is_dir(follow_symlinks=False)
            left_out = entry.name.startswith(".") or _matches(rules, path, is_folder=is_folder)
            if is_folder and (left_out or entry.name in LEFT_OUT or (root / path / "pyvenv.cfg").exists()):
                found.others.add(f"{path}/")
            elif is_folder:
                waiting.append((path, (*rules, *_ignored(root, path))))
            elif entry.is_symlink():
                found.others.update({path, f"{path}/"})
            elif left_out:
                found.others.add(path)
            elif entry.is_file(follow_symlinks=False):
                _take(found, root, path)
    return found


def _take(found: Folder, root: Path, path: str) -> None:
    text = read_text(root / path)
    if text is None:
        found.others.add(path)
    else:
        found.files[path] = text
        found.size += len(text)


def read_text(path: Path) -> str | None:
    """Return the text of a regular file of at most 1 MiB in UTF-8; None for any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123 - the descriptor is what was looked at
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES or b"\0" in raw:
            return None
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None


@dataclass(frozen=True)
class Rule:
    """A line of a .gitignore: the paths below its folder that it excludes or includes again.

    A part of None stands for any folders; the other parts each match one name.
    """

    parts: "tuple[re.Pattern[str] | None, ...]"
    depth: int
    negated: bool
    only_folders: bool

    def matches(self, names: list[str]) -> bool:
        """Return whether the rule is about the path of these names; the time grows with their number only."""
        reached = {self.depth}
        for part in self.parts:
            if part is None:
                reached = set(range(min(reached), len(names) + 1))
            else:
                reached = {at + 1 for at in reached if at < len(names) and part.match(names[at])}
            if not reached:
                return False
        return len(names) in reached


def _ignored(root: Path, folder: str) -> tuple[Rule, ...]:
    text = read_text(root / folder / ".gitignore")
    return tuple(_rules(text, folder)) if text else ()


def _rules(text: str, folder: str) -> Iterator[Rule]:
    depth = len(folder.split("/")) if folder else 0
    for line in text.splitlines()[:MOST_RULES]:
        pattern = line.rstrip()
        if not pattern or pattern.startswith("#") or len(pattern) > LONGEST_PATTERN:
            continue
        plain = pattern.removeprefix("!").removeprefix("\\")
        names = plain.strip("/").split("/")
        anywhere = () if "/" in plain.rstrip("/") else (None,)
        parts = (None if name == "**" else re.compile(translate(name)) for name in names)
        yield Rule((*anywhere, *parts), depth, pattern.startswith("!"), plain.endswith("/"))


def _matches(rules: tuple[Rule, ...], path: str, *, is_folder: bool) -> bool:
    names = path.split("/")
    for rule in reversed(rules):
        if (is_folder or not rule.only_folders) and rule.matches(names):
            return not rule.negated
    return False
