"""One answer, parsed once: its text, and the fenced blocks in it with the words around them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from smol_dev.replies.turn import take_turn

FENCE: Final = re.compile(r"^([ \t]*)(`{3,}(?=[^`\n]*$)|~{3,})([^\n]*)$", re.MULTILINE)
GLUED: Final = re.compile(r"(?<=[^`~\s])[ \t]*(`{3,}|~{3,})\s*\Z")
MOST_FENCES: Final = 5_000
MOST_ABOVE: Final = 2
DEEPEST: Final = 3


@dataclass(frozen=True, slots=True)
class Fence:
    """A line that is a fence: `start` and `end` are its offsets, `info` what stands behind the marks."""

    start: int
    end: int
    indent: int
    mark: str
    info: str

    def closes(self, opener: "Fence") -> bool:
        """Tell whether this line can close what `opener` opened."""
        return not self.info and self.within(opener) and self.indent <= opener.indent

    def within(self, opener: "Fence") -> bool:
        """Tell whether the marks are of the same character and at least as many."""
        return self.mark.startswith(opener.mark)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `text` is its inside, verbatim, without a last line end.

    `start` and `end` are the offsets of the block with its fences, `above` the nearest filled lines
    before it (the nearest first), `depth` is 0 for a block that stands in no other one.
    """

    info: str
    text: str
    fence: str
    start: int
    end: int
    closed: bool
    above: tuple[str, ...] = ()
    depth: int = 0

    @property
    def label(self) -> str:
        """The nearest filled line above the block, or nothing."""
        return self.above[0] if self.above else ""


@dataclass(frozen=True, slots=True)
class Span:
    """Text outside of all blocks, with its offsets."""

    text: str
    start: int
    end: int


Part = Span | Block


@dataclass(frozen=True)
class Answer:
    """What the model said. `parts` is all of it in order; `blocks` has the nested ones as well.

    `stopped` says that a token ended the turn, whatever the server reported; `lost` that the answer
    never came out of its reasoning; `next_turn` is where a turn begins that the model made up.
    """

    text: str
    fences: tuple[Fence, ...]
    blocks: tuple[Block, ...]
    stopped: bool = False
    lost: bool = False
    next_turn: int | None = None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The text between the blocks of depth 0, and these blocks."""
        return tuple(_parts(self.text, self.outer))

    @cached_property
    def outer(self) -> tuple[Block, ...]:
        """The blocks that stand in no other one."""
        return tuple(block for block in self.blocks if block.depth == 0)

    @cached_property
    def outside(self) -> str:
        """The text outside of all blocks."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Span)).strip()


def parse(raw: str) -> Answer:
    """Return what the model said, without reasoning, template marks, BOM and CR. Linear in time."""
    turn = take_turn(raw)
    fences = find_fences(turn.text)
    return Answer(
        turn.text,
        fences,
        tuple(find_blocks(turn.text, fences)),
        turn.stopped,
        turn.lost,
        turn.next_turn,
    )


def of_text(text: str) -> Answer:
    """Return an answer for a text that was taken out of another one."""
    fences = find_fences(text)
    return Answer(text, fences, tuple(find_blocks(text, fences)))


def find_fences(text: str) -> tuple[Fence, ...]:
    """Return every line that is a fence and no underline of a title."""
    if "```" not in text and "~~~" not in text:
        return ()
    found = []
    for match in FENCE.finditer(text):
        info = match[3].strip()
        if match[2][0] == "~" and not info and _is_underline(text, match):
            continue
        found.append(Fence(match.start(), match.end(), len(match[1].expandtabs(4)), match[2], info))
        if len(found) == MOST_FENCES:
            break
    return tuple(found)


def _is_underline(text: str, match: re.Match[str]) -> bool:
    above = text[text.rfind("\n", 0, max(0, match.start() - 1)) + 1 : max(0, match.start() - 1)]
    return len(above.strip()) == len(match[2])


def find_blocks(text: str, fences: tuple[Fence, ...]) -> Iterator[Block]:
    """Return the blocks in the order of their openers: an info string opens, a bare fence closes."""
    pairs: list[tuple[Fence, Fence | None, int]] = []
    opened: list[int] = []
    for fence in fences:
        top = pairs[opened[-1]][0] if opened else None
        if top is not None and fence.closes(top):
            index = opened.pop()
            pairs[index] = (pairs[index][0], fence, pairs[index][2])
        elif top is None or (fence.info and fence.within(top)):
            opened.append(len(pairs))
            pairs.append((fence, None, len(opened) - 1))
    before = 0
    for opener, closer, depth in pairs:
        if depth > DEEPEST:
            continue
        yield block_between(text, opener, closer, before=before, depth=depth)
        before = opener.end if closer is None else closer.end if depth == 0 else before


def block_between(
    text: str, opener: Fence, closer: Fence | None, *, before: int = 0, depth: int = 0
) -> Block:
    """Return the block from one fence to another, or to the end; a last fence may be glued to a line."""
    end = closer.end if closer else len(text)
    inside = text[min(opener.end + 1, len(text)) : closer.start if closer else end]
    closed = closer is not None
    glued = None if closer else GLUED.search(inside, max(0, len(inside) - 200))
    if glued is not None and glued[1].startswith(opener.mark):
        inside, closed = inside[: glued.start()], True
    return Block(
        opener.info,
        _shifted(inside.removesuffix("\n"), opener.indent),
        opener.mark,
        opener.start,
        end,
        closed,
        _above(text, before, opener.start),
        depth,
    )


def _shifted(inside: str, indent: int) -> str:
    """The inside of an indented block without the indentation of its fence, where every line has it."""
    lines = inside.split("\n")
    if not indent or not all(line[:indent].isspace() for line in lines if line.strip()):
        return inside
    return "\n".join(line[indent:] for line in lines)


def _above(text: str, before: int, start: int) -> tuple[str, ...]:
    near = text[max(before, start - 1000) : start].split("\n")
    return tuple(line for line in reversed(near) if line.strip())[:MOST_ABOVE]


def _parts(text: str, blocks: tuple[Block, ...]) -> Iterator[Part]:
    position = 0
    for block in blocks:
        if block.start > position:
            yield Span(text[position : block.start], position, block.start)
        yield block
        position = block.end
    if position < len(text):
        yield Span(text[position:], position, len(text))
