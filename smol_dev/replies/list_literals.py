r"""Arrays and objects in an answer, in JSON and every spelling near it → the files they list (F1)."""

import re
from collections.abc import Callable
from typing import Final

from smol_dev.replies.list_keys import (
    ANNOUNCED,
    CALL_KEYS,
    CHILD_KEYS,
    EMPTY,
    FOLDER_KEYS,
    FOLDER_LISTS,
    FOLDER_WORD,
    IGNORED,
    PATH_KEYS,
    SETTINGS,
    UNUSED,
    WRAPPER,
)
from smol_dev.replies.list_nodes import (
    bare_keys,
    describes_file,
    has_files,
    holds_items,
    in_folder,
    is_container,
    is_entry_key,
    is_pair,
    is_schema,
    is_value,
    keyed_file,
    other_name,
    path_named,
    text_under,
    wraps,
)
from smol_dev.replies.list_strings import before_break, decoded, plain, unescaped
from smol_dev.replies.listings import Item, Role
from smol_dev.replies.literals import Node, read_literal
from smol_dev.replies.path_words import (
    FOLDER_NAMES,
    is_known_file,
    without_description,
)

MAX_DEPTH: Final = 40
DRAWN: Final = re.compile(r"[├└]|\n[|+`]--")
BREAK: Final = re.compile(r"(?<=\w)(?<!\\)\\[nr](?:\\n)?|\n")


class Literals:
    """Turns one literal into items; `lines` reads a string that holds a list of another form."""

    def __init__(self, lines: Callable[[str], list[Item]]) -> None:
        self.lines = lines

    def items(self, node: Node, depth: int = MAX_DEPTH) -> list[Item]:
        """Return the files a value lists."""
        if depth == 0:
            return []
        if node.shape == "array":
            return self.array(node, depth)
        if node.shape == "object":
            return self.mapping(node, depth)
        return self.string(node, depth)

    def string(self, node: Node, depth: int) -> list[Item]:
        """Return the file a string names, or those of the list that is encoded in it."""
        text = decoded(node.text)
        if node.shape == "bare" and (text.lower() in EMPTY or re.fullmatch(r"[-\d.]+", text)):
            return []
        inner = unescaped(node.text).strip()
        if inner[:1] in {"[", "{", '"'} and len(inner) > 1 and depth > 1:
            found = read_literal(inner, 0)
            whole = found is not None and found.end >= len(inner)
            if found and whole and (items := self.items(found.node, depth - 1)):
                return items
        if "\n" in inner and DRAWN.search(inner) and (items := self.lines(inner)):
            return items
        words = text.split()
        if node.shape == "bare" and len(words) > 1 and all(is_known_file(word) for word in words):
            return [Item(word) for word in words]
        parts = [part for part in BREAK.split(text) if part.strip()]
        if len(parts) > 1 and sum(is_known_file(without_description(part)) for part in parts) > 1:
            return self.lines("\n".join(parts))
        split = [part.strip() for part in text.split(",")]
        if len(split) > 1 and all(is_known_file(part) for part in split):
            return [Item(part) for part in split]
        entry = without_description(before_break(text))
        return [Item(entry)] if entry.strip() else []

    def array(self, node: Node, depth: int) -> list[Item]:
        """Return the files of a list, of which each item names one."""
        found: list[Item] = []
        if is_pair(node, inside=depth < MAX_DEPTH):
            return self.string(node.items[0][1], depth)
        for key, value in node.items:
            if key is not None:
                found += self.string(key, depth)
            else:
                found += self.items(value, depth - 1)
        return found

    def mapping(self, node: Node, depth: int) -> list[Item]:
        """Return the files of an object: one it describes, those it wraps, or its keys."""
        keyed = [(key, value) for key, value in node.items if key is not None]
        if not keyed:
            return self.array(node, depth)
        named = {plain(key.text): value for key, value in keyed}
        called = [named[key] for key in CALL_KEYS if key in named and is_container(named[key])]
        if called and (items := self.items(called[0], depth - 1)):
            return items
        described = self.described(named, depth)
        if described is not None:
            return described
        return self.keyed(keyed, depth)

    def described(self, named: dict[str, Node], depth: int) -> list[Item] | None:
        """Return the one file or folder that an object describes, or None if it is another thing."""
        name = path_named(named)
        folder = text_under(FOLDER_KEYS, named)
        kind = named["type"].text.lower() if "type" in named else ""
        label = folder or text_under(PATH_KEYS, named)
        is_folder = kind in {"dir", "directory", "folder", "d", "tree"}
        children = [named[key] for key in CHILD_KEYS if key in named and holds_items(named[key])]
        folders = [named[key] for key in FOLDER_LISTS if key in named and holds_items(named[key])]
        if label and any(child.items for child in children + folders):
            inside = [item for child in children for item in self.items(child, depth - 1)]
            inside += [item for child in folders for item in self.folders(child, depth - 1)]
            sure = is_folder or folder or folders or "children" in named or label.endswith("/")
            role: Role = "folder" if sure else "either" if label in FOLDER_NAMES else "group"
            return [Item(label, role, inside)]
        if is_folder or (children and name is None and label):
            return [Item(label, "folder")] if label else []
        if name is None:
            is_file = kind in {"file", "f", "blob"} and label
            return [Item(without_description(decoded(label)))] if is_file else None
        return [Item(in_folder(name, folder or other_name(named, name)))]

    def folders(self, node: Node, depth: int) -> list[Item]:
        """Return the folders of a list of them; the keys of an object are their names."""
        if node.shape != "object":
            return [item for item in self.items(node, depth) if item.role != "file"]
        keyed = [(key.text, value) for key, value in node.items if key is not None]
        return [
            Item(text, "folder", self.items(value, depth - 1))
            for text, value in keyed
            if value.items
        ]

    def keyed(self, keyed: list[tuple[Node, Node]], depth: int) -> list[Item]:
        """Return the files of an object by its keys."""
        found: list[Item] = []
        values: list[Item] = []
        others = 0
        announced = [
            pair
            for pair in keyed
            if ANNOUNCED.fullmatch(plain(pair[0].text)) and is_container(pair[1])
        ]
        for key, value in announced or keyed:
            text, word = decoded(key.text).strip(), plain(key.text)
            if is_entry_key(text, value):
                found.append(keyed_file(text, value))
            elif is_container(value):
                found += self.below(text, word, value, depth)
            elif text.endswith("/") and len(text) > 1:
                found.append(Item(text, "folder"))
            elif not IGNORED.fullmatch(word) and not UNUSED.fullmatch(word):
                inside = [
                    item for item in self.items(value, depth - 1) if is_value(item.text, word)
                ]
                values += inside
                others += not inside
        if not found and not values:
            found = bare_keys(keyed)
        return found or (values if others < len(values) else [])

    def below(self, text: str, word: str, value: Node, depth: int) -> list[Item]:
        """Return the files under a key that is a wrapper, a heading or a folder."""
        if FOLDER_WORD.fullmatch(word) and value.shape == "object":
            return [Item(text, "group", self.folders(value, depth - 1))]
        is_settings = SETTINGS.fullmatch(word) and value.shape == "object"
        if (IGNORED.fullmatch(word) or is_settings) and not (
            text.endswith("/") or has_files(value)
        ):
            return []
        if is_schema(value):
            return []
        inside = self.items(value, depth - 1)
        if not inside:
            return [Item(text, "folder")] if not value.items and re.search(r"/$", text) else []
        if text.endswith("/"):
            return [Item(text, "folder", inside)]
        if (WRAPPER.fullmatch(word) and text not in FOLDER_NAMES) or " " in text or word.isdigit():
            return [Item(text, "group", inside)]
        if value.shape == "object" and not wraps(value):
            return [Item(text, "group" if describes_file(value) else "folder", inside)]
        return [Item(text, "either", inside)]
