"""Where in an answer the list of files is, and which of several lists counts (F1, F2, F9)."""

import re
from dataclasses import dataclass, field
from typing import Final

from smol_dev.replies.choose import context
from smol_dev.replies.fences import Block, find_blocks
from smol_dev.replies.kinds import HASHED, JSON, MARKDOWN, OTHER, PATCH, PYTHON, SHELL, TEXT, XML, YAML
from smol_dev.replies.labels import label_in, label_in_info
from smol_dev.replies.listing import heading_of, listed
from smol_dev.replies.literals import read_literal
from smol_dev.replies.trees import drawn_tree, indented_tree
from smol_dev.replies.values import paths_in

ANNOUNCED: Final = re.compile(
    r"\b(?:final|updated|corrected|revised|fixed|improved|complete|full|new|better|actual|definitive)\b[^\n]{0,60}\b(?:list|files?|paths?|"
    r"structure|version|answer|array|json|tree|one|set|output)\b|\b(?:final|corrected|updated|revised|finally)\b\W*$|"
    r"^\W*(?:final|updated|corrected|revised|actually|correction|wait|oops|scratch that|after review)\b",
    re.IGNORECASE,
)
LITERAL_AT: Final = re.compile(
    r"^[ \t]*(?:(?:const|let|var|return|export default|json|files?|paths?|output|answer|result|list|final)?[ \t]*[\w.:<>\[\] ]{0,60}?[=:][ \t]*|return[ \t]+|json[ \t]*)?(?=[\[{(\"“])|"
    r"[:=>.!?][ \t]*(?=[\[{][ \t\n]*[\"'`“‘\[{\w.])|\[TOOL_CALLS\][ \t]*|\b\w+\((?=[\[{])|(?<=[`*])(?=\[[\"'])",
    re.MULTILINE,
)
ELEMENT: Final = re.compile(
    r"<(?P<close>/)?(?P<tag>file_?path|file_?name|filepath|file|path|item|li|entry|name|string|folder|directory|dir|component|f)\b(?P<attributes>[^<>]{0,400}?)(?P<empty>/)?>(?P<text>[^<>\n]{0,300})", re.IGNORECASE
)
ATTRIBUTE: Final = re.compile(r"(?:path|name|file|filename|filepath|src|href|value|id)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
FOLDERS: Final = frozenset({"folder", "directory", "dir"})
MAX_FAILURES: Final = 30


@dataclass(frozen=True, slots=True)
class List:
    """The entries as written; `is_open` says that the end of the list was not seen."""

    entries: list[str]
    is_open: bool
    is_empty_list: bool = False


@dataclass(slots=True)
class Literals:
    """The lists written as literals in a text."""

    lists: list[tuple[list[str], str]] = field(default_factory=list)
    closed: bool = True
    empty: bool = False


def find_list(text: str) -> List:
    """Return the list in an answer; without entries when there is none."""
    lines = text.split("\n")
    blocks = find_blocks(lines, OTHER)
    if blocks:
        found = in_blocks(blocks, lines)
        if found is not None:
            return found
        outside = outside_lines(blocks, lines)
        return find_in("\n".join(outside))
    return find_in(text)


def outside_lines(blocks: list[Block], lines: list[str]) -> list[str]:
    """Return the lines that are in no block."""
    inside = {number for block in blocks for number in range(block.first, block.after)}
    return [line for number, line in enumerate(lines) if number not in inside]


def in_blocks(blocks: list[Block], lines: list[str]) -> List | None:
    """Return the list that fenced blocks give: their labels in a whole project, else what they hold."""
    labels = []
    lists: list[tuple[List, bool]] = []
    end = 0
    for block in blocks:
        near = context(lines, end, block.first)
        end = block.after
        label = label_of(block, near)
        found = find_in(block.body) if may_be_list(block) else List([], is_open=False)
        if label is not None and (block.kind not in {JSON, TEXT, YAML, None} or not found.entries or looks_like_file(label, block)):
            labels.append(label)
        elif found.entries or found.is_empty_list:
            open_block = List(found.entries, found.is_open and not block.closed or not block.closed, found.is_empty_list)
            lists.append((open_block, any(ANNOUNCED.search(line) for line in near[:2])))
    if len(labels) > 1 or (labels and not lists):
        return List(labels, is_open=not blocks[-1].closed)
    return chosen(lists)


def looks_like_file(label: str, block: Block) -> bool:
    """Tell whether a labelled block is the content of a file, not a list under a heading."""
    return label.endswith((".json", ".yml", ".yaml", ".txt")) and not block.body.lstrip().startswith("[")


def chosen(lists: list[tuple[List, bool]]) -> List | None:
    """Return the list announced as final, else all of them one after the other."""
    if not lists:
        return None
    final = [one for one, announced in lists[1:] if announced]
    if final:
        return final[-1]
    return List(
        [entry for one, _ in lists for entry in one.entries],
        is_open=lists[-1][0].is_open,
        is_empty_list=all(one.is_empty_list for one, _ in lists),
    )


def label_of(block: Block, near: list[str]) -> str | None:
    """Return the path of the file a block holds, in an answer that gives the whole project."""
    label = label_in_info(block.info) or (label_in(near[0]) if near else None)
    if label is None and near and near[0].lstrip().startswith(("#", "*")):
        label = heading_of(near[0].strip("#* :"))[1]
    if label is None and block.kind not in {JSON, TEXT, None, YAML, SHELL}:
        first = block.body.lstrip("\n").partition("\n")[0]
        label = label_in(first) if first.lstrip().startswith(("#", "//", "<!--", "/*", "--")) else None
    return label


def may_be_list(block: Block) -> bool:
    """Tell whether a block's language allows it to be a list of paths."""
    return block.kind in {None, JSON, TEXT, YAML, XML, MARKDOWN, PYTHON, SHELL, HASHED, PATCH} or block.body.lstrip()[:1] in {"[", "{"} or block.language in {
        "javascript", "js", "ts", "typescript", "html", "toml", "ini"
    }


def find_in(text: str) -> List:
    """Return the list in a text without fences."""
    literals = in_literals(text)
    if literals.lists:
        final = [entries for entries, line in literals.lists[1:] if ANNOUNCED.search(line)]
        entries = final[-1] if final else [entry for part, _ in literals.lists for entry in part]
        return List(entries, is_open=not literals.closed)
    tagged = in_elements(text)
    if tagged:
        return List(tagged, is_open=not re.search(r">\s*$", text) and "</" in text)
    lines = text.split("\n")
    tree = drawn_tree(lines) or indented_tree([line for line in lines if line.strip()])
    if tree:
        last = next((line for line in reversed(lines) if line.strip()), "")
        return List(tree, is_open=bool(re.match(r"[\s│|]*[├└|`+\\]", last)) or not re.search(r"\s", last.strip()))
    found = announced_part(lines)
    entries = listed(found)
    return List(entries.entries, is_open=entries.at_end, is_empty_list=literals.empty)


def announced_part(lines: list[str]) -> list[str]:
    """Return the lines behind the last announcement of a final list, if a list follows it."""
    for number in range(len(lines) - 1, 0, -1):
        line = lines[number].strip()
        if line.endswith((":", "*", "#")) or line.startswith("#"):
            if ANNOUNCED.search(line.strip("*#: ") + ":") and listed(lines[:number]).entries and listed(lines[number + 1 :]).entries:
                return lines[number + 1 :]
    return lines


def in_literals(text: str) -> Literals:
    """Return every literal in the text that gives paths, with the words that announce it."""
    found = Literals()
    position = failures = 0
    while failures < MAX_FAILURES and (match := LITERAL_AT.search(text, position)):
        start = match.end()
        literal = read_literal(text, start) if start < len(text) else None
        entries = paths_in(literal.node) if literal and is_list(text, start, literal.end) else []
        if literal is None or not entries:
            found.empty = found.empty or bool(literal and text[start : literal.end].strip() in {"[]", "{}"} or literal and is_empty(text[start : literal.end]))
            failures += 1
            position = max(start, match.start() + 1)
            continue
        found.lists.append((entries, announcement(text, match.start(), start)))
        found.closed = literal.closed
        position = max(literal.end, start + 1)
    return found


def is_empty(literal: str) -> bool:
    """Tell whether a literal is a list of nothing, wrapped or not."""
    return bool(re.fullmatch(r"\{\s*[\"']?\w+[\"']?\s*:\s*\[\s*\]\s*\}|\[\s*\]|\[\s*\"\"\s*\]", literal.strip()))


def is_list(text: str, start: int, end: int) -> bool:
    """Tell whether what stands at a bracket is a literal, not a link, a path, or a sentence."""
    behind = text[end : end + 1]
    if text[start] == "(" and not re.search(r"[\"'`]", text[start:end]):
        return False
    if text[start] == "[" and re.match(r"\[[ xX]?\]", text[start : start + 3]) and end - start < 4:  # noqa: PLR2004 - a task box
        return False
    if text[start] in "\"“":
        return text[start + 1 : start + 2] in {"[", "{"} or is_quoted_list(text, start, end)
    return behind not in {"(", "/"} or text[start:end].count("\n") > 0


def is_quoted_list(text: str, start: int, end: int) -> bool:
    """Tell whether a quoted string is one of several on its line, or holds several paths."""
    return "," in text[start:end] and text[end:].strip() == "" and text[:start].strip() == ""


def announcement(text: str, match_start: int, start: int) -> str:
    """Return the words in front of a literal: on its line, else on the line above."""
    line_start = text.rfind("\n", max(0, start - 400), start) + 1
    same_line = text[max(line_start, start - 400) : start].strip()
    if len(same_line) > 3:  # noqa: PLR2004 - more than a bracket's decoration
        return same_line
    above = text[max(0, match_start - 400) : match_start].rstrip()
    return above.rpartition("\n")[2]


def in_elements(text: str) -> list[str]:
    """Return the paths in XML-like elements, those in folder elements below the folder."""
    found: list[str] = []
    folders: list[str] = []
    for match in ELEMENT.finditer(text):
        tag = match["tag"].lower()
        named = ATTRIBUTE.search(match["attributes"] or "")
        if tag in FOLDERS:
            if match["close"]:
                folders = folders[:-1]
            elif not match["empty"]:
                folders.append(named[1] if named else match["text"].strip())
            continue
        inside = "" if match["close"] or match["empty"] else match["text"].strip()
        name = named[1] if named and not match["close"] else inside
        if not name or tag in {"name", "string", "item", "li", "f"} and not re.search(r"[./]", name):
            continue
        found.append("/".join([*(folder.strip("/") for folder in folders if folder), name]))
    return found
