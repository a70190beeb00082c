"""What the containers of a list have in common: files, folders and groups, read into plain entries."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from smol_dev.replies.path_words import FOLDER_NAMES

Role = Literal["file", "folder", "group", "either"]
"""What an item is; `either` is a key such as `tests`, which can be a folder or a heading."""

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

    `rank` is how sure its form makes us, `lead` the words in front of it, `start` its place;
    `closed` says that its end was seen, `complete` that no quote or bracket is missing.
    """

    entries: tuple[str, ...]
    rank: int
    start: int
    lead: str = ""
    closed: bool = True
    complete: bool = True


def entries_of(items: list[Item], *, rooted: bool = False) -> tuple[str, ...]:
    """Return the paths of the files, in order; folders with nothing in them end in a slash.

    The only folder at the top is the project's own (F7): always when the form is `rooted`, else
    unless its name is one that projects use inside.
    """
    items = list(grouped(items))
    while len(items) == 1 and items[0].role == "folder" and items[0].items:
        name = items[0].text.strip("/ ")
        if not rooted and (name in FOLDER_NAMES or "/" in name):
            break
        items = list(grouped(items[0].items))
        break
    return tuple(paths(items, ""))


def grouped(items: list[Item]) -> Iterator[Item]:
    """Yield the items with groups opened, and keys that can be either decided."""
    folders = either_are_folders([item for item in items if item.role == "either"])
    for item in items:
        if item.role == "group" or (item.role == "either" and not folders):
            yield from grouped(item.items)
        elif item.role == "either":
            yield Item(item.text, "folder", item.items)
        else:
            yield item


def either_are_folders(items: list[Item]) -> bool:
    """Decide whether keys above lists of files are folders rather than headings.

    Files that have folders of their own were not meant to get another one; names that would
    collide were.
    """
    if not items:
        return False
    below = [list(paths(list(grouped(item.items)), "")) for item in items]
    every = [path for found in below for path in found]
    if any(re.search(r"[/\\]", text.strip("/\\")) for item in items for text in texts(item)):
        return False
    if len(set(every)) < len(every):
        return True
    names = [item.text.strip("/ ") for item in items]
    return all(
        name in FOLDER_NAMES or "/" in item.text or name in HERE
        for name, item in zip(names, items, strict=True)
    )


def texts(item: Item) -> Iterator[str]:
    """Yield the files in an item as they were written, without the folders around them."""
    for inner in item.items:
        if inner.role == "file":
            yield inner.text
        yield from texts(inner)


def paths(items: Iterable[Item], prefix: str) -> Iterator[str]:
    """Yield the path of every file, those of a folder below its name unless they have it already."""
    for item in items:
        if item.role == "file":
            text = item.text
            yield (
                text
                if not prefix or begins_with(text, prefix)
                else prefix + text.removeprefix("./")
            )
            continue
        name = item.text.strip()
        below = prefix
        if name not in HERE:
            name = name.removeprefix("./").rstrip("/") + "/"
            is_whole = name != prefix and begins_with(name, prefix)
            below = name if prefix and is_whole else prefix + name
        inner = list(grouped(item.items))
        if not inner and below:
            yield below
        yield from paths(inner, below)


def begins_with(text: str, prefix: str) -> bool:
    """Tell whether a path is already given with the folders above it."""
    start = text.removeprefix("./").replace("\\", "/")
    return start.startswith(prefix)
