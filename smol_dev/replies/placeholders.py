"""Comments and markers that stand for code that was left out (rule C8)."""

import re
from functools import lru_cache
from typing import Final, Literal

from smol_dev.replies.elisions import CUT_MARKER, DOTS, MARKER, STRONG, WEAK
from smol_dev.replies.kinds import JSON, MARKDOWN, PYTHON, TEXT, Kind
from smol_dev.replies.scan import Span, scan

NOT_LEFT_OUT: Final = re.compile(
    r"\b(?:todo|fixme|xxx|add (?:more|your|new|further|any))\b", re.IGNORECASE
)
OPENING: Final = re.compile(
    r"^\s*(?://+|#+|--+(?:\[\[)?|;+|%+|/\*+|\*+(?!/)|<!--+|\{/\*+|\{#-?|<%--?|<%#|\{\{!-*|\(\*|\{-|'|REM |rem |::)?\s*"
)
CLOSING: Final = re.compile(r"\s*(?:\*+/\}?|--+>|-?#\}|-*%>|-*\}\}|\*\)|-\}|\]\])?\s*$")
JSON_DOTS: Final = re.compile(
    r"\s*\"(?:\.{3}|…|//[^\"]*)\"\s*:.*(?:\.{3}|…|rest|unchanged|existing).*"
)
SPREAD: Final = re.compile(r"\.{3}[\w$][\w$.()\[\]?]*,?")
MAX_LINE: Final = 240

Claim = Literal["words", "marked", "dots"]
"""Words that are clear by themselves, also behind code where marked, or only where they stand alone."""


def left_out(content: str, kind: Kind) -> str | None:
    """Return the first comment or marker that stands for code left out, or None."""
    inside: set[int] = set()
    line = position = 0
    for span in scan(content, kind):
        if span.role == "comment" and (found := elision_in(content, span)):
            return found
        line += content.count("\n", position, span.start)
        last = line + content.count("\n", span.start, span.end)
        inside.update(range(line + 1, last + 1))
        position, line = span.end, last
    return first_marker(content.split("\n"), inside, kind)


def elision_in(content: str, span: Span) -> str | None:
    """Return the line of a comment that says that code was left out.

    One behind code must be marked by dots as well; one of several lines must say so in words.
    """
    comment = content[span.start : span.end]
    for line in comment.split("\n"):
        said = claim(line) if len(line) <= MAX_LINE else None
        if said is None:
            continue
        line_start = content.rfind("\n", max(0, span.start - MAX_LINE), span.start) + 1
        own_line = not content[line_start : span.start].strip(" \t{<")
        if said in {"marked", "words"}:
            stands = own_line or said == "marked"
        else:
            lone = span_lines(comment) <= 1 and not has_comment_beside(content, span, line_start)
            stands = own_line and lone
        if stands:
            return line.strip()
    return None


def span_lines(comment: str) -> int:
    """Return how many lines of a comment have words or dots in them."""
    return sum(any(mark.isalnum() or mark in ".…" for mark in line) for line in comment.split("\n"))


def has_comment_beside(content: str, span: Span, line_start: int) -> bool:
    """Tell whether the line above or below is a comment in words, of which this is one line."""
    mark = re.match(r"\W+", content[span.start : span.start + 4])
    if mark is None or line_start == 0:
        return False
    above = content[content.rfind("\n", 0, line_start - 1) + 1 : line_start].strip()
    below = content[span.end + 1 : span.end + MAX_LINE].partition("\n")[0].strip()
    opening = mark[0].strip(" .…(")
    return any(
        bool(opening) and line.startswith(opening) and any(map(str.isalpha, line))
        for line in (above, below)
    )


@lru_cache(maxsize=1024)
def claim(comment: str) -> Claim | None:
    """Return how clearly a line of a comment says that it stands for code, None when it does not."""
    text = CLOSING.sub("", OPENING.sub("", comment)).strip(" \t-=*#~/")
    if re.fullmatch(rf"{DOTS}|[\[(]{DOTS}[\])]", text):
        return "dots"
    marked = bool(re.match(rf"[\[(<]?\s*{DOTS}|[\[<].*[\]>]$", text))
    words = re.sub(r"\s+", " ", text.strip(" \t.…[]()<>{}:!"))
    if not words or (
        NOT_LEFT_OUT.search(words) and not re.match("insert|rest ", words, re.IGNORECASE)
    ):
        return None
    if STRONG.fullmatch(words):
        return "marked" if marked else "words"
    if marked and re.match(r"insert\b", words, re.IGNORECASE):
        return "marked"
    return "dots" if re.match(DOTS, text) and WEAK.fullmatch(words) else None


def first_marker(lines: list[str], inside: set[int], kind: Kind) -> str | None:
    """Return the first line, outside strings and comments, that stands for omitted text."""
    previous = ""
    for number, line in enumerate(lines):
        text = line.strip()
        if number not in inside and 0 < len(text) <= MAX_LINE and is_marker(text, previous, kind):
            return text
        previous = text or previous
    return None


def is_marker(text: str, previous: str, kind: Kind) -> bool:
    """Tell whether a line outside comments is a mark for omitted text."""
    dotted = ".." in text or "…" in text
    if not dotted and text[0] not in "[<{(" and kind is not JSON:
        return False
    if CUT_MARKER.search(text):
        return True
    if kind is TEXT:
        return False
    if kind.brackets and SPREAD.fullmatch(text):
        return False
    if re.fullmatch(DOTS, text):
        return kind.brackets and kind is not PYTHON and not previous.endswith(",")
    if kind is JSON and JSON_DOTS.fullmatch(text):
        return True
    if text[0] not in "[<{(.…" or (
        kind.markup and text[0] == "<" and not re.match(r"<\w+ \w+ ", text)
    ):
        return False
    if kind is MARKDOWN and re.match(r"\[[^\]]*\](?:\(|\[|:)", text):
        return False
    return bool(MARKER.fullmatch(text))
