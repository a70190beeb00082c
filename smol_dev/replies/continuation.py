"""A cut-off answer and its continuation → one answer, joined at lines that both of them hold.

The model is told to begin by repeating the last complete lines exactly. Only where it did are the two
put together, so that no blank, line break or indentation can get lost or doubled between them.
"""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.talk import REST, is_lead

MOST_LINES: Final = 3
"""Lines of an anchor; a model that repeats more than it was asked for is understood as well."""

FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})[^`\n]*")


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut-off answer up to its last complete line, without line break at the end.

    `anchor` holds its last lines, as few as occur only once.
    """

    text: str
    anchor: tuple[str, ...]


def cut_back(partial: str) -> Cut | None:
    """Return the part of a cut-off answer that can be continued; None when no line identifies its end."""
    complete = partial.replace("\r\n", "\n").split("\n")[:-1]
    while complete and not complete[-1].strip():
        complete.pop()
    lines = [line.rstrip() for line in complete]
    for length in range(1, min(MOST_LINES, len(lines)) + 1):
        anchor = lines[-length:]
        if any(FENCE.fullmatch(line) for line in anchor):
            return None
        if re.search(r"\w", "".join(anchor)) and _places(lines, anchor) == [len(lines) - length]:
            return Cut("\n".join(complete), tuple(anchor))
    return None


def join(cut: Cut, continuation: str) -> str | None:
    """Return the whole raw answer, or None when the continuation does not begin with the anchor.

    In front of the anchor may stand a sentence, the opening fence of a block, and earlier lines of the
    answer repeated. Linear in the length of both.
    """
    lines = continuation.replace("\r\n", "\n").split("\n")
    start, fence = _beginning(lines)
    before = [line.rstrip() for line in cut.text.split("\n")]
    places = _places([line.rstrip() for line in lines[start:]], list(cut.anchor))
    if not places:
        return None
    end = start + places[0] + len(cut.anchor)
    repeated = [line.rstrip() for line in lines[start:end]]
    if repeated != before[-len(repeated) :]:
        return None
    rest = _in_the_block(lines[end:], fence, _open_fence(before)) if fence else lines[end:]
    return None if rest is None else "\n".join([cut.text, *rest])


def _beginning(lines: list[str]) -> tuple[int, str]:
    """Return the number of the first line that is part of the file, and the fence in front of it, if any."""
    start = 0
    while start < len(lines) and (not lines[start].strip() or is_lead(lines[start]) or REST.search(lines[start])):
        start += 1
    opened = FENCE.fullmatch(lines[start].rstrip()) if start < len(lines) else None
    if opened is None:
        return start, ""
    start += 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    return start, opened[1]


def _places(lines: list[str], anchor: list[str]) -> list[int]:
    length = len(anchor)
    return [place for place, line in enumerate(lines) if line == anchor[0] and lines[place : place + length] == anchor]


def _open_fence(lines: list[str]) -> str:
    return next((found[1] for line in lines if (found := FENCE.fullmatch(line))), "")


def _in_the_block(rest: list[str], reopened: str, opened: str) -> list[str] | None:
    """Return the rest of a continuation that opened a block again, as the rest of the block that is open.

    None when another fence in it leaves open which one ends the block.
    """
    if opened == reopened:
        return rest
    fences = [place for place, line in enumerate(rest) if FENCE.fullmatch(line.rstrip())]
    if not fences:
        return rest
    if len(fences) > 1 or rest[fences[0]].strip() != reopened:
        return None
    return [*rest[: fences[0]], *([opened] if opened else [])]
