"""The files that are checked together, and the problems found in them."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from heapq import nsmallest
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; line and column count from 1."""

    path: str
    line: int
    column: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


@dataclass(frozen=True)
class Project:
    """Texts by their path, and the other paths that exist; paths are relative, with slashes.

    A path of `others` that ends with a slash is a folder with unknown content.
    """

    files: Mapping[str, str]
    others: frozenset[str] = frozenset()

    @cached_property
    def paths(self) -> frozenset[str]:
        """Every file."""
        return frozenset(self.files) | self.others

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, however deep; the root is the empty path."""
        return frozenset(folder for path in self.paths for folder in above(path))

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The paths that have the same last part."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            found.setdefault(posixpath.basename(path), []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    @cached_property
    def children(self) -> Mapping[str, frozenset[str]]:
        """The names directly in each folder, up to the first dot."""
        found: dict[str, set[str]] = {}
        for path in (*self.paths, *self.folders):
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, set()).add(name.partition(".")[0])
        return {folder: frozenset(names) for folder, names in found.items()}

    @cached_property
    def listing(self) -> Mapping[str, tuple[str, ...]]:
        """The files directly in each folder."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            found.setdefault(posixpath.dirname(path), []).append(path)
        return {folder: tuple(paths) for folder, paths in found.items()}

    @cached_property
    def stems(self) -> frozenset[str]:
        """The names of all files and folders, up to the first dot."""
        return frozenset(name for names in self.children.values() for name in names)

    @cached_property
    def compiled(self) -> Mapping[str, str]:
        """The compiled modules of Python, by their path without its ending."""
        compiled = (path for path in self.paths if path.endswith((".so", ".pyd")))
        return {
            posixpath.join(posixpath.dirname(path), posixpath.basename(path).partition(".")[0]): path
            for path in compiled
        }

    def exists(self, path: str) -> bool:
        """Return whether this is a file or a folder, or may be one."""
        return path in self.paths or path in self.folders or self.may_hold(path)

    def may_hold(self, path: str) -> bool:
        """Return whether the path is in a folder that was not read."""
        return any(f"{folder}/" in self.others for folder in (path, *above(path)))

    def ending(self, end: str) -> tuple[str, ...]:
        """Return the files whose path is this one, or ends with it."""
        end = end.lstrip("/")
        named = self.names.get(posixpath.basename(end), ())
        return tuple(path for path in named if path == end or path.endswith(f"/{end}"))


def above(path: str) -> Iterator[str]:
    """Yield the folders of a path, the innermost first; the last is the root."""
    path = path.strip("/")
    while path:
        path = posixpath.dirname(path)
        yield path


def beside(path: str, reference: str) -> str | None:
    """Return the path that a reference means in a file; None when it leads out of the project."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), reference))
    return None if joined.startswith("..") else "" if joined == "." else joined


BUILT: Final = frozenset(
    "dist build out lib target public node_modules bower_components .next pkg _site coverage es cjs esm bin generated gen".split()
)
"""The folders that builds fill."""


def is_built(project: Project, path: str) -> bool:
    """Return whether a path is in a folder for build output that does not exist yet."""
    folders = path.strip("./").split("/")[:-1]
    made = [at for at, name in enumerate(folders) if name in BUILT]
    return bool(made) and not any(
        each == (inner := "/".join(folders[: made[0] + 1])) or each.endswith(f"/{inner}") for each in project.folders
    )


RANKED: Final = 50


def nearest(name: str, there: Iterable[str]) -> list[str]:
    """Return the most similar names first, at most five."""

    def distance(other: str) -> tuple[bool, int, str]:
        return other[:2] != name[:2], abs(len(other) - len(name)), other

    def unlikeness(other: str) -> tuple[float, str]:
        return -SequenceMatcher(None, name, other).ratio(), other

    names = {each for each in there if each != name}
    some = names if len(names) <= RANKED else nsmallest(RANKED, names, key=distance)
    return sorted(some, key=unlikeness)[:5]


def instead(name: str, there: Iterable[str], what: str) -> str:
    """Return the similar names that exist, as the end of a message."""
    listed = nearest(name, there)
    return f"; {what}: " + ", ".join(f"`{each}`" for each in listed) if listed else ""


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
