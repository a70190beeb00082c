"""A stretch of an answer, inside a fence or outside all of them → the lists in it."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.list_leads import NEWS, is_news
from smol_dev.replies.list_literals import Literals
from smol_dev.replies.list_outline import read_outline
from smol_dev.replies.list_tags import find_tags
from smol_dev.replies.list_trees import find_table, find_tree
from smol_dev.replies.listings import Item, Listing, entries_of
from smol_dev.replies.literals import Found, Node, read_literal
from smol_dev.replies.path_words import is_file_like, is_path_like

LITERAL, TAGGED, DRAWN, FENCED, OUTLINED, WEAK = 60, 60, 50, 45, 40, 10
OPENING: Final = re.compile(
    r"(?:(?<![\w/\\.\])}])|(?<=%w)|(?<=%i))(?:\[(?![ xX✓]\]\s)(?!\d{1,3}\][ \t])(?!`?[^\[\]\n]*\]\()|\{|\((?=\s*(?:[\"'`“]|[\w./-]+\.\w+[\s,])))"
    r"|(?<=List)\((?=\s{0,9}[\"'])|(?<=\bof)\((?=\s{0,9}[\"'])|(?<=rray)\((?=\s{0,9}[\"'])|(?<=Set)\((?=\s{0,9}[\"'])"
    r"|\A\s*(?:[\w ]+[=:]\s*)?(?P<string>[\"'](?=\s*[\[{]|[\w./-]+\.\w+\\n))"
)
SEGMENT: Final = re.compile(r"[\[({][\w@.*-]+[\])}](?=[\w./\\-])|\{\{?[\w ]+\}?\}/|\$\{")
MAX_DRAWN: Final = 6
MAX_LITERALS: Final = 12_000
MAX_LINES: Final = 3_000
REREAD: Final = 60_000


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of text. `closed` says that a fence ended it, `fenced` that it stands in one."""

    text: str
    start: int
    fenced: bool = False
    closed: bool = False
    lead: str = ""


def listings_in(region: Region) -> list[Listing]:
    """Return the lists in a stretch of text, of the surest form that is there."""
    tags = find_tags(region.text, string_lines)
    if tags is not None and (entries := entries_of(tags.items)):
        lead = lead_before(region, tags.start)
        rest = bool(region.text[tags.end :].strip())
        closed = region.closed or (tags.closed and (tags.wrapped or rest))
        return [
            Listing(entries, TAGGED, region.start + tags.start, lead, closed=closed, complete=True)
        ]
    literals, end = literals_in(region)
    if literals:
        return [*literals, *announced_behind(region, end)]
    if is_data(region.text):
        return []
    lines = region.text.split("\n")[:MAX_LINES]
    return drawn_in(region, lines) or outlined_in(region, lines)


def announced_behind(region: Region, end: int) -> list[Listing]:
    """Return the lists of another form that are announced behind the last literal."""
    text = region.text[end:]
    if not NEWS.search(text):
        return []
    rest = Region(text, region.start + end, fenced=region.fenced, closed=region.closed)
    lines = text.split("\n")[:MAX_LINES]
    found = drawn_in(rest, lines) or outlined_in(rest, lines)
    return [
        found_one for found_one in found if is_news(found_one.lead, sure=found_one.rank > OUTLINED)
    ]


def is_data(text: str) -> bool:
    """Tell whether a text is one object or array and nothing else, such as a schema."""
    text = text.strip()
    found = read_literal(text, 0) if text[:1] in {"{", "["} and text[-1:] in {"}", "]"} else None
    return found is not None and found.closed and found.end == len(text)


def string_lines(text: str) -> list[Item]:
    """Return the files of a list that is the text of a string or element."""
    found = read_literal(text, 0) if text[:1] in {"[", "{"} else None
    if found is not None:
        return Literals(string_lines).items(found.node)
    lines = text.split("\n")
    drawn = find_tree(lines)
    if drawn is not None:
        return [Item(entry) for entry in entries_of(drawn.items, rooted=drawn.rooted)]
    sections = read_outline(lines, plain=True)
    return [item for section in sections for item in section.strong]


def literals_in(region: Region) -> tuple[list[Listing], int]:
    """Return the arrays and objects that list files, and where the last of them ends."""
    found: list[Listing] = []
    reader = Literals(string_lines)
    position, end, budget = 0, 0, REREAD
    text = region.text
    while budget > 0 and len(found) < MAX_LITERALS and (match := OPENING.search(text, position)):
        start = match.start("string") if match["string"] else match.end() - 1
        if SEGMENT.match(text, start) or is_aside_in_prose(text, start):
            position = start + 1
            continue
        value = read_literal(text, start)
        if match["string"] and value and not is_balanced(value.node.text):
            position = start + 1
            continue
        entries = entries_of(reader.items(value.node)) if value else ()
        if value is not None and is_list(entries, value.node):
            found.append(literal_listing(region, start, value, entries))
            end = value.end
        elif value is not None and not value.closed and value.end - start > 1:
            budget -= value.end - start
            position = start + 1
            continue
        position = max(value.end if value else start + 1, start + 1)
    return found, end


def is_aside_in_prose(text: str, start: int) -> bool:
    """Tell whether a parenthesis stands in a sentence rather than opening a tuple."""
    before = text[max(0, start - 80) : start].rpartition("\n")[2]
    return (
        text[start] == "("
        and re.search(r"(?:^|[=:(,\[>]|\breturn|List|\bof|rray|Set)\s*$", before) is None
    )


def is_balanced(text: str) -> bool:
    """Tell whether an encoded list is all of a string, not only its beginning up to a bare quote."""
    return all(text.count(opening) == text.count(closing) for opening, closing in ("[]", "{}"))


def literal_listing(region: Region, start: int, value: Found, entries: tuple[str, ...]) -> Listing:
    """Return what an array or object lists, and whether its end is known."""
    text = region.text[start : value.end]
    complete = value.closed or not is_cut_entry(text)
    return Listing(
        entries,
        LITERAL,
        region.start + start,
        lead_before(region, start),
        closed=value.closed or list_is_closed(value.node, text),
        complete=complete,
    )


def is_cut_entry(text: str) -> bool:
    """Tell whether a literal that was not closed ends in the middle of a name."""
    last = re.search(r"[\"'`“]([^\"'`“”\n]*)$", text.rstrip("]}) \n,"))
    return bool(
        last
        and last[1]
        and not is_file_like(last[1].strip())
        and not text.rstrip().endswith(("]", "}", '"', "'"))
    )


def list_is_closed(node: Node, text: str) -> bool:
    """Tell whether the list inside an object that was cut had ended before."""
    keyed = [(key.text, value) for key, value in node.items if key is not None]
    lists = [value for _, value in keyed if value.shape == "array" and value.items]
    if node.shape != "object" or not lists or any(is_file_like(key) for key, _ in keyed):
        return False
    is_last = node.items[-1][1] is lists[-1]
    holds_strings = all(value.shape in {"string", "bare"} for _, value in lists[-1].items)
    return not is_last or (holds_strings and text.rstrip(" \n,").endswith("]"))


def is_list(entries: tuple[str, ...], node: Node) -> bool:
    """Tell whether what was read is a list of files rather than other data."""
    if any(is_file_like(entry) for entry in entries):
        return True
    return (
        bool(entries)
        and (node.shape == "array" or len(entries) > 1)
        and all(is_path_like(entry) or re.fullmatch(r"[\w.~<>-]+/?", entry) for entry in entries)
        and any(re.search(r"[/\\]", entry) for entry in entries)
    )


def drawn_in(region: Region, lines: list[str]) -> list[Listing]:
    """Return the trees and tables."""
    found: list[Listing] = []
    for find in (find_tree, find_table):
        rest, offset = lines, 0
        while (drawn := find(rest)) is not None:
            entries = entries_of(drawn.items, rooted=drawn.rooted)
            closed = region.closed or any(line.strip() for line in rest[drawn.after :])
            start = sum(len(line) + 1 for line in lines[: offset + drawn.first])
            if any(is_file_like(entry) for entry in entries):
                found.append(
                    Listing(
                        entries,
                        DRAWN,
                        region.start + start,
                        lead_before(region, start),
                        closed=closed,
                    )
                )
            offset += drawn.after
            rest = rest[drawn.after :]
            if len(found) > MAX_DRAWN:
                break
        if found:
            return found
    return found


def outlined_in(region: Region, lines: list[str]) -> list[Listing]:
    """Return the bullets, numbers and lines, a list for each lead above them."""
    found: list[Listing] = []
    sections = read_outline(lines, plain=region.fenced)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for section in sections:
        strong = bool(section.strong)
        entries = entries_of(section.strong or section.weak)
        if not entries:
            continue
        rank = (FENCED if region.fenced else OUTLINED) if strong else WEAK
        closed = region.closed or section.followed or section is not sections[-1]
        start = starts[section.first]
        lead = section.lead or lead_before(region, start)
        found.append(Listing(entries, rank, region.start + start, lead, closed=closed))
    strong_ones = [listing for listing in found if listing.rank > WEAK]
    return strong_ones or found


def lead_before(region: Region, start: int) -> str:
    """Return the words right in front of a list: the last lines that are not empty."""
    before = region.text[max(0, start - 600) : start].rstrip().split("\n")
    near = [line for line in before if line.strip()][-2:]
    return "\n".join(near) if near else region.lead
