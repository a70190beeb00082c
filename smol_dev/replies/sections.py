"""Several files in one answer without fences, each below a line with its path (C3)."""

import re
from itertools import islice
from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies.found import Found, Request
from smol_dev.replies.labels import label_in, same_file
from smol_dev.replies.prose import is_lead
from smol_dev.replies.raw import PLAIN
from smol_dev.replies.unfenced import without_prose

SECTION_LABEL: Final = re.compile(
    r"^(?:\s*(?:={2,}|-{2,}|#{2,}|\*{2,}|<{2,}|>{2,}|~{2,})\s*\S.*|\s*\[?(?:file(?:name|path)?|path)\s*:.*)$",
    re.IGNORECASE,
)
MAX_SECTIONS: Final = 500


def own_section(text: str, request: Request) -> Found | Reason | None:
    """Return the requested file of several unfenced ones, each below a line with its path."""
    lines = text.split("\n")
    opening = opening_label(lines)
    if not SECTION_LABEL.match(lines[opening]):
        return None
    found = (
        (number, label)
        for number, line in enumerate(lines)
        if SECTION_LABEL.match(line)
        and (label := label_in(line)) is not None
        and not (request.kind.free_text and not re.match(r"\s*(?:=|\[?file)", line, re.IGNORECASE))
    )
    labels = list(islice(found, MAX_SECTIONS))
    if not labels or opening != labels[0][0]:
        return None
    style = decoration(lines, labels[0])
    labels = [one for one in labels if decoration(lines, one) == style]
    mine = [place for place, (_, label) in enumerate(labels) if same_file(label, request.path)]
    if not mine:
        return "wrong_format"
    if len(labels) == 1:
        return None
    place = mine[0]
    end = labels[place + 1][0] if place + 1 < len(labels) else len(lines)
    body = "\n".join(lines[labels[place][0] + 1 : end])
    file = without_prose(body, kind=request.kind, path=request.path)
    closed = place + 1 < len(labels) or file.followed
    return Found(file.text, is_open=not closed, rules=("C3 own section",))


def decoration(lines: list[str], label: tuple[int, str]) -> str:
    """Return a line with a label without the label: sections of one answer have it in common."""
    return re.sub(r"\d+", "", lines[label[0]].replace(label[1], "", 1)).strip(" ")


def opening_label(lines: list[str]) -> int:
    """Return the number of the first filled line that is not an announcement."""
    for number, line in enumerate(lines):
        if line.strip() and not is_lead(line, PLAIN):
            return number
    return -1
