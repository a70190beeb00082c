r"""Arrays, objects and tags, as models write them → the files they list, whatever their keys are called.

The reader of literals takes JSON, Python, TypeScript and what is near them. It decodes no escape
(`src\\tests` is a path, not a tab) and tells whether everything that was opened was closed, which the
general JSON repairers leave out.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from smol_dev.languages.names import FOLDER_NAMES, TEXT_ENDINGS
from smol_dev.replies import paths
from smol_dev.replies.list_lines import claimed, find_tree, several
from smol_dev.replies.listing import DEEPEST, Item, Role, entries_of, is_wrapper

Shape = Literal["array", "object", "string", "bare"]

OPENING: Final = {"[": "]", "{": "}", "(": ")"}  # for array-of-arrays
CLOSING: Final = frozenset("]})")  # for enc-single
OPENERS: Final = {closing: opening for opening, closing in OPENING.items()}  # for missq
MOST_CLOSERS: Final = 8
QUOTES: Final = {  # for and-more
    '"': '"', "'": "'", "`": "`", "“": '”“"', "”": "”", "‘": "’‘'", "’": "’", "«": "»", "„": "“”", "‚": "‘",
}  # fmt: skip
# for return-2
SPACE: Final = re.compile(r"(?:[\s,;]|\\(?=\n)|//[^\n]*|#[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|--[^\n]*)+")
KEY_MARK: Final = re.compile(r"\s*(?::(?![\\/])|=>|=(?!=))")  # for json-str-list
PREFIXED: Final = re.compile(r"[rbfuRBFU]{1,2}(?=[\"'])")  # for fstring
# for S058-control-unusual-names
AFTER_QUOTE: Final = re.compile(r"[ \t]*(?:$|[,\]})\n:;#|\"'`“”‘’«»(\[{]|=>|//|--?\s|–|—|/\*|\\$|\\\n|=)")
BARE_END: Final = re.compile(r"[,\n\[\](){}\"]|\s#|\s//|:(?=[\s\"'\[{]|$)|=>|;(?=\s|$)")  # for array-dotdot
LATE_QUOTE: Final = re.compile(r"\s*[\"'”’](?=\s*[,\]}])")  # for nl-in-string
SIGNS: Final = {"n": "\n", "t": "\t", "r": ""}  # for nl-py2


def unescaped(text: str, characters: str = "ntr\"'\\/") -> str:
    """Return a text with the escapes of these characters taken out once."""
    pattern = rf"\\([{re.escape(characters)}])"
    return re.sub(pattern, lambda one: SIGNS.get(one[1], one[1]), text)  # for f5-'a"b.py'


@dataclass(slots=True)
class Node:
    """One value. `items` are its parts as (key, value); the key is None in an array."""

    shape: Shape
    start: int
    text: str = ""
    items: list[tuple["Node | None", "Node"]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadLiteral:
    """A value that was read, where it ends, and whether every bracket and quote of it was closed."""

    node: Node
    end: int
    closed: bool


class Reader:
    """One pass over a text from a bracket or quote on; nesting is on our own stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.closed = True

    def read(self, start: int) -> ReadLiteral:
        """Return the value that begins with the bracket or quote at `start`."""
        opening = self.text[start : start + 1]
        if opening in QUOTES:
            node, end = self.string(start)
            return ReadLiteral(node, end, self.closed)
        root = Node("object" if opening == "{" else "array", start)
        stack = [root]
        keys: list[Node | None] = [None]
        position = start + 1
        while stack:
            if between := SPACE.match(self.text, position):
                position = between.end()
            if position >= len(self.text):
                return ReadLiteral(root, position, closed=False)
            character = self.text[position]
            if character in CLOSING:
                stack.pop()
                keys.pop()
                position += 1
                continue
            position = self.item(position, stack, keys)
        return ReadLiteral(root, position, self.closed)

    def item(self, position: int, stack: list[Node], keys: list[Node | None]) -> int:
        """Read one value into the innermost container; return the position behind it."""
        character = self.text[position]
        if character in OPENING:
            node = Node("object" if character == "{" else "array", position)
            stack[-1].items.append((keys[-1], node))
            keys[-1] = None
            stack.append(node)
            keys.append(None)
            return position + 1
        prefix = PREFIXED.match(self.text, position)
        if prefix or character in QUOTES:
            node, end = self.string(prefix.end() if prefix else position)
        else:
            node, end = self.bare(position)
        mark = KEY_MARK.match(self.text, end)
        if mark and keys[-1] is None:
            keys[-1] = node
            return mark.end()
        stack[-1].items.append((keys[-1], node))
        keys[-1] = None
        return end

    def string(self, start: int) -> tuple[Node, int]:
        """Read a quoted string; a quote closes it only where something may follow a value."""
        pattern = STOPS[self.text[start]]
        position = start + 1
        while match := pattern.search(self.text, position):
            mark = match.group()
            if mark[0] == "\\":
                position = match.end()
            elif mark == "\n":
                late = LATE_QUOTE.match(self.text, match.start())
                if late:
                    return Node("string", start, self.text[start + 1 : match.start()]), late.end()
                break
            elif AFTER_QUOTE.match(self.text, match.end()):
                return Node("string", start, self.text[start + 1 : match.start()]), match.end()
            else:
                position = match.end()
        end = match.start() if match else len(self.text)
        kept = self.text[start + 1 : end].rstrip(" \t\n,;")
        for _ in range(MOST_CLOSERS):  # brackets behind a string that is not closed are no part of it
            closer = kept[-1:]
            if closer not in OPENERS or kept.count(closer) <= kept.count(OPENERS[closer]):
                break
            kept = kept[:-1].rstrip()
        self.closed = self.closed and end < len(self.text)
        return Node("string", start, kept), start + 1 + len(kept)

    def bare(self, start: int) -> tuple[Node, int]:
        """Read a word without quotes; brackets that are balanced inside it belong to it."""
        depth = 0
        position = start
        while match := BARE_END.search(self.text, position):
            mark = match.group()
            if mark in OPENING and match.start() < len(self.text):
                depth += 1
            elif mark in CLOSING and depth > 0:
                depth -= 1
            elif mark == "\n" or depth == 0 or mark == ",":
                break
            position = match.end()
        end = match.start() if match else len(self.text)
        if end == start:
            end += 1
        return Node("bare", start, self.text[start:end].strip()), end


STOPS: Final = {  # for all-url
    quote: re.compile(rf"\\[\\{re.escape(quote)}]|[{re.escape(closers)}]|\n") for quote, closers in QUOTES.items()
}


def read_literal(text: str, start: int) -> ReadLiteral:
    """Return the array, object or string that begins at `start`."""
    return Reader(text).read(start)


FOLDER_KEYS: Final = ("dir", "directory", "folder", "foldername", "dirname", "parent")  # for obj-name-dir
CHILD_KEYS: Final = ("children", "files", "contents", "content", "items", "entries", "nodes", "tree")  # for wrap-deep
# for directories-obj
FOLDER_LISTS: Final = ("folders", "directories", "subfolders", "subdirectories", "dirs", "subdirs")
LOOKS_AROUND: Final = re.compile(  # for VL41
    r"(?:read|list|ls|view|open|cat|get|search|find|glob|grep|run|bash|shell|exec\w*|browse|fetch)(?:[_\W]?(?:file|dir|directory|folder|command|files|dirs))?s?",
    re.IGNORECASE,
)
NOT_FILES: Final = re.compile(  # for json-files-folders
    r"description|desc|purpose|summary|reason(?:ing)?|thoughts?|thinking|analysis|plan|notes?|comments?|explanation|"
    r"details?|\w*dependenc(?:y|ies)|\w*requirements|\w*packages|imports?|exports?|uses|\w*libraries|commands?|steps|"
    r"director(?:y|ies)|folders?|dirs|excluded?|ignored?|skip(?:ped)?|deleted?|removed?|nottocreate|"
    r"examples?|default|enum|required|schema|draft|initial|old|previous|before|dependson|needs|functions|classes|"
    r"routes|urls?|rationale|responsibilit(?:y|ies)|features|tags"
)
"""Keys whose values name no file of the list, though files may be mentioned in them."""

SETTINGS: Final = re.compile(r"scripts|env\w*|run|usage|author|version|engines")  # for package-json
ANNOUNCED: Final = re.compile(  # for f2-keys2
    r"(?:final|updated|revised|corrected|new|after)(?:filelist|files?|filepaths|paths|list|answer)?"
)
# for nulls-in-the-list
EMPTY: Final = frozenset({"", "null", "none", "true", "false", "file", "{}", "undefined", "..."})
UNICODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")  # for f4-u-letter
LINE_BREAK: Final = re.compile(r"(?<=\w)(?<!\\)\\[nr]|\n")  # for nl-list


def as_path(text: str) -> str:
    r"""Return a string's text; what can be part of a path is not decoded, so `\t` never is."""
    if "\\" not in text:
        return text
    text = UNICODE.sub(lambda escape: chr(int(escape[1], 16)), text)
    text = unescaped(text, "\"'/")
    return text.replace("\\\\", "\\")


def items_in(node: Node, depth: int = DEEPEST) -> list[Item]:
    """Return the files a value lists."""
    if depth == 0:
        return []
    if node.shape == "object":
        return _object(node, depth)
    return _array(node, depth) if node.shape == "array" else _string(node, depth)


def claimed_in(node: Node, depth: int = DEEPEST) -> Iterator[tuple[str, bool]]:
    """Yield the files that a value names in the place of entries, under keys that may list files."""
    for key, value in _announced(node.items):
        word = "" if key is None else paths.plain_key(key.text)
        if value.items and depth and not NOT_FILES.fullmatch(word):
            yield from claimed_in(value, depth - 1)
        elif not value.items and (word in {"", *paths.PATH_KEYS} or is_wrapper(word)):
            text = as_path(value.text)
            rows = LINE_BREAK.split(text)
            is_path = paths.is_known_file(text) and not all(map(paths.is_known_file, rows))
            for row in [text] if is_path else rows:
                yield from claimed(row.replace("\\", "/"))


def _string(node: Node, depth: int) -> list[Item]:
    text = paths.BULLET.sub("", as_path(node.text))
    if node.shape == "bare" and (text.lower() in EMPTY or re.fullmatch(r"[-\d.]+", text)):  # for array-bullets
        return []
    inner = _encoded(node.text).strip()
    if inner[:1] in {"[", "{", '"'} and len(inner) > 1 and depth > 1:
        found = read_literal(inner, 0)
        if found.end >= len(inner) and (items := items_in(found.node, depth - 1)):
            return items
    if "\n" in inner and (drawn := find_tree(inner.split("\n"))) is not None:
        return [Item(entry) for entry in entries_of(drawn.items, rooted=None if drawn.root is None else True)]
    rows = [paths.path_in(paths.BULLET.sub("", part)) for part in LINE_BREAK.split(text) if part.strip()]
    if len(rows) > 1 and all(map(paths.is_known_file, rows)):
        return list(map(Item, rows))
    if '"' not in text and (items := several(text)):
        return items
    broken = re.match(r"(.+?)(?:(?<!\\)\\[nrt]|\n)", node.text)  # for f3-nl-end
    behind = broken is not None and paths.ending(broken[1].strip()) in TEXT_ENDINGS
    entry = paths.path_in(paths.BULLET.sub("", as_path(broken[1])) if broken and behind else text)
    return [Item(entry)] if entry.strip() else []


def _encoded(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        value = json.loads(f'"{text}"', strict=False)
    except (ValueError, RecursionError):
        return text
    return str(value)


def _array(node: Node, depth: int) -> list[Item]:
    if depth < DEEPEST and _is_row(node):
        return _string(node.items[0][1], depth)
    found: list[Item] = []
    for key, value in node.items:
        found += items_in(value, depth - 1) if key is None else _string(key, depth)
    return found


def _is_row(node: Node) -> bool:
    texts = [as_path(value.text) for key, value in node.items if key is None and not value.items]
    if not 2 <= len(texts) <= 4 or len(texts) < len(node.items):  # noqa: PLR2004 - a row, not a list
        return False
    return paths.is_file_like(texts[0]) and not any(paths.is_file_like(text) or "/" in text for text in texts[1:])


def _object(node: Node, depth: int) -> list[Item]:
    keyed = [(key, value) for key, value in _announced(node.items) if key is not None]
    if not keyed:
        return _array(node, depth)
    named = {paths.plain_key(key.text): value for key, value in keyed}
    called = next((named[key] for key in paths.CALL_KEYS if key in named and _is_container(named[key])), None)
    tool = named.get("tool") or named.get("action") or (named.get("name") if called else None)
    given = called is not None and ("[" in called.text or any(value.shape == "array" for _, value in called.items))
    if tool is not None and LOOKS_AROUND.fullmatch(tool.text.strip()) and not given:
        return []
    if called is not None:
        return items_in(called, depth - 1)
    described = _described(named, depth)
    return _keyed(keyed, depth) if described is None else described


def _announced(items: list[tuple[Node | None, Node]]) -> list[tuple[Node | None, Node]]:
    """Return the parts that are called the final ones, all where none is."""
    words = ("" if key is None else paths.plain_key(key.text) for key, _ in items)
    final = [
        item for item, word in zip(items, words, strict=True) if ANNOUNCED.fullmatch(word) and _is_container(item[1])
    ]
    return final or items


def _is_container(node: Node) -> bool:
    return node.shape in {"array", "object"} or (node.shape == "string" and node.text.lstrip()[:1] in {"[", "{"})


def _described(named: dict[str, Node], depth: int) -> list[Item] | None:
    name = next((path for key in paths.PATH_KEYS if key in named and (path := _path_of(named[key]))), None)
    folder = _text_under(FOLDER_KEYS, named)
    kind = named["type"].text.lower() if "type" in named else ""
    label = folder or _text_under(paths.PATH_KEYS, named)
    children = [named[key] for key in CHILD_KEYS if key in named and named[key].items]
    folders = [named[key] for key in FOLDER_LISTS if key in named and named[key].items]
    is_folder = kind in {"dir", "directory", "folder", "d", "tree"}
    if label and children + folders:
        inside = [item for child in children for item in items_in(child, depth - 1)]
        inside += [item for child in folders for item in _folders(child, depth - 1)]
        sure = is_folder or folder or folders or "children" in named or label.endswith("/")
        role: Role = "folder" if sure else "either" if label in FOLDER_NAMES else "group"
        return [Item(label, role, inside)]
    if name is None:
        return [Item(paths.path_in(as_path(label)))] if label and kind in {"file", "f", "blob"} else None
    return [Item(_in_folder(name, folder, named))]


def _text_under(keys: tuple[str, ...], named: dict[str, Node]) -> str:
    return next((named[key].text for key in keys if key in named and named[key].text), "")


def _path_of(node: Node) -> str | None:
    text = paths.path_in(as_path(node.text))
    return text if not node.items and paths.is_path_like(text) and not text.endswith("/") else None


def _in_folder(name: str, folder: str, named: dict[str, Node]) -> str:
    texts = [folder, *(named[key].text.strip() for key in ("path", "filepath", "location") if key in named)]
    folder = next((text for text in texts if text and text != name and not paths.is_file_like(text)), "")
    folder = folder.strip().rstrip("/")
    inside = name.replace("\\", "/").startswith(f"{folder}/")
    return name if not folder.strip("./") or " " in folder or inside else f"{folder}/{name}"


def _folders(node: Node, depth: int) -> list[Item]:
    if node.shape != "object":
        return [item for item in items_in(node, depth) if item.role != "file"]
    keyed = [(key.text, value) for key, value in node.items if key is not None and value.items]
    return [Item(text, "folder", items_in(value, depth - 1)) for text, value in keyed]


def _keyed(keyed: list[tuple[Node, Node]], depth: int) -> list[Item]:
    found: list[Item] = []
    values: list[Item] = []
    others = 0
    for key, value in keyed:
        text, word = as_path(key.text).strip(), paths.plain_key(key.text)
        # for script-as-key
        plain = " " not in text and not value.items and re.search(r"(?<!\S)[^\s/\\]*+[/\\]\S*+(?<=\w)$", text)
        if plain or (paths.is_file_like(paths.path_in(text)) and not text.endswith("/")):
            whole = as_path(value.text) if re.split(r"[/\\]", value.text)[-1] == text else ""  # for name-to-path
            found.append(Item(whole or paths.path_in(text)))
        elif _is_container(value):
            found += _below(text, word, value, depth)
        elif not NOT_FILES.fullmatch(word):
            inside = [item for item in items_in(value, depth - 1) if paths.is_known_file(item.text)]
            values += inside
            others += not inside
    return found or (values if others < len(values) else [])


def _below(text: str, word: str, value: Node, depth: int) -> list[Item]:
    if word in FOLDER_KEYS + FOLDER_LISTS and value.shape == "object":
        return [Item(text, "group", _folders(value, depth - 1))]
    words = [key.text for key, _ in value.items if key is not None]
    is_settings = NOT_FILES.fullmatch(word) or (SETTINGS.fullmatch(word) and words)
    if is_settings and not text.endswith("/") and not any(map(paths.is_known_file, words)):
        return []
    inside = items_in(value, depth - 1)
    if is_wrapper(text) or " " in text or word.isdigit():
        return [Item(text, "group", inside)]
    wraps = any(paths.plain_key(key) in {*CHILD_KEYS, "paths", "list", "filepaths"} for key in words)
    if value.shape == "object" and not wraps:
        described = any(
            key is not None and paths.plain_key(key.text) in paths.PATH_KEYS and _path_of(part)
            for key, part in value.items
        )
        return [Item(text, "group" if described else "folder", inside)]
    return [Item(text, "either", inside)]


# for folders-as-elements
FOLDER_TAG: Final = re.compile(r"<(?:folder|directory|dir)\s[^<>]{0,200}=[^<>]{0,200}>", re.IGNORECASE)
TAG: Final = re.compile(  # for xml-unclosed-stop
    r"<\w[\w:.-]{0,40}\s[^<>]{0,2000}?\b(?:file_?)?(?:path|name)\s*=\s*(?P<quote>[\"'])(?P<given>[^\"'\n]{1,400})(?P=quote)[^<>]{0,2000}>|"
    r"<(?P<tag>(?:file_?)?(?:path|name)|file|item|li|entry|string)\b[^<>]{0,2000}>\s*+(?:<!\[CDATA\[\s*+)?(?P<text>[^<>\s](?:[^<>\n]{0,398}[^<>\s])?)\s*+(?:\]\]>\s*+)?</(?P=tag)>",
    re.IGNORECASE,
)
