"""The path that one object of a list stands for, whatever its keys are called."""

import re

from smol_dev.replies.list_keys import CHILD_KEYS, EMPTY, PATH_KEYS
from smol_dev.replies.list_mentions import COMMAND
from smol_dev.replies.list_strings import decoded, plain
from smol_dev.replies.listings import Item
from smol_dev.replies.literals import Node
from smol_dev.replies.path_words import (
    is_file_like,
    is_known_file,
    is_path_like,
    is_spoken,
    without_description,
)


def text_under(keys: tuple[str, ...], named: dict[str, Node]) -> str:
    """Return the text under the first of some keys that has one, or nothing."""
    return next((named[key].text for key in keys if key in named and named[key].text), "")


def path_named(named: dict[str, Node]) -> str | None:
    """Return the path under the first key for one that has a path, or None."""
    found = (path_in(named[key]) for key in PATH_KEYS if key in named)
    return next((path for path in found if path), None)


def holds_items(node: Node) -> bool:
    """Tell whether a value is a list or an object."""
    return node.shape in {"array", "object"}


def path_in(node: Node) -> str | None:
    """Return the path that a value is, or None."""
    if node.shape in {"array", "object"}:
        return None
    text = without_description(decoded(node.text))
    return text if is_path_like(text) and not text.endswith("/") else None


def other_name(named: dict[str, Node], name: str) -> str | None:
    """Return the folder that a second key gives beside a file's name."""
    for key in (*PATH_KEYS[:4], "location"):
        text = decoded(named[key].text).strip() if key in named else ""
        if text and text != name and not is_file_like(text):
            return text
    return None


def in_folder(name: str, folder: str | None) -> str:
    """Return a file's path below the folder given beside it."""
    if not folder or " " in folder.strip():
        return name
    if re.search(r"[/\\]", name) is None or not name.replace("\\", "/").startswith(
        folder.rstrip("/") + "/"
    ):
        return f"{folder.strip().rstrip('/')}/{name}" if folder.strip(" ./") else name
    return name


def is_container(node: Node) -> bool:
    """Tell whether a value can hold several files: also a string with an encoded list."""
    return node.shape in {"array", "object"} or (
        node.shape == "string" and node.text.lstrip()[:1] in {"[", "{"}
    )


def describes_file(node: Node) -> bool:
    """Tell whether an object is about one file, with its path under a key."""
    return any(
        key is not None and plain(key.text) in PATH_KEYS and path_in(value)
        for key, value in node.items
    )


def is_pair(node: Node, *, inside: bool) -> bool:
    """Tell whether a list is one file and words about it; a single word only `inside` another list."""
    texts = [value for key, value in node.items if key is None]
    if not 2 <= len(texts) <= 4 or len(texts) < len(node.items):  # noqa: PLR2004 - a row, not a list
        return False
    if any(value.shape in {"array", "object"} for value in texts):
        return False
    first, *rest = (decoded(value.text) for value in texts)
    return is_file_like(first) and all(
        (inside or re.search(r"\w\s+\w", text)) and not is_file_like(text) and "/" not in text
        for text in rest
    )


def is_entry_key(text: str, value: Node) -> bool:
    """Tell whether a key is a file rather than a word about one."""
    if is_file_like(without_description(text)) and not text.endswith("/"):
        return True
    return (
        bool(re.search(r"[/\\]\S*\w$", text))
        and " " not in text
        and value.shape in {"string", "bare"}
    )


def keyed_file(text: str, value: Node) -> Item:
    """Return the file of a key; its value if that is the same file with its folders."""
    if (
        value.shape == "string"
        and re.split(r"[/\\]", value.text)[-1] == text
        and value.text != text
    ):
        return Item(decoded(value.text))
    return Item(without_description(text))


def is_value(text: str, word: str) -> bool:
    """Tell whether a value beside a key such as `1` or `entry_point` is a file."""
    if COMMAND.match(text) or is_spoken(text):
        return False
    if word.isdigit() or re.fullmatch(r"(?:file|path|item)?\d*", word):
        return is_path_like(text)
    return is_known_file(text)


def bare_keys(keyed: list[tuple[Node, Node]]) -> list[Item]:
    """Return keys without ending that stand for files because they have nothing in them."""
    names = [
        key.text
        for key, value in keyed
        if value.shape in {"string", "bare"} and value.text.lower() in EMPTY
    ]
    return [
        Item(name) for name in names if re.fullmatch(r"[\w.-]+", name) and len(names) == len(keyed)
    ]


def has_files(node: Node) -> bool:
    """Tell whether a value has names of files as keys, as a folder does."""
    return any(key is not None and is_known_file(key.text) for key, _ in node.items)


def wraps(node: Node) -> bool:
    """Tell whether an object holds its files below a key such as `files`."""
    words = [plain(key.text) for key, _ in node.items if key is not None]
    return any(word in CHILD_KEYS or word in {"paths", "list", "filepaths"} for word in words)


def is_schema(node: Node) -> bool:
    """Tell whether a value describes what data has to look like instead of being data."""
    named = {plain(key.text): value for key, value in node.items if key is not None}
    kind = named.get("type")
    return (
        kind is not None
        and kind.text in {"array", "string", "object"}
        and not any(
            value.shape == "array"
            and plain_key not in {"required", "enum", "examples"}
            and value.items
            for plain_key, value in named.items()
        )
        and "children" not in named
        and "properties" not in named
    )
