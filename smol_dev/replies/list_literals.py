r"""Arrays and objects in an answer, in JSON and every spelling near it → the files they list (F1)."""

import re
from collections.abc import Callable
from typing import Final

from smol_dev.replies.list_nodes import PATH_KEYS, in_folder, is_container, other_name, path_in
from smol_dev.replies.list_strings import before_break, decoded, plain, unescaped
from smol_dev.replies.listings import Item
from smol_dev.replies.literals import Node, read_literal
from smol_dev.replies.path_words import (
    FOLDER_NAMES,
    is_file_like,
    is_known_file,
    is_path_like,
    without_description,
)

FOLDER_KEYS: Final = ("dir", "directory", "folder", "foldername", "dirname", "parent")
CHILD_KEYS: Final = (
    "children",
    "files",
    "contents",
    "content",
    "items",
    "entries",
    "nodes",
    "child",
    "tree",
)
CALL_KEYS: Final = (
    "arguments", "parameters", "args", "kwargs", "input", "toolinput", "actioninput", "toolcalls", "functioncall",
    "function", "params", "toolcall",
)  # fmt: skip
IGNORED: Final = re.compile(
    r"(?:description|desc|purpose|summary|reason(?:ing)?|thoughts?|thinking|analysis|plan|notes?|comments?|"
    r"explanation|details?|(?:dev)?dependenc(?:y|ies)|requirements|packages|imports?|exports?|uses|libraries|commands?|steps|"
    r"director(?:y|ies)|folders?|dirs|excluded?|ignored?|skip(?:ped)?|delete[ds]?|removed?|nottocreate|"
    r"examples?|default|enum|required|schema|draft|initial|old|previous|before|dependson|needs|functions|classes|routes|urls?|"
    r"rationale|message|responsibilit(?:y|ies)|features|tags)"
)
UNUSED: Final = re.compile(
    r"(?:content|contents|code|text|body|source(?:code)?|title|language|type|framework|assets|images|binary\w*|"
    r"status|version|author|scripts|run|usage|env\w*)"
)
WRAPPER: Final = re.compile(
    r"\w*(?:files?|paths?|list|names?)(?:to\w+|needed|required|created?)?|result|results|output|data|response|answer|items|entries|structure|tree|project|"
    r"projectstructure|program|value|values|payload|final|updated|codebase|children|root|all|properties|app|manifest"
)
ANNOUNCED: Final = re.compile(
    r"(?:final|updated|revised|corrected|new|after)(?:filelist|files?|filepaths|paths|list|answer)?"
)
EMPTY: Final = frozenset({"", "null", "none", "true", "false", "file", "{}", "undefined", "..."})
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
        name = next(
            (text for key in PATH_KEYS if key in named and (text := path_in(named[key]))), None
        )
        folder = next(
            (named[key].text for key in FOLDER_KEYS if key in named and named[key].text), None
        )
        children = next(
            (
                named[key]
                for key in CHILD_KEYS
                if key in named and named[key].shape in {"array", "object"}
            ),
            None,
        )
        kind = named["type"].text.lower() if "type" in named else ""
        label = folder or next(
            (named[key].text for key in PATH_KEYS if key in named and named[key].text), ""
        )
        is_folder = kind in {"dir", "directory", "folder", "d", "tree"}
        if children is not None and label and not (name and not children.items):
            inside = self.items(children, depth - 1)
            sure = is_folder or folder or "children" in named or label.endswith("/")
            return [
                Item(
                    label,
                    "folder" if sure else "either" if label in FOLDER_NAMES else "group",
                    inside,
                )
            ]
        if is_folder:
            return [Item(label, "folder")] if label else []
        if name is None and kind in {"file", "f", "blob"} and label:
            return [Item(without_description(decoded(label)))]
        if name is None:
            return None
        return [Item(in_folder(name, folder or other_name(named, name)))]

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
        if IGNORED.fullmatch(word) and not text.endswith("/") and not has_files(value):
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
