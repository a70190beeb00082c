"""Bullets, numbers, YAML, headings and plain lines → the files they name (F1, F3)."""

import re
from dataclasses import dataclass, field
from typing import Final

from smol_dev.replies.list_mentions import (
    COMMAND,
    MAX_LINE,
    all_links,
    all_paths,
    is_name,
    mentioned,
    touched,
)
from smol_dev.replies.list_spellings import without_markdown_escapes
from smol_dev.replies.list_trees import ICON, link
from smol_dev.replies.listings import Item
from smol_dev.replies.path_words import (
    LABEL,
    is_file_like,
    is_known_file,
    is_path_like,
    is_product,
    is_spoken,
    without_description,
)

MARK: Final = re.compile(
    r"(?P<indent>[ \t\u00a0]*)(?:>[ \t]?)*(?P<marks>(?:(?:[-*+•‣◦▪●○▸►∙·–—]|\d{1,3}[.):]|\(\d{1,3}\)|\[\d{1,3}\]|#{1,6}|//+|--|[ivx]{1,4}[.)]|#\d{1,3}[.:)]?|\d{1,3}[ \t]+[-–—]|\d{1,3}(?=[ \t]+[\w./-]+\.\w+(?:\s|$))|"
    r"[a-zA-Z][.)]|(?:Step|File)\s+\d{1,3}[.:)])[ \t]+|\[[ xX✓]\][ \t]+|[•‣◦▪●]|\d{1,3}、[ \t]*)*)(?P<text>.*)"
)
QUOTED: Final = re.compile(
    r"(?P<bold>\*{1,3}|__)?(?P<quote>[`\"'“”‘’«]+)(?P<path>[^`\"“”‘’«»\n]{1,300}?)[`\"'“”‘’»]+(?:\*{1,3}|__)?(?=[\s,;:.)(–—\-→=|#/]|$)"
)
BOLD: Final = re.compile(
    r"(?:\*{1,3}|__(?=[^_]))(?P<path>[^*\n]{1,300}?)(?:\*{1,3}|__)(?=[\s:,;)(–—]|$)"
)
ITALIC: Final = re.compile(r"_(?P<path>[^\s*_][^\s*]{0,300}\.\w{1,10}?)_(?=[\s:,;)(–—]|$)")
FOLDER_LABEL: Final = re.compile(
    r"[*`_\"']{0,4}([\w.@()\[\]/-]{1,200}/)[*`_\"']{0,4}\s*:[*_]{0,3}\s+(?=\S)"
)
KEY: Final = re.compile(
    r"[\"'`]?([\w.@()\[\]-]+(?:/[\w.@()\[\]-]+)*/?)[\"'`]?\s*:\s*(?:[|>{\[]?)\s*(?:#.*)?$"
)
SPEECH: Final = re.compile(r"[`“”「」。，、；：！？]")
WORDS_ABOUT: Final = re.compile(
    r"(?:description|desc|purpose|summary|notes?|role|type|language|dependencies|imports|exports|uses|contains?|content|"
    r"name|title|why|responsibilit(?:y|ies)|functions|classes)",
    re.IGNORECASE,
)
ROLE: Final = re.compile(
    r"(?:\*\*)?([A-Z][\w /&-]{0,40})(?:\*\*)?:(?:\*\*)?\s+[`\"']?(\S+?)[`\"']?"
)
RULED: Final = re.compile(r"^[-=~#*]{2,20}\s+(\S.{0,300}?)\s+[-=~#*]{2,20}$")
TAG_LINE: Final = re.compile(r"\s*</?[\w:.-]+(?:\s[^<>]*)?>\s*$")


@dataclass(slots=True)
class Section:
    """The items below one lead: `strong` ones are named first in their line, `weak` inside it."""

    lead: str
    first: int
    strong: list[Item] = field(default_factory=list)
    weak: list[Item] = field(default_factory=list)
    after: int = 0
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line: how deep it is, how it is marked, and its words."""

    depth: int
    marks: str
    text: str

    @property
    def is_heading(self) -> bool:
        """Whether the line is a Markdown heading."""
        return self.marks.startswith("#")


class Outline:
    """One pass over the lines, with the folders that are open on a stack."""

    def __init__(self, *, plain: bool) -> None:
        self.plain = plain
        self.sections = [Section("", 0)]
        self.stack: list[tuple[int, Item]] = []

    def read(self, lines: list[str]) -> list[Section]:
        """Return the sections in which something was found."""
        parsed = [parse(line) for line in lines]
        following = next_filled(parsed)
        for number, line in enumerate(parsed):
            if not line.text or TAG_LINE.match(lines[number]) or len(line.text) > MAX_LINE:
                self.sections[-1].followed |= bool(line.text) and bool(self.sections[-1].strong)
                continue
            self.line(number, line, following[number])
        return [section for section in self.sections if section.strong or section.weak]

    def line(self, number: int, line: Line, behind: Line | None) -> None:
        """Take one line."""
        if line.is_heading:
            self.stack.clear()
        while self.stack and self.stack[-1][0] >= line.depth:
            self.stack.pop()
        parent = self.stack[-1][1] if self.stack else None
        if parent is not None and parent.role == "file":
            if line.marks or not is_known_file(line.text):
                return
            self.stack.pop()
            parent = self.stack[-1][1] if self.stack else None
        items = slashed(line, behind) or named(line, plain=self.plain) or folder(line, behind)
        if items:
            self.add(number, line, items, parent)
            return
        section = self.sections[-1]
        weak = mentioned(line.text) if line.marks and not line.is_heading else []
        if weak:
            section.weak.append(Item(weak[0]))
        elif not line.marks and line.depth and parent is not None:
            return
        elif not line.marks or line.is_heading or line.text.endswith(":"):
            section.followed = True
            self.sections.append(Section(line.text, number))

    def add(self, number: int, line: Line, items: list[Item], parent: Item | None) -> None:
        """Put the items of a line below the folder it belongs to."""
        section = self.sections[-1]
        (section.strong if parent is None else parent.items).extend(items)
        section.after = number + 1
        section.followed = False
        if len(items) == 1:
            self.stack.append(
                (-1 if line.is_heading and items[0].role != "file" else line.depth, items[0])
            )


def parse(line: str) -> Line:
    """Return a line taken apart; a dash counts as deeper than a key in the same column, as in YAML."""
    match = MARK.match(line[: MAX_LINE * 2])
    if match is None:
        return Line(0, "", line.strip())
    marks = match["marks"].strip()
    indent = len(match["indent"].expandtabs(4))
    text = (
        ICON.sub("", match["text"].strip())
        if not match["text"].lstrip().startswith("#")
        else match["text"].strip()
    )
    depth = 0 if marks.startswith("#") else indent * 2 + (1 if marks else 0)
    return Line(depth, marks, text.strip())


def next_filled(lines: list[Line]) -> list[Line | None]:
    """Return, for each line, the next one that is not empty."""
    found: list[Line | None] = [None] * len(lines)
    behind: Line | None = None
    for number in range(len(lines) - 1, -1, -1):
        found[number] = behind
        behind = lines[number] if lines[number].text else behind
    return found


def named(line: Line, *, plain: bool) -> list[Item]:
    """Return the file a line begins with; several if it is nothing but several."""
    text = without_markdown_escapes(line.text)
    text = RULED.sub(r"\1", LABEL.sub("", text, count=1))
    text = re.sub(r"^(?:\"[^\"]*\"|[\w]+)\s*=>\s*(?=[\"'])", "", text)
    label = FOLDER_LABEL.match(text)
    if label:
        inside = text[label.end() :]
        paths = all_paths(inside) or [word for word in [inside.strip("`\"' ")] if is_name(word)]
        if paths:
            return [Item(label[1], "folder", [Item(path) for path in paths])]
    several = touched(text) or all_links(text) or all_paths(text)
    if several:
        return [Item(path) for path in several]
    role = ROLE.fullmatch(text)
    if role and is_known_file(role[2]) and not is_file_like(role[1]):
        return [Item(role[2])]
    path = link(text)
    if path != text:
        return [Item(path)] if is_path_like(path) else []
    quoted = QUOTED.match(text) or BOLD.match(text) or ITALIC.match(text)
    if quoted:
        return quoted_item(line, text, quoted, plain=plain)
    path = without_description(text).rstrip(",;")
    return [Item(path)] if is_bare_entry(line, text, path, plain=plain) else []


def quoted_item(line: Line, text: str, quoted: re.Match[str], *, plain: bool) -> list[Item]:
    """Return the file a line quotes at its beginning."""
    path = without_description(quoted["path"].strip(" `\"'*"))
    rest = text[quoted.end() :].strip()
    if path.endswith("/") or not is_path_like(path) or is_product(path):
        return []
    sure = is_known_file(path) or re.search(r"[/\\]", path) or not rest
    loose = bool(rest) and not line.marks and re.match(r"[\w]", rest) is not None and not plain
    return [Item(path)] if sure and not loose and not COMMAND.match(path) else []


def is_bare_entry(line: Line, text: str, path: str, *, plain: bool) -> bool:
    """Tell whether a line without quotes is an entry rather than a sentence."""
    if path.endswith(("/", ".")) or is_product(path) or COMMAND.match(text):
        return (
            not path.endswith(("/", ".")) and path == text and is_known_file(path) and "/" in path
        )
    if is_spoken(path) or SPEECH.search(path):
        return False
    if path == text.rstrip(",;"):
        return is_known_file(path) or is_entry_like(path)
    separated = not re.match(r" \w", text[len(path) :])
    return (
        is_path_like(path)
        and (is_known_file(path) or "/" in path)
        and (separated or bool(line.marks) or plain)
    )


def is_entry_like(path: str) -> bool:
    """Tell whether a whole line is a path although its ending is not known: it has folders."""
    return (
        bool(re.search(r"[/\\]", path))
        and is_path_like(path)
        and " " not in path
        and not path.startswith("//")
    ) or (is_file_like(path) and " " not in path and path[0].islower())


def slashed(line: Line, behind: Line | None) -> list[Item]:
    """Return the folder that a line names with a slash in front, as in `/src`, above deeper lines."""
    match = re.fullmatch(r"/([\w@()\[\]-]+)/?:?", line.text)
    is_above = behind is not None and behind.depth > line.depth
    return [Item(match[1], "folder")] if match and is_above else []


def folder(line: Line, behind: Line | None) -> list[Item]:
    """Return the folder that a line names for the lines below it."""
    text = line.text
    bare = re.sub(r"[*`\"']", "", without_description(text.replace("**", "").rstrip(":"))).strip()
    if re.fullmatch(r"[\w.@()\[\]<>{}~$+\\/ -]*[\w.)\]>}]/", bare) and len(bare.split()) <= 3:  # noqa: PLR2004 - a name, not a sentence
        is_whole = not re.match(r"\s+\w", text[len(bare) :]) or bool(line.marks)
        return [Item(bare, "folder")] if is_whole else []
    if behind is None or line.is_heading or behind.depth <= line.depth:
        return []
    key = KEY.fullmatch(text)
    if key and not line.marks:
        return [Item(key[1], "either" if not is_wrapper(key[1]) else "group")]
    if key and behind.depth > line.depth:
        return [
            Item(
                key[1],
                "group"
                if is_wrapper(key[1]) or key[1][0].isupper()
                else "either"
                if not line.marks
                else "folder",
            )
        ]
    if WORDS_ABOUT.fullmatch(bare):
        return []
    if re.fullmatch(r"[\w.@()\[\]-]+(?:/[\w.@()\[\]-]+)*", bare) and not text.endswith(":"):
        return [
            Item(bare, "folder" if bare[0].islower() or "/" in bare or text[0] in '`"' else "group")
        ]
    return []


def is_wrapper(key: str) -> bool:
    """Tell whether a key means the list itself."""
    return bool(
        re.search(
            r"files?$|paths?$|list$|^(?:result|output|answer|items|project|structure|data)$",
            key,
            re.IGNORECASE,
        )
    )


def read_outline(lines: list[str], *, plain: bool) -> list[Section]:
    """Return the sections of files; `plain` says that the lines are a list rather than talk."""
    return Outline(plain=plain).read(lines)
