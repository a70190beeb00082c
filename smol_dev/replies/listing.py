"""What the forms of a list have in common: files, folders and groups, read into plain entries."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from smol_dev.replies.paths import FOLDER_NAMES

Role = Literal["file", "folder", "group", "either"]
"""What an item is; `either` is a key such as `tests`, which can be a folder or a heading."""

DEEPEST: Final = 40
"""How many folders deep a list may be; no path that can be written is deeper."""

HERE: Final = frozenset({"", ".", "./", "/", "root", "(root)", "<root>"})


@dataclass(slots=True)
class Item:
    """A file with its path, or a folder or group with what is in it."""

    text: str
    role: Role = "file"
    items: list["Item"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listing:
    """One list found in an answer.

    `lead` is the words in front of it, `start` its place; `closed` says that its end was seen,
    `complete` that at most a bracket is missing.
    """

    entries: tuple[str, ...]
    start: int
    lead: str = ""
    closed: bool = True
    complete: bool = True


def entries_of(items: list[Item], *, rooted: bool = False) -> tuple[str, ...]:
    """Return the paths of the files, in order; folders with nothing in them end in a slash.

    The only folder at the top is the project's own: always when the form is `rooted`, else unless
    its name is one that projects use inside.
    """
    items = _settled(items)
    if len(items) == 1 and items[0].role == "folder" and items[0].items:
        name = items[0].text.strip("/ ")
        if rooted or not (name in FOLDER_NAMES or "/" in name):
            items = items[0].items
    return tuple(_paths(items, ""))


def _settled(items: list[Item]) -> list[Item]:
    """Return the items with groups opened, and keys that can be either decided, from the inside out."""
    for item in items:
        item.items = _settled(item.items)
    folders = _are_folders([item for item in items if item.role == "either"])
    found: list[Item] = []
    for item in items:
        if item.role == "group" or (item.role == "either" and not folders):
            found += item.items
        else:
            found.append(Item(item.text, "folder", item.items) if item.role == "either" else item)
    return found


def _are_folders(items: list[Item]) -> bool:
    """Decide whether keys above lists of files are folders rather than headings.

    Files that have folders of their own were not meant to get another one; names that would
    collide were.
    """
    below = [path for item in items for path in _paths(item.items, "")]
    if any(re.search(r"[/\\]", text.strip("/\\")) for item in items for text in _texts(item)):
        return False
    if len(set(below)) < len(below):
        return True
    return all(item.text.strip("/ ") in FOLDER_NAMES | HERE or "/" in item.text for item in items)


def _texts(item: Item) -> Iterator[str]:
    """Yield the files in an item as they were written, without the folders around them."""
    for inner in item.items:
        if inner.role == "file":
            yield inner.text
        yield from _texts(inner)


def _paths(items: Iterable[Item], prefix: str) -> Iterator[str]:
    """Yield the path of every file, those of a folder below its name unless they have it already."""
    for item in items:
        if item.role == "file":
            whole = not prefix or _begins_with(item.text, prefix)
            yield item.text if whole else prefix + item.text.removeprefix("./")
            continue
        below = _below(item.text.strip(), prefix)
        if not item.items and below:
            yield below
        yield from _paths(item.items, below)


def _below(name: str, prefix: str) -> str:
    """Return the prefix inside of a folder, whose name may have all of its path already."""
    if name in HERE:
        return prefix
    name = name.removeprefix("./").rstrip("/") + "/"
    return name if prefix and name != prefix and _begins_with(name, prefix) else prefix + name


def _begins_with(text: str, prefix: str) -> bool:
    return text.removeprefix("./").replace("\\", "/").startswith(prefix)
