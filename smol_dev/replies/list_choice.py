"""All lists of an answer, and which of them count (F1, F2)."""

import re
from dataclasses import replace
from typing import Final

from smol_dev.replies.fences import Block, find_blocks
from smol_dev.replies.kinds import OTHER
from smol_dev.replies.labels import label_in, label_in_info
from smol_dev.replies.list_leads import is_aside, is_changed, is_news
from smol_dev.replies.list_mentions import mentioned
from smol_dev.replies.list_regions import OUTLINED, WEAK, Region, listings_in
from smol_dev.replies.list_spellings import respelled
from smol_dev.replies.listings import Listing
from smol_dev.replies.path_words import is_known_file

HEADED: Final = OUTLINED + 2
BEFORE_CODE: Final = OUTLINED + 4
SENTENCE: Final = 5
EMPTY_LIST: Final = re.compile(
    r"^[ \t]*(?:[\w. ]{1,40}[=:][ \t]*)?(?:[\[(]\s{0,9}(?:\"\"|''|null|None)?\s{0,9}[\])]|\{\s{0,9}\}|"
    r"\{\s{0,9}[\"']?\w{1,40}[\"']?\s{0,9}:\s{0,9}(?:[\[{]\s{0,9}[\]}]|\"\"|null|None)\s{0,9},?\s{0,9}\}|"
    r"\"\"|''|\"\[\]\")[ \t;.]*$|[\"'](?:files|paths|file_paths|filepaths)[\"']\s{0,9}:\s{0,9}\[\s{0,9}\]|"
    r"<(\w{1,40})>\s{0,9}</\1>|<files\s{0,9}/>|^[ \t]*(`{3,9}|~{3,9})\w{0,20}[ \t]*\n\s{0,9}\2[ \t]*$",
    re.MULTILINE,
)
SERIES: Final = re.compile(r",|\band\b|&|\bund\b|\bet\b|\by\b")
SENTENCE_END: Final = re.compile(r"(?<=[.!?。？！])\s+|(?<=[。？！])")
MANY: Final = 2
MAX_SENTENCES: Final = 2000


def find_list(text: str) -> Listing | None:
    """Return what the answer lists, put together from the lists that count, or None."""
    text = respelled(text)
    listings = find_listings(text)
    sure = counting([listing for listing in listings if listing.rank > WEAK])
    weak = [listing for listing in listings if listing.rank <= WEAK]
    chosen = sure or ([] if is_question(text) else weak)
    if not chosen:
        return sentences(text)
    return Listing(
        tuple(entry for listing in chosen for entry in listing.entries),
        max(listing.rank for listing in chosen),
        chosen[0].start,
        closed=all(listing.closed for listing in chosen),
        complete=all(listing.complete for listing in chosen),
    )


def counting(listings: list[Listing]) -> list[Listing]:
    """Return the lists that are not superseded, set aside, or less sure than another."""
    listings = sorted(listings, key=lambda listing: listing.start)
    kept = [listing for listing in listings if not is_aside(listing.lead)] or listings
    first = 0
    for number, listing in enumerate(kept):
        changed = is_changed(listing.lead) and overlaps(listing, kept[first:number])
        if changed or is_news(listing.lead, sure=listing.rank > OUTLINED):
            first = number if number and kept[number - 1].lead != listing.lead else first
    kept = kept[first:]
    best = max((listing.rank for listing in kept), default=0)
    return [listing for listing in kept if listing.rank == best]


def overlaps(listing: Listing, earlier: list[Listing]) -> bool:
    """Tell whether a list names a file that an earlier one names too."""
    known = {entry for other in earlier for entry in other.entries}
    return not known.isdisjoint(listing.entries)


def find_listings(text: str) -> list[Listing]:
    """Return the lists in the fenced blocks, between them, and in the labels above them."""
    lines = text.split("\n")
    blocks = find_blocks(lines, OTHER)
    labels = [label_of(block, lines) for block in blocks]
    files = [number for number, label in enumerate(labels) if label is not None]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    found = between(lines, blocks, labels, starts)
    for number, block in enumerate(blocks):
        if labels[number] is not None and len(files) > 1:
            continue
        region = Region(
            block.body,
            starts[block.first],
            fenced=True,
            closed=block.closed,
            lead=lead_of(block, lines),
        )
        inside = listings_in(region)
        if inside and max(listing.rank for listing in inside) > WEAK:
            found += inside
            files = [other for other in files if other != number]
    return with_headed(
        found,
        [str(labels[number]) for number in files],
        [starts[blocks[number].first] for number in files],
    )


def with_headed(found: list[Listing], labels: list[str], starts: list[int]) -> list[Listing]:
    """Return the lists with that of the labels of a whole project, unless one came before it."""
    if not labels:
        return found
    known = set(labels)
    found = [
        replace(listing, rank=BEFORE_CODE)
        if listing.rank == OUTLINED and listing.start < starts[0] and known <= set(listing.entries)
        else listing
        for listing in found
    ]
    return [*found, Listing(tuple(labels), HEADED, starts[0], closed=False)]


def between(
    lines: list[str], blocks: list[Block], labels: list[str | None], starts: list[int]
) -> list[Listing]:
    """Return the lists in the stretches between the blocks, whose label lines are left out."""
    found: list[Listing] = []
    first = 0
    for block, label in [*zip(blocks, labels, strict=True), (None, None)]:
        end = len(lines) if block is None else block.first
        part = lines[first:end]
        if label is not None:
            part = [line if label not in line or label_in(line) is None else "" for line in part]
        if any(line.strip() for line in part):
            found += listings_in(Region("\n".join(part), starts[first], closed=block is not None))
        first = end if block is None else block.after
    return found


def label_of(block: Block, lines: list[str]) -> str | None:
    """Return the path that names a block of code: in its info string, above it, or in its first line."""
    label = label_in_info(block.info)
    above = [line for line in lines[max(0, block.first - 3) : block.first] if line.strip()]
    if (
        label is None
        and above
        and not (len(above) > 1 and is_listed(above[-2]) and is_listed(above[-1]))
    ):
        label = label_in(above[-1])
    first, newline, rest = block.body.lstrip("\n").partition("\n")
    if (
        label is None
        and newline
        and rest.strip()
        and re.match(r"\s*(?://|#|--|/\*|<!--|;|%)", first)
    ):
        label = label_in(first)
    return label if label is not None and is_known_file(label) else None


def is_listed(line: str) -> bool:
    """Tell whether a line is an item of a list, or a path and nothing else, like its neighbours."""
    return re.match(r"\s*(?:[-*+•]|\d{1,3}[.)])\s", line) is not None or is_known_file(line.strip())


def lead_of(block: Block, lines: list[str]) -> str:
    """Return the words in front of a block."""
    near = [line for line in lines[max(0, block.first - 4) : block.first] if line.strip()]
    return "\n".join(near[-2:])


def sentences(text: str) -> Listing | None:
    """Return the files that sentences mention in backticks, or in a series; questions do not count."""
    found: list[str] = []
    for line in text.split("\n")[:MAX_SENTENCES]:
        if line.lstrip()[:1] in {"{", "[", '"'}:
            continue
        for sentence in SENTENCE_END.split(line):
            names = [] if is_question(sentence) else mentioned(sentence)
            if names and (f"`{names[0]}`" in line or (len(names) > 1 and SERIES.search(line))):
                found += names
    if not found or (is_question(text) and len(found) < MANY):
        return None
    return Listing(tuple(found), SENTENCE, 0, closed=False)


def is_question(text: str) -> bool:
    """Tell whether an answer ends by asking something."""
    return text.rstrip(" \n\t*_`").endswith(("?", "？"))


def is_blank(text: str) -> bool:
    """Tell whether nothing is left of an answer, or only an empty list or fence."""
    return not text.strip() or EMPTY_LIST.fullmatch(text.strip()) is not None


def has_empty_list(text: str) -> bool:
    """Tell whether an answer gives an empty list, with words around it."""
    return EMPTY_LIST.search(text) is not None
