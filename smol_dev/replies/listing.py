"""Paths in lines: bullets, numbers, tables, headings, bare lines, and sentences (F1, F3)."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.entries import DESCRIPTION, EXTENSION, PRODUCTS, looks_like_path, without_description
from smol_dev.replies.trees import ICONS
from smol_dev.replies.unfenced import COMMAND
from smol_dev.replies.values import ROOT_MARKERS, WRAPPER

ITEM: Final = re.compile(r"^(?P<indent>\s*)(?:[-*+•◦▪●–—‣]\s+|\(?\d{1,4}[.):]\)?\s+|[a-z][.)]\s+|\d{1,4}\s+[-–]\s+|>\s+)(?:\[[ xX]\]\s+)?(?P<text>\S.*)$")
HEADING: Final = re.compile(r"^\s*(?:#{1,6}\s+|\*\*(?=[^*]+\*\*:?\s*$)|__(?=[^_]+__:?\s*$))(?P<text>.*?)[\s:*#_]*$")
LINK: Final = re.compile(r"^!?\[(?P<text>[^\]\n]{1,200})\]\((?P<target>[^()\s]{1,300})\)")
MARKED: Final = re.compile(r"`([^`\n]{1,240})`|\*\*([^*\n]{1,240})\*\*|\"([^\"\n]{1,240})\"|“([^”\n]{1,240})”|__([^\s_][^\n]{0,200}?)__|<code>([^<\n]{1,200})</code>|'([^'\n]{1,240})'|\*([^*\s][^*\n]{0,200})\*")
COLUMN: Final = re.compile(r"file|path|name|datei|pfad|archivo|fichier", re.IGNORECASE)
LABEL: Final = re.compile(r"^(?:\*\*)?[A-Z][\w /-]{0,40}(?:\*\*)?\s*:(?:\*\*)?\s+")
NUMBER_LABEL: Final = re.compile(r"^(?:files?|path|datei|archivo|fichier|filename|name)?\s*(?:no\.?|#)?\s*\d*\s*[:=]\s*(?=\S)", re.IGNORECASE)
TOUCH: Final = re.compile(r"^\s*(?:\$ )?(?:touch|New-Item|code|vim|nano)\s+(?P<paths>[^&|;>#]+)")
ESCAPED: Final = re.compile(r"\\([_*\[\]()#.\-~`])")


@dataclass(frozen=True, slots=True)
class Listed:
    """The entries found in lines, and whether the last filled line is one of them."""

    entries: list[str]
    at_end: bool


def listed(lines: list[str]) -> Listed:
    """Return the entries of the list in some lines; of sentences only when there is no list."""
    table = in_table(lines)
    if table:
        return Listed(table, at_end=lines_end_with(lines, "|"))
    structured = in_items(lines)
    if structured.entries:
        return structured
    bare = bare_lines(lines)
    if bare.entries:
        return bare
    return Listed(in_sentences(lines), at_end=False)


def lines_end_with(lines: list[str], mark: str) -> bool:
    """Tell whether the last filled line begins with a mark."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last.strip().startswith(mark)


def in_table(lines: list[str]) -> list[str]:
    """Return the entries of the tables in some lines, one a row."""
    rows = [split_row(line) for line in lines if line.strip().startswith("|") or line.count("|") > 1 and "`" in line]
    if len(rows) < 2 or not any(all(re.fullmatch(r":?-+:?", cell) for cell in row if cell) for row in rows):  # noqa: PLR2004 - a heading and a rule
        return []
    column = next((place for place, cell in enumerate(rows[0]) if COLUMN.search(cell)), None)
    found = []
    for row in rows[1:]:
        cells = [row[column]] if column is not None and column < len(row) else []
        entry = next((entry for cell in [*cells, *row] if (entry := entry_in(cell)) is not None), None)
        if entry is not None:
            found.append(entry)
    return found


def split_row(line: str) -> list[str]:
    """Return the cells of a table row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def entry_in(text: str) -> str | None:
    """Return the one path an item is about: the first that is marked, else its first words."""
    text = ICONS.sub("", ESCAPED.sub(r"\1", text.strip())).strip().rstrip(",;")
    link = LINK.match(text)
    if link:
        return link["text"].strip("`* ") if looks_like_path(link["text"].strip("`* ")) else link["target"]
    text = NUMBER_LABEL.sub("", text)
    marked = MARKED.search(text)
    if marked and not re.search(r"\w", LABEL.sub("", text[: marked.start()])):
        inside = next(group for group in marked.groups() if group is not None)
        inner = LINK.match(inside)
        return entry_in(inside) if inner or marked.group()[0] == "*" and inside[:1] in "`[\"" else checked(inside)
    plain = checked(without_description(text))
    if plain is not None:
        return plain
    label = LABEL.match(text)
    if label and not looks_like_path(label.group().strip(" :*")):
        return checked(without_description(text[label.end() :].strip("`*\"'")))
    return None


def checked(text: str) -> str | None:
    """Return a text that can be a path, without the mark of a sentence's end; else None."""
    text = text.strip().strip("`\"'*").rstrip(",;")
    if re.search(r"\w\.$", text):
        text = text[:-1]
    if PRODUCTS.fullmatch(text) and text[0].isupper() and "/" not in text:
        return None
    path = without_description(text)
    return text if looks_like_path(path) or re.fullmatch(r"(?:\.\.|~)?/.*|.*://.*|\.{3}|…", text) else None


def in_items(lines: list[str]) -> Listed:
    """Return the entries of bullets, numbers and headings; deeper items lie in folders."""
    found: list[str] = []
    folders: list[tuple[int, str | None]] = []
    section = ""
    last = -1
    tops = 0
    for number, line in enumerate(lines):
        heading = HEADING.match(line)
        if heading and not ITEM.match(line):
            section, entry = heading_of(heading["text"])
            found.extend([entry] if entry else [])
            last = number if entry else last
            folders = []
            continue
        item = ITEM.match(line) or yaml_key(line)
        if item is None:
            continue
        indent = len(item["indent"].expandtabs(4))
        while folders and folders[-1][0] >= indent:
            folders.pop()
        tops += not folders
        if folders and folders[-1][1] is None:
            continue
        last = number
        prefix = folders[-1][1] if folders else section
        folders.append((indent, add_item(item["text"], prefix or "", found, has_deeper(lines, number, indent))))
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return Listed(strip_single_root(found, tops), at_end=bool(filled) and last >= 0 and filled[-1] == last)


def yaml_key(line: str) -> re.Match[str] | None:
    """Return the match for a YAML key that maps to what lies in a folder."""
    return re.match(r"^(?P<indent>\s*)(?P<text>[\w.@()\[\]/-]+/?:)\s*$", line)


def has_deeper(lines: list[str], number: int, indent: int) -> bool:
    """Tell whether the next item is indented further."""
    for line in lines[number + 1 : number + 4]:
        if line.strip():
            item = ITEM.match(line) or yaml_key(line)
            return item is not None and len(item["indent"].expandtabs(4)) > indent
    return False


def add_item(text: str, prefix: str, found: list[str], deeper: bool) -> str | None:  # noqa: FBT001 - internal
    """Add an item's path; return the folder that deeper items lie in, None when they describe it."""
    entry = entry_in(text)
    folder = folder_in(text) if deeper else None
    if folder is not None and not (entry and EXTENSION.search(entry)):
        name = "" if WRAPPER.fullmatch(folder) and not folder.endswith("/") else folder.rstrip("/")
        return below(prefix, name) if name else prefix
    if entry is not None:
        found.append(below(prefix, entry))
        return None if EXTENSION.search(entry) or not deeper else below(prefix, entry.rstrip("/"))
    return prefix


def folder_in(text: str) -> str | None:
    """Return the folder that an item with deeper items names; a heading in words is none."""
    name = DESCRIPTION.split(ICONS.sub("", text.strip()))[0].strip("`*\"': ")
    if name.endswith("/"):
        return name
    lower = re.fullmatch(r"[a-z0-9_.@()\[\]-]+(?:/[\w.@()\[\]-]+)*", name)
    return name if lower and not EXTENSION.search(name) else None


def below(prefix: str, entry: str) -> str:
    """Return an entry below a folder, unless it begins with it already."""
    if not prefix or entry.lstrip("./").startswith(f"{prefix}/") or entry.startswith(("/", "~", "..")) or "://" in entry:
        return entry
    return f"{prefix}/{entry.removeprefix('./')}"


def heading_of(text: str) -> tuple[str, str | None]:
    """Return the folder a heading opens, and the file it names."""
    name = re.sub(r"^\d{1,3}[.)]\s*", "", text.strip()).strip("`*_ ")
    if name.endswith("/") and " " not in name:
        return name.strip("/").removeprefix("./"), None
    marked = re.findall(r"[`(]([^`()\n]+)[`)]", text)
    paths = [part for part in marked if looks_like_path(part) and EXTENSION.search(part)]
    if len(paths) == 1:
        return "", paths[0]
    entry = entry_in(name) if EXTENSION.search(without_description(name)) else None
    return "", entry


def strip_single_root(found: list[str], tops: int) -> list[str]:
    """Return nested items without the one folder around all, if project files lie right in it."""
    root = found[0].partition("/")[0] if found else ""
    names = [entry.removeprefix(f"{root}/") for entry in found]
    if tops == 1 and all(entry.startswith(f"{root}/") for entry in found) and any(ROOT_MARKERS.match(name) for name in names):
        return names
    return found


def bare_lines(lines: list[str]) -> Listed:
    """Return the entries of lines that consist of a path, or of several between commas."""
    found: list[str] = []
    last = -1
    for number, line in enumerate(lines):
        entries = entries_in_line(line)
        if entries:
            last = number
        found.extend(entries)
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return Listed(found, at_end=bool(filled) and last == filled[-1])


def entries_in_line(line: str) -> list[str]:
    """Return the path or paths that one line without a bullet consists of."""
    touch = TOUCH.match(line)
    if touch:
        return [word for word in touch["paths"].split() if looks_like_path(word)]
    text = line.strip()
    if not text or COMMAND.match(text) or re.match(r"(?:```|~~~|//|<)", text) and not re.match(r"<[\w -]+>/", text):
        return []
    parts = [part.strip().strip("`\"'“”*") for part in re.split(r"[,;]\s*|\s+and\s+|\s+\|\s+", text.rstrip(".,;")) if part.strip()]
    parts = [re.sub(r"^(?:and|und|y|et)\s+", "", part).strip("`\"'") for part in parts]
    if len(parts) > 1 and all(checked(part) and " " not in part for part in parts):
        return parts
    words = text.strip("`\"'").split()
    if len(words) > 1 and all(checked(word) and EXTENSION.search(word.strip("`\"',")) for word in words):
        return [word.strip("`\"',;") for word in words]
    entry = entry_in(text)
    if entry is None or text[0].isupper() and re.search(r"[.!?:]$", text) and len(words) > 2:  # noqa: PLR2004 - a sentence
        return []
    return [entry]


def in_sentences(lines: list[str]) -> list[str]:
    """Return the paths that sentences name: in back-ticks, else between commas behind a colon."""
    text = "\n".join(lines)
    ticked = [part for part in re.findall(r"`([^`\n]{1,240})`|\*\*([^*\n]{1,240})\*\*", text)]
    paths = [name for pair in ticked for part in pair if part and (name := checked(part))]
    if paths:
        return paths
    for line in lines:
        _, colon, rest = line.partition(":")
        parts = re.split(r",\s*|\s+(?:and|und|y|et)\s+", rest.strip().rstrip(".")) if colon else []
        parts = [re.sub(r"^(?:and|und|y|et)\s+", "", part.strip()) for part in parts]
        if parts and all(part and checked(part) and " " not in part for part in parts):
            paths.extend(parts)
    return paths


def paths_in_words(text: str) -> list[str]:
    """Return every file name with an extension in a text, in order."""
    pattern = re.compile(r"(?<![\w/.@:\\-])(?:\./)?(?:[\w@.()\[\]-]+/)*[\w@()\[\]-][\w@.()\[\]-]*\.[A-Za-z][\w]{0,9}(?![\w/(])")
    words = (match.group().rstrip(".)") for match in pattern.finditer(text))
    return [word for word in words if looks_like_path(word) and not (PRODUCTS.fullmatch(word) and word[0].isupper())]
