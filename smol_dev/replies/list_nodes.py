"""The path that one object of a list stands for, whatever its keys are called."""

import re
from typing import Final

from smol_dev.replies.list_strings import decoded
from smol_dev.replies.literals import Node
from smol_dev.replies.path_words import (
    is_file_like,
    is_path_like,
    without_description,
)

PATH_KEYS: Final = (
    "path", "filepath", "fullpath", "relativepath", "relpath", "filename", "file", "targetfile", "target",
    "name", "title", "uri", "location", "key", "id",
)  # fmt: skip


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
