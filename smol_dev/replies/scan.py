"""Where the strings and comments of a source text are, without knowing its grammar."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from smol_dev.replies.kinds import JAVASCRIPT, Kind

Role = Literal["string", "comment"]

HEREDOC: Final = re.compile(r"<<[-~]?[ \t]*(['\"]?)([A-Za-z_]\w*)\1")
REGEX: Final = re.compile(r"/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*+\])++/[a-z]*")
BEFORE_REGEX: Final = re.compile(r"(?:[=(,:;!&|?\[{}+>]|\breturn)[ \t]*$")
CHARACTER: Final = re.compile(r"'(?:\\[^\n]{1,9}?|[^'\\\n])'")
CLOSED: Final = {
    '"': re.compile(r'"(?:[^"\\\n]|\\.)*+"'),
    "'": re.compile(r"'(?:[^'\\\n]|\\.)*+'"),
}
MAX_OPEN_HEREDOCS: Final = 20
LOOK_BEHIND: Final = 12


@dataclass(frozen=True, slots=True)
class Span:
    """One string or comment, delimiters included; `closed` is false when the text ended in it."""

    start: int
    end: int
    role: Role
    closed: bool


@lru_cache(maxsize=64)
def openers(kind: Kind) -> re.Pattern[str]:
    """Return the pattern that finds where a string or comment of this kind may begin."""
    marks = [re.escape(opening) for opening, _ in kind.block_comments]
    marks += [re.escape(quote) for quote in kind.long_strings]
    marks += [r"(?<![\w&$\\])#" if mark == "#" else re.escape(mark) for mark in kind.line_comments]
    if kind is JAVASCRIPT:
        marks.append("/")
    if kind.heredocs:
        marks.append("<<")
    if not kind.free_text and not kind.markup:
        marks.append('"')
    if kind.apostrophe != "nothing":
        marks.append("'")
    return re.compile("|".join(marks) or r"(?!)")


@lru_cache(maxsize=8)
def scan(text: str, kind: Kind) -> tuple[Span, ...]:
    """Return the strings and comments of `text` in order; time is linear in its length."""
    return tuple(Scanner(text, kind).spans())


class Scanner:
    """One pass over a text; remembers what has no end, so that it is searched for only once."""

    def __init__(self, text: str, kind: Kind) -> None:
        self.text = text
        self.kind = kind
        self.dead_until = {'"': 0, "'": 0}
        self.open_heredocs = 0

    def spans(self) -> list[Span]:
        """Return every span from the start of the text to its end."""
        found: list[Span] = []
        position = 0
        pattern = openers(self.kind)
        while match := pattern.search(self.text, position):
            span = self.span_at(match.start(), match.group())
            if span is None:
                position = match.end()
                continue
            found.append(span)
            position = span.end
        return found

    def span_at(self, start: int, mark: str) -> Span | None:
        """Return the span that the mark at `start` begins, or None if it begins nothing."""
        for opening, closing in self.kind.block_comments:
            if mark == opening:
                return self.until(start, start + len(mark), closing, "comment")
        if mark in self.kind.long_strings:
            return self.long_string(start, mark)
        if mark in self.kind.line_comments:
            end = self.text.find("\n", start)
            return Span(start, len(self.text) if end < 0 else end, "comment", closed=True)
        if mark == "<<":
            return self.heredoc(start)
        if mark == "/":
            return self.regex(start)
        return self.short_string(start, mark)

    def until(self, start: int, after: int, closing: str, role: Role) -> Span:
        """Return the span up to and including what closes it."""
        end = self.text.find(closing, after)
        if end < 0:
            return Span(start, len(self.text), role, closed=False)
        return Span(start, end + len(closing), role, closed=True)

    def long_string(self, start: int, quote: str) -> Span:
        """Return a string that may hold line ends."""
        position = start + len(quote)
        while (end := self.text.find(quote, position)) >= 0:
            between = self.text[position:end]
            escapes = len(between) - len(between.rstrip("\\"))
            if escapes % 2 == 0:
                return Span(start, end + len(quote), "string", closed=True)
            position = end + 1
        return Span(start, len(self.text), "string", closed=False)

    def short_string(self, start: int, quote: str) -> Span | None:
        """Return a string that ends on its line, None for a lone quote."""
        if quote == "'" and self.kind.apostrophe == "character":
            match = CHARACTER.match(self.text, start)
        elif start < self.dead_until[quote]:
            return None
        else:
            match = CLOSED[quote].match(self.text, start)
        if match is None:
            end = self.text.find("\n", start)
            self.dead_until[quote] = len(self.text) if end < 0 else end
            return None
        return Span(start, match.end(), "string", closed=True)

    def regex(self, start: int) -> Span | None:
        """Return a regular expression literal, None for a division."""
        before = self.text[max(0, start - LOOK_BEHIND) : start]
        if not (BEFORE_REGEX.search(before) or not before.strip()):
            return None
        match = REGEX.match(self.text, start)
        return Span(start, match.end(), "string", closed=True) if match else None

    def heredoc(self, start: int) -> Span | None:
        """Return a here-document, None for a shift or one without end."""
        match = HEREDOC.match(self.text, start)
        if match is None or self.open_heredocs >= MAX_OPEN_HEREDOCS:
            return None
        end = re.compile(rf"^[ \t]*{match[2]}[ \t]*$", re.MULTILINE).search(self.text, match.end())
        if end is None:
            self.open_heredocs += 1
            return None
        return Span(start, end.end(), "string", closed=True)


def without_strings_and_comments(text: str, kind: Kind) -> str:
    """Return only the code of `text`."""
    parts = []
    position = 0
    for span in scan(text, kind):
        parts.append(text[position : span.start])
        position = span.end
    parts.append(text[position:])
    return "".join(parts)
