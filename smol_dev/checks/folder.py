"""A folder as it is on disk, read for a check: bounded, and without what is hidden, ignored or made by a build."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LEFT_OUT: Final = frozenset(
    "node_modules venv env virtualenv __pycache__ site-packages bower_components vendor dist build target htmlcov".split()
)
MOST_BYTES: Final = 1024 * 1024
MOST_FILES: Final = 20_000
LONGEST_PATTERN: Final = 500


@dataclass
class Folder:
    """The texts in a folder, the other paths, and whether there were more than are read."""

    files: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    cut: bool = False


def read(root: Path) -> Folder:
    """Read a folder. Links are not followed; what is no regular file is left out."""
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
            if len(found.files) + len(found.others) >= MOST_FILES:
                found.cut = True
                break
            is_folder = entry.is_dir(follow_symlinks=False)
            left_out = entry.name.startswith(".") or _matches(rules, path, is_folder=is_folder)
            if is_folder and (
                left_out or entry.name in LEFT_OUT or (root / path / "pyvenv.cfg").exists()
            ):
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


def read_text(path: Path) -> str | None:
    """The text of a regular file of at most 1 MiB in UTF-8; None for any other."""
    try:
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        )
        with open(descriptor, "rb") as file:  # noqa: PTH123 - the descriptor is what was looked at
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES or b"\0" in raw:
            return None
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None


Rule = tuple[bool, bool, "re.Pattern[str]"]
"""Whether it takes back an earlier one, whether it is for folders only, and what it matches."""


def _ignored(root: Path, folder: str) -> tuple[Rule, ...]:
    text = read_text(root / folder / ".gitignore")
    return tuple(_rules(text, folder)) if text else ()


def _rules(text: str, folder: str) -> Iterator[Rule]:
    for line in text.splitlines()[:2000]:
        pattern = line.rstrip()
        if not pattern or pattern.startswith("#") or len(pattern) > LONGEST_PATTERN:
            continue
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!").removeprefix("\\")
        only_folders = pattern.endswith("/")
        pattern = pattern.rstrip("/")
        anchored = "/" in pattern
        base = re.escape(f"{folder}/" if folder else "")
        start = base if anchored else f"{base}(?:.*/)?"
        yield negated, only_folders, re.compile(start + _glob(pattern.lstrip("/")) + r"\Z")


def _glob(pattern: str) -> str:
    parts = []
    for piece in re.findall(r"\*\*/|/\*\*\Z|\*+|\?|\[[^\]/]+\]|.", pattern):
        match piece:
            case "**/":
                parts.append("(?:.*/)?")
            case "/**":
                parts.append("/.*")
            case "?":
                parts.append("[^/]")
            case _ if piece.startswith("*"):
                parts.append("[^/]*")
            case _ if piece.startswith("[") and len(piece) > 1:
                parts.append("[" + piece[1:-1].replace("!", "^", 1).replace("\\", "\\\\") + "]")
            case _:
                parts.append(re.escape(piece))
    return "".join(parts)


def _matches(rules: tuple[Rule, ...], path: str, *, is_folder: bool) -> bool:
    for negated, only_folders, pattern in reversed(rules):
        if (is_folder or not only_folders) and pattern.match(path):
            return not negated
    return False
