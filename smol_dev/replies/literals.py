r"""A forgiving reader of literals: JSON, Python, TypeScript and what models write in their style.

It never decodes an escape (`src\\tests` is a path, not a tab) and tells whether everything that was
opened was closed, which is what the general JSON repairers leave out.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

Shape = Literal["array", "object", "string", "bare"]

OPENING: Final = {"[": "]", "{": "}", "(": ")"}
CLOSING: Final = frozenset("]})")
OPENERS: Final = {closing: opening for opening, closing in OPENING.items()}
MOST_CLOSERS: Final = 8
QUOTES: Final = {
    '"': '"', "'": "'", "`": "`", "“": '”“"', "”": "”", "‘": "’‘'", "’": "’", "«": "»", "„": "“”", "‚": "‘",
}  # fmt: skip
SPACE: Final = re.compile(r"(?:[\s,;]|\\(?=\n)|//[^\n]*|#[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|--[^\n]*)+")
KEY_MARK: Final = re.compile(r"\s*(?::(?![\\/])|=>|=(?!=))")
PREFIXED: Final = re.compile(r"[rbfuRBFU]{1,2}(?=[\"'])")
AFTER_QUOTE: Final = re.compile(r"[ \t]*(?:$|[,\]})\n:;#|\"'`“”‘’«»(\[{]|=>|//|--?\s|–|—|/\*|\\$|\\\n|=)")
BARE_END: Final = re.compile(r"[,\n\[\](){}\"]|\s#|\s//|:(?=[\s\"'\[{]|$)|=>|;(?=\s|$)")
LATE_QUOTE: Final = re.compile(r"\s*[\"'”’](?=\s*[,\]}])")
SWAPPED: Final = re.compile(r"[\"'](?<=(.))([\w./@-]+\.\w+)(?!\1)[\"'](?=[ \t]*[,\]\n])")
MAX_NODES: Final = 30_000
SIGNS: Final = {"n": "\n", "t": "\t", "r": ""}


def unescaped(text: str, characters: str = "ntr\"'\\/") -> str:
    """Return a text with the escapes of these characters taken out once."""
    pattern = rf"\\([{re.escape(characters)}])"
    return re.sub(pattern, lambda one: SIGNS.get(one[1], one[1]), text)


@dataclass(slots=True)
class Node:
    """One value. `items` are its parts as (key, value); the key is None in an array."""

    shape: Shape
    start: int
    text: str = ""
    items: list[tuple["Node | None", "Node"]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadLiteral:
    """A value that was read, where it ends, and whether every bracket and quote of it was closed."""

    node: Node
    end: int
    closed: bool


class Reader:
    """One pass over a text from a bracket or quote on; nesting is on our own stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.closed = True
        self.nodes = 0

    def read(self, start: int) -> ReadLiteral | None:
        """Return the value that begins at `start`, or None when none does."""
        opening = self.text[start : start + 1]
        if opening in QUOTES:
            node, end = self.string(start)
            return ReadLiteral(node, end, self.closed)
        if opening not in OPENING:
            return None
        root = Node("object" if opening == "{" else "array", start)
        stack = [root]
        keys: list[Node | None] = [None]
        position = start + 1
        while stack:
            position = self.skip(position)
            if position >= len(self.text) or self.nodes > MAX_NODES:
                return ReadLiteral(root, position, closed=False)
            character = self.text[position]
            if character in CLOSING:
                stack.pop()
                keys.pop()
                position += 1
                continue
            position = self.item(position, stack, keys)
        return ReadLiteral(root, position, self.closed)

    def skip(self, position: int) -> int:
        """Return the position behind white space, separators and comments."""
        match = SPACE.match(self.text, position)
        return match.end() if match else position

    def item(self, position: int, stack: list[Node], keys: list[Node | None]) -> int:
        """Read one value into the innermost container; return the position behind it."""
        self.nodes += 1
        character = self.text[position]
        if character in OPENING:
            node = Node("object" if character == "{" else "array", position)
            self.add(node, stack, keys)
            stack.append(node)
            keys.append(None)
            return position + 1
        prefix = PREFIXED.match(self.text, position)
        if prefix or character in QUOTES:
            node, end = self.string(prefix.end() if prefix else position)
        else:
            node, end = self.bare(position)
        mark = KEY_MARK.match(self.text, end)
        if mark and keys[-1] is None:
            keys[-1] = node
            return mark.end()
        self.add(node, stack, keys)
        return end

    def add(self, node: Node, stack: list[Node], keys: list[Node | None]) -> None:
        """Put a value under the key that waits for one, if any."""
        stack[-1].items.append((keys[-1], node))
        keys[-1] = None

    def string(self, start: int) -> tuple[Node, int]:
        """Read a quoted string; a quote closes it only where something may follow a value."""
        swapped = SWAPPED.match(self.text, start)
        if swapped:
            return Node("string", start, swapped[2]), swapped.end()
        pattern = STOPS[self.text[start]]
        position = start + 1
        while match := pattern.search(self.text, position):
            mark = match.group()
            if mark[0] == "\\":
                position = match.end()
            elif mark == "\n":
                late = LATE_QUOTE.match(self.text, match.start())
                if late:
                    return Node("string", start, self.text[start + 1 : match.start()]), late.end()
                break
            elif AFTER_QUOTE.match(self.text, match.end()):
                return Node("string", start, self.text[start + 1 : match.start()]), match.end()
            else:
                position = match.end()
        return self.unclosed(start, match.start() if match else len(self.text))

    def unclosed(self, start: int, end: int) -> tuple[Node, int]:
        """Return a string whose closing quote is missing; brackets behind it are not part of it."""
        kept = self.text[start + 1 : end].rstrip(" \t\n,;")
        for _ in range(MOST_CLOSERS):
            closer = kept[-1:]
            if closer not in OPENERS or kept.count(closer) <= kept.count(OPENERS[closer]):
                break
            kept = kept[:-1].rstrip()
        self.closed = self.closed and end < len(self.text)
        return Node("string", start, kept), start + 1 + len(kept)

    def bare(self, start: int) -> tuple[Node, int]:
        """Read a word without quotes; brackets that are balanced inside it belong to it."""
        depth = 0
        position = start
        while match := BARE_END.search(self.text, position):
            mark = match.group()
            if mark in OPENING and match.start() < len(self.text):
                depth += 1
            elif mark in CLOSING and depth > 0:
                depth -= 1
            elif mark == "\n" or depth == 0 or mark == ",":
                break
            position = match.end()
        end = match.start() if match else len(self.text)
        if end == start:
            end += 1
        return Node("bare", start, self.text[start:end].strip()), end


STOPS: Final = {
    quote: re.compile(rf"\\[\\{re.escape(quote)}]|[{re.escape(closers)}]|\n") for quote, closers in QUOTES.items()
}


def read_literal(text: str, start: int) -> ReadLiteral | None:
    """Return the array, object or string that begins at `start`, or None."""
    return Reader(text).read(start)
