"""The fenced blocks of an answer: where each begins and ends, and what is nested in it."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from smol_dev.replies.info_strings import LANGUAGE, split_info
from smol_dev.replies.kinds import MARKDOWN, PYTHON, Kind, kind_named
from smol_dev.replies.prose import TAIL as TALK
from smol_dev.replies.prose import is_sentence, is_talk, plain
from smol_dev.replies.scan import HEREDOC, scan
from smol_dev.replies.syntax import is_python_program

FENCE: Final = re.compile(r"^([ \t]*(?:>[ \t]?)?)(`{3,}|~{3,}|'{3}|\"{3})([^\n]*)$")
GLUED_CLOSER: Final = re.compile(r"[^`~\s][ \t]*(`{3,}|~{3,})[ \t]*$")
MULTILINE: Final = ('"""', "'''", "/*", "<!--", "<<")
MAX_CLOSER_INDENT: Final = 3
MAX_BLANK: Final = 20
MAX_FENCES: Final = 4_000
SCAN_BUDGET: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: lines `first` (its opener) up to but not including `after`.

    `body` is the text between the fences; `closed` is false when no closing fence was found.
    """

    first: int
    after: int
    info: str
    body: str
    closed: bool

    @property
    def kind(self) -> Kind | None:
        """The kind of file its info string names, or None."""
        return kind_named(self.language)

    @property
    def language(self) -> str:
        """The language word of the info string, in lower case."""
        match = LANGUAGE.match(self.info)
        return match[1].split(":")[0].lower() if match else ""


@dataclass(frozen=True, slots=True)
class Fence:
    """One line that is a fence: its number, indentation, character run, and the text behind it."""

    line: int
    indent: int
    run: str
    rest: str

    def can_follow(self, opener: "Fence") -> bool:
        """Tell whether this line can open the next block when the closer of `opener` is missing."""
        return (
            self.run[0] == opener.run[0]
            and len(self.run) >= len(opener.run)
            and self.indent <= opener.indent
        )

    def closes(self, opener: "Fence") -> bool:
        """Tell whether this line can be the closing fence of `opener`."""
        return (
            not self.rest
            and self.run[0] == opener.run[0]
            and len(self.run) >= len(opener.run)
            and self.indent <= opener.indent + MAX_CLOSER_INDENT
        )


def find_blocks(lines: list[str], kind: Kind) -> list[Block]:
    """Return the blocks at the top level of an answer that was asked for a file of this kind."""
    return Finder(lines, kind).blocks()


def is_underline(line: str, above: str) -> bool:
    """Tell whether a line of tildes underlines the title above it, as in reStructuredText."""
    size = len(line.rstrip())
    return line.startswith("~~~~~~") and set(line.strip()) == {"~"} and len(above.rstrip()) == size


def fence_at(number: int, line: str) -> Fence | None:
    """Return the fence that a line is, if it is one."""
    match = FENCE.match(line) if "`" in line or "~" in line or "'" in line or '"' in line else None
    if match is None or (match[2][0] == "`" and "`" in match[3]):
        return None
    rest = match[3].strip()
    if match[2][0] in "'\"" and rest and not kind_named(rest):
        return None
    return Fence(number, len(match[1].expandtabs(4)), match[2], rest)


class Finder:
    """One pass over the lines of an answer, from opener to closer to the next opener."""

    def __init__(self, lines: list[str], kind: Kind) -> None:
        self.lines = lines
        self.kind = kind
        found = (
            fence_at(number, line)
            for number, line in enumerate(lines)
            if kind is not MARKDOWN or not is_underline(line, lines[number - 1] if number else "")
        )
        self.fences = list(islice((fence for fence in found if fence is not None), MAX_FENCES))
        self.budget = SCAN_BUDGET

    def blocks(self) -> list[Block]:
        """Return the blocks in order."""
        found: list[Block] = []
        index = 0
        while index < len(self.fences):
            opener = self.fences[index]
            if opener.run[0] in "'\"" and not self.is_quote_fence(index):
                index += 1
                continue
            block, index = self.block(index)
            found.append(block)
        return found

    def is_quote_fence(self, index: int) -> bool:
        """Tell whether three quotes are a fence: named language, or around everything."""
        opener = self.fences[index]
        if opener.rest:
            return True
        if any(line.strip() for line in self.lines[: opener.line][-MAX_BLANK:]):
            return False
        last = len(self.lines) - 1
        while not self.lines[last].strip():
            last -= 1
        if self.lines[last].strip() != opener.run or index > 0:
            return False
        inside = "\n".join(self.lines[opener.line + 1 : last])
        return self.kind is not PYTHON or is_python_program(inside)

    def block(self, index: int) -> tuple[Block, int]:
        """Return the block that the fence at `index` opens, and the index of the fence behind it."""
        opener = self.fences[index]
        info, glued = split_info(opener.rest)
        nested = self.is_markdown(info)
        closer, following = self.closing_nested(index) if nested else self.closing(index)
        end = closer.line if closer else self.end_without_closer(following)
        body = self.lines[opener.line + 1 : end]
        if glued is not None:
            body.insert(0, glued)
        after = end + 1 if closer and not closer.rest else end
        closed = closer is not None
        if not closed and (cut := glued_closer(body, opener.run)) is not None:
            after, closed = opener.line + cut + 1 + (glued is None), True
            body = [*body[:cut], GLUED_CLOSER_RUN.sub("", body[cut])]
            following = self.index_from(after, index + 1)
        return Block(opener.line, after, info, "\n".join(body), closed), following

    def index_from(self, line: int, start: int) -> int:
        """Return the index of the first fence at or behind a line."""
        index = start
        while index < len(self.fences) and self.fences[index].line < line:
            index += 1
        return index

    def is_markdown(self, info: str) -> bool:
        """Tell whether fences inside a block with this info string nest."""
        match = LANGUAGE.match(info)
        named = kind_named(match[1].split(":")[0]) if match else None
        if self.kind is MARKDOWN:
            return named in {None, MARKDOWN} or info.lower() in {"text", "txt", "plaintext"}
        return named is MARKDOWN

    def end_without_closer(self, following: int) -> int:
        """Return the line before which a block without closer ends."""
        if following < len(self.fences):
            return self.fences[following].line
        return len(self.lines)

    def closing(self, index: int) -> tuple[Fence | None, int]:
        """Return the closer of a block of code, and the index of the fence behind the block."""
        opener = self.fences[index]
        for at in range(index + 1, len(self.fences)):
            fence = self.fences[at]
            closes = fence.closes(opener)
            opens = fence.rest and fence.can_follow(opener)
            talks = opens and (is_talk(fence.rest, TALK) or is_sentence(fence.rest))
            starts = opens and not talks and kind_named(fence.rest.split(":")[0].split(" ")[0])
            if not (closes or talks or starts) or self.in_string(opener.line + 1, fence.line):
                continue
            return (None, at) if starts else (fence, at + 1)
        return None, len(self.fences)

    def closing_nested(self, index: int) -> tuple[Fence | None, int]:
        """Return the closer of a Markdown block, in which other blocks may stand."""
        opener = self.fences[index]
        inner: Fence | None = None
        for at in range(index + 1, len(self.fences)):
            fence = self.fences[at]
            if inner is not None and len(inner.run) < len(opener.run) and fence.closes(opener):
                return fence, at + 1
            if inner is not None:
                inner = None if fence.closes(inner) else inner
            elif fence.rest and fence.run[0] in "`~" and not is_talk(plain(fence.rest), TALK):
                inner = fence
            elif fence.closes(opener) or (fence.rest and fence.run[0] == opener.run[0]):
                if not self.opens_inside(at, opener):
                    return fence, at + 1
                inner = fence
            elif not fence.rest and fence.run[0] in "`~":
                inner = fence
        return None, len(self.fences)

    def opens_inside(self, at: int, opener: Fence) -> bool:
        """Tell whether a bare fence in Markdown opens an inner block rather than closing the file.

        It does when another bare fence follows that can close it and code begins right behind it;
        behind the end of a file come an empty line, the end, or words to the user.
        """
        fence = self.fences[at]
        if fence.rest or at + 1 >= len(self.fences):
            return False
        behind = self.fences[at + 1]
        next_line = self.lines[fence.line + 1]
        if behind.rest or not behind.closes(opener) or behind.line == fence.line + 1:
            return False
        before = self.lines[fence.line - 1]
        if not next_line.strip():
            return False
        talks = is_talk(plain(next_line), TALK) or is_sentence(next_line)
        return not before.strip() or not (talks or re.match(r"[A-Z][^=]*:$", next_line.strip()))

    def in_string(self, first: int, line: int) -> bool:
        """Tell whether a line is inside a string or comment that began at or behind `first`."""
        body = "\n".join(self.lines[first:line]) + "\n"
        if self.budget < len(body) or not any(mark in body for mark in MULTILINE):
            return False
        self.budget -= len(body) + len(self.lines)
        if self.kind.heredocs and (heredoc := open_heredoc(body)) is not None:
            return any(line.strip() == heredoc for line in self.lines[line + 1 :])
        spans = scan(body, self.kind)
        if not spans or spans[-1].closed:
            return False
        opening = body[spans[-1].start :][:4]
        closing = next((end for start, end in PAIRS if opening.startswith(start)), "")
        return bool(closing) and any(closing in line for line in self.lines[line + 1 :])


def open_heredoc(body: str) -> str | None:
    """Return the word that ends the heredoc in which a shell script stops, or None."""
    opened = list(HEREDOC.finditer(body))
    if not opened:
        return None
    last = opened[-1]
    if re.search(rf"^[ \t]*{last[2]}[ \t]*$", body[last.end() :], re.MULTILINE):
        return None
    return last[2]


PAIRS: Final = (('"""', '"""'), ("'''", "'''"), ("/*", "*/"), ("<!--", "-->"))
GLUED_CLOSER_RUN: Final = re.compile(r"[ \t]*(?:`{3,}|~{3,})[ \t]*$")


def glued_closer(body: list[str], run: str) -> int | None:
    """Return the index of the first line that ends in a closing fence glued to code."""
    for number, line in enumerate(body):
        match = GLUED_CLOSER.search(line) if run[0] in line[-8:] else None
        if match and match[1][0] == run[0] and len(match[1]) >= len(run):
            return number
    return None
