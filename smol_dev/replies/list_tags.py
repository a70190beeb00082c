"""XML and the tags of tool calls → the files they name (F1)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from smol_dev.replies.listings import Item
from smol_dev.replies.path_words import (
    is_file_like,
    is_known_file,
    is_path_like,
    without_description,
)

TAG: Final = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<value>=[\w.-]+)?(?P<attributes>(?:\s[^<>]{0,2000})?)(?P<single>/?)>"
)
ATTRIBUTE: Final = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>/]+))")
PLAIN_TAGS: Final = re.compile(
    r"</?(?:code|b|strong|em|i|a|tt|kbd|span|small|u|br)(?:\s[^<>]{0,400})?/?>", re.IGNORECASE
)
COMMENT: Final = re.compile(r"<!--[^>]{0,400}-->")
FOLDERS: Final = frozenset({"folder", "directory", "dir"})
LISTS: Final = frozenset(
    {
        "files",
        "filepaths",
        "paths",
        "filelist",
        "list",
        "filestocreate",
        "filenames",
        "filestoedit",
        "fileslist",
        "items",
    }
)
PATHS: Final = frozenset(
    {
        "path",
        "file",
        "filepath",
        "filename",
        "name",
        "item",
        "li",
        "entry",
        "string",
        "f",
        "p",
        "td",
        "value",
        "source",
        "targetfile",
        "document",
        "element",
        "title",
        "dt",
    }
)
PARAMETERS: Final = frozenset({"parameter", "param", "arg", "argvalue", "property", "field"})
CONTENTS: Final = frozenset(
    {
        "content",
        "contents",
        "code",
        "description",
        "desc",
        "purpose",
        "reason",
        "text",
        "body",
        "note",
        "comment",
        "thinking",
        "summary",
        "filecontent",
        "directory",
    }
)
MAX_TEXT: Final = 600


@dataclass(slots=True)
class Tags:
    """What one pass over the tags of a text found; `closed` says that the outermost was closed."""

    items: list[Item] = field(default_factory=list)
    start: int = -1
    end: int = 0
    closed: bool = True
    wrapped: bool = False


def find_tags(text: str, lines: Callable[[str], list[Item]]) -> Tags | None:
    """Return the files that elements name, or None when there are no such elements."""
    if "<" not in text:
        return None
    text = COMMENT.sub(lambda match: " " * len(match[0]), text)
    text = PLAIN_TAGS.sub(lambda match: " " * len(match[0]), text)
    reader = TagReader(text, lines)
    reader.read()
    return reader.found if reader.found.items else None


class TagReader:
    """One pass over the tags, with the folders that are open on a stack."""

    def __init__(self, text: str, lines: Callable[[str], list[Item]]) -> None:
        self.text = text
        self.lines = lines
        self.found = Tags()
        self.stack: list[tuple[str, list[Item]]] = [("", self.found.items)]
        self.skipped: str | None = None
        self.named = False
        self.key = ""

    def read(self) -> None:
        """Take every tag in turn."""
        tags = list(TAG.finditer(self.text))
        depth = 0
        first = tags[0]["name"] if tags else ""
        for number, tag in enumerate(tags):
            if tag["name"] == first and not tag["single"]:
                depth += -1 if tag["close"] else 1
            behind = tags[number + 1] if number + 1 < len(tags) else None
            count = len(self.found.items)
            self.take(tag, behind)
            if len(self.found.items) > count and self.found.start < 0:
                self.found.start = tags[0].start()
            self.found.end = tag.end()
        self.found.closed = depth <= 0
        self.found.wrapped = sum(tag["name"] == first and not tag["close"] for tag in tags) == 1

    def take(self, tag: re.Match[str], behind: re.Match[str] | None) -> None:
        """Take one tag: open or close a folder, or read the file that it names."""
        word = re.sub(r"[_:.-]|antml", "", tag["name"].lower())
        if self.skipped is not None:
            if tag["close"] and word == self.skipped:
                self.skipped = None
            return
        if tag["close"]:
            if word in FOLDERS and len(self.stack) > 1:
                self.stack.pop()
            return
        given = attributes(tag["attributes"])
        if word in FOLDERS and (name := given.get("name") or given.get("path")):
            self.open_folder(name, single=bool(tag["single"]))
            return
        path = next(
            (
                given[key]
                for key in ("path", "filepath", "filename", "file", "src", "name", "href")
                if is_file_like(given.get(key, ""))
            ),
            None,
        )
        if path is not None and word not in {"script", "link", "img", "source", "a"} | PARAMETERS:
            self.stack[-1][1].append(Item(path))
            self.skipped = (
                None
                if tag["single"]
                or f"</{tag['name']}>" not in self.text[tag.end() : tag.end() + 200_000]
                else word
            )
            return
        if not tag["single"]:
            self.inside(tag, word, given, behind)

    def open_folder(self, name: str, *, single: bool) -> None:
        """Put what follows below a folder."""
        folder = Item(name, "folder")
        self.stack[-1][1].append(folder)
        if not single:
            self.stack.append((name, folder.items))

    def inside(
        self, tag: re.Match[str], word: str, given: dict[str, str], behind: re.Match[str] | None
    ) -> None:
        """Read the text of an element that has nothing but text in it."""
        end = behind.start() if behind else len(self.text)
        closes = behind is not None and behind["close"] and behind["name"] == tag["name"]
        content = self.text[tag.end() : end].strip()
        key = re.sub(
            r"[_-]",
            "",
            (given.get("name") or given.get("key") or tag["value"] or "").lower().strip("="),
        )
        if word == "argkey":
            self.key = re.sub(r"[_-]", "", content.lower())
            return
        key = self.key if word == "argvalue" else key
        if word in CONTENTS or (word in PARAMETERS and key in CONTENTS):
            self.skipped = word
        elif not closes and not (word in LISTS and content):
            return
        elif word in PATHS or (word in PARAMETERS and key in PATHS):
            self.take_path(content)
        elif word in LISTS or (
            word in PARAMETERS and (key in LISTS or key.endswith(("files", "paths")))
        ):
            self.stack[-1][1].extend(self.lines(content))

    def take_path(self, content: str) -> None:
        """Add the file that an element's text is."""
        path = (
            without_description(content) if len(content) < MAX_TEXT and "\n" not in content else ""
        )
        if is_path_like(path) and (is_known_file(path) or " " not in path):
            self.stack[-1][1].append(Item(path))


def attributes(text: str) -> dict[str, str]:
    """Return the attributes of a tag, their names in lower case without separators."""
    return {
        re.sub(r"[_-]", "", match[1].lower()): match[2] or match[3] or match[4] or ""
        for match in ATTRIBUTE.finditer(text)
    }
