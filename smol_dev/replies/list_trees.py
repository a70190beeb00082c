"""Drawings of folders and tables → the files they show (F1, F7)."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.listings import Item
from smol_dev.replies.path_words import (
    is_file_like,
    is_known_file,
    is_path_like,
    without_description,
)

ROOT_ABOVE: Final = 3
"""Lines above the first branch in which the root's label is looked for."""

BRANCH: Final = re.compile(
    r"^(?P<lead>[\s│┃║|]*)(?P<branch>[├└┣┗╠╚╰┝┖┕╟╙+`\\|'][─━═╴\-_–—]+[>╴]?|[├└┣┗╠╚╰┬][ \t]+|\|_)(?P<gap>[\s─]*)(?P<name>\S.*)$"
)
BAR: Final = re.compile(r"^(?P<lead>[\s│┃║|]*[│┃║|][\s│┃║|]*)(?P<name>[^\s│┃║|].*)?$")
ICON: Final = re.compile(
    r"^(?:[^\w./\\~`\"'*\[\](){}<>@$+#_%“”‘’«„-]+\s*|\[(?:D|F|d|f|DIR|FILE)\]\s*)+"
)
HEADER: Final = re.compile(
    r"\b(?:files?(?:\s*(?:name|path))?|paths?|file-?names?|filepaths?|datei\w*|fichier|archivo|name|module)\b",
    re.IGNORECASE,
)
FOLDER_HEADER: Final = re.compile(r"\b(?:folder|directory|dir|location)\b", re.IGNORECASE)
RULE: Final = re.compile(r"^[\s|:+=-]*-[\s|:+=-]*$")
MAX_ROW: Final = 4000


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part of the text that was read: its items, and the lines from `first` to `after`."""

    items: list[Item]
    first: int
    after: int
    rooted: bool = False


def find_tree(lines: list[str]) -> Drawn | None:
    """Return the first drawing of a tree, with the line of its root label."""
    expanded = [line.expandtabs(4).replace("\u00a0", " ") for line in lines]
    numbers = [number for number, line in enumerate(expanded) if is_branch(line)]
    if not numbers:
        return None
    first, after = numbers[0], numbers[0] + 1
    while after < len(lines) and (
        is_branch(expanded[after]) or is_bar(expanded[after]) or is_label_inside(expanded, after)
    ):
        after += 1
    root = root_above(expanded, first)
    top = Item("", "group")
    stack: list[tuple[int, Item]] = [(-1, top)]
    for number in range(first if root is None else root, after):
        place(expanded[number], stack)
    return Drawn(folded(top.items), first if root is None else root, after, root is not None)


def is_branch(line: str) -> bool:
    """Tell whether a line begins with the branch of a tree."""
    match = BRANCH.match(line[:MAX_ROW])
    return (
        match is not None
        and not RULE.match(line)
        and not line.rstrip().endswith("|")
        and "| " not in match["name"]
    )


def is_bar(line: str) -> bool:
    """Tell whether a line only continues the trunk of a tree, or names a file beside it."""
    return (bool(BAR.match(line)) and not line.rstrip().endswith("|")) or line.strip() in {"|", "│"}


def is_label_inside(lines: list[str], number: int) -> bool:
    """Tell whether a line without branch belongs to the drawing: another root, or a file in it."""
    line = lines[number]
    following = next((other for other in lines[number + 1 : number + 3] if other.strip()), "")
    if not line.strip():
        return is_branch(following) or (
            bool(label(following))
            and number + 2 < len(lines)
            and is_branch(lines[min(number + 2, len(lines) - 1)])
        )
    return bool(label(line)) and (is_branch(following) or is_known_file(label(line)))


def label(line: str) -> str:
    """Return the folder or file that a line without branch names, or nothing."""
    text = entry(line.strip())
    return text if text and not re.search(r"\s", text) and not text.endswith(":") else ""


def root_above(lines: list[str], first: int) -> int | None:
    """Return the number of the line with the root label right above the first branch."""
    number = first - 1
    while (
        number >= 0
        and (not lines[number].strip() or not lines[number].strip(" │|┃"))
        and first - number <= ROOT_ABOVE
    ):
        number -= 1
    if number < 0 or lines[number].rstrip().endswith(":") or not label(lines[number]):
        return None
    return number


def entry(text: str) -> str:
    """Return the name in a line of a tree, without icon and comment."""
    text = re.sub(r"^\d{1,3}[.)]\s+", "", ICON.sub("", text.strip()))
    match = re.match(r"(?:\*\*|`|\"|')+([^`*\"']+?)(?:\*\*|`|\"|')+(?:\s|$|:)", text)
    if match:
        return match[1].strip()
    return without_description(text)


def place(line: str, stack: list[tuple[int, Item]]) -> None:
    """Put the name in a line below the last line whose name begins further left."""
    match = BRANCH.match(line) or BAR.match(line)
    name = match["name"] if match else line.strip()
    if not name or not name.strip():
        return
    column = match.start("name") if match else len(line) - len(line.lstrip())
    while stack[-1][0] >= column:
        stack.pop()
    text = entry(name)
    if not text:
        return
    item = Item(text, "folder" if text.endswith("/") else "file")
    stack[-1][1].items.append(item)
    stack.append((column, item))


def folded(items: list[Item]) -> list[Item]:
    """Return the items of which those with others below are folders."""
    for item in items:
        item.role = "folder" if item.items or item.text.endswith("/") else "file"
        folded(item.items)
    return items


def find_table(lines: list[str]) -> Drawn | None:
    """Return the first table with files in a column."""
    first = 0
    while first < len(lines):
        after = first
        while after < len(lines) and is_row(lines[after]):
            after += 1
        rows = [cells(line) for line in lines[first:after] if not RULE.match(line)]
        items = column(rows)
        if after - first > 1 and items:
            return Drawn(items, first, after)
        first = max(after, first + 1)
    return None


def is_row(line: str) -> bool:
    """Tell whether a line is a row of a table."""
    return (
        "|" in line
        and re.match(r"\s*(?:[-*+•]|\d{1,3}[.)])\s", line) is None
        and len(line) < MAX_ROW
        and (
            line.strip().startswith("|")
            or bool(re.search(r"\S\s*\|\s*\S", line))
            or bool(RULE.match(line))
        )
    )


def cells(line: str) -> list[str]:
    """Return the cells of a row."""
    text = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", text)]


def column(rows: list[list[str]]) -> list[Item]:
    """Return the files in the column that its header names, or that has them."""
    if not rows:
        return []
    width = max(len(row) for row in rows)
    headers = [*rows[0], *[""] * (width - len(rows[0]))]
    counts = [
        sum(is_path_like(entry(link(row[number]))) for row in rows[1:] if number < len(row))
        for number in range(width)
    ]
    named = [number for number in range(width) if HEADER.search(headers[number]) and counts[number]]
    order = named or [
        number
        for number in range(width)
        if counts[number] * 2 >= len(rows) - 1 > 0 or is_known_file(entry(link(headers[number])))
    ]
    if not order:
        return []
    number = order[0]
    below = next(
        (at for at in range(width) if at != number and FOLDER_HEADER.search(headers[at])), None
    )
    body = rows if is_known_file(entry(link(headers[number]))) else rows[1:]
    return [
        Item(with_folder(row, number, below))
        for row in body
        if number < len(row) and entry(link(row[number]))
    ]


def with_folder(row: list[str], number: int, below: int | None) -> str:
    """Return the path in a row, with the folder from another column."""
    name = entry(link(row[number]))
    folder = entry(link(row[below])).strip("/") if below is not None and below < len(row) else ""
    if not folder or folder in {".", "-", "root", "(root)"} or "/" in name or " " in folder:
        return name
    return f"{folder}/{name}"


def link(text: str) -> str:
    """Return the path of a Markdown link, or the text."""
    match = re.match(r"\s*(?:\*\*|`)?\[`?([^\]`]+)`?\]\(<?([^)\s>]*)>?[^)]*\)", text)
    if match is None:
        return text
    shown, target = match[1].strip(), match[2].removeprefix("./")
    return (
        target
        if target.endswith(f"/{shown}") and is_file_like(target) and "://" not in target
        else shown
    )
