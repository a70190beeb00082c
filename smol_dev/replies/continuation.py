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

# for test_continuation.test_an_answer_without_a_block_stays_without_one
FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})[^`\n]*")


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut-off answer up to its last complete line, without line break at the end.

    `anchor` holds its last lines, as few as occur only once; `tail` the lines behind them, of which the last
    is not complete.
    """

    text: str
    anchor: tuple[str, ...]
    tail: tuple[str, ...] = ("",)


def cut_back(partial: str) -> Cut | None:
    """Return the part of a cut-off answer that can be continued; None when no line identifies its end."""
    complete = partial.replace("\r\n", "\n").rstrip("\ufffd").split("\n")
    tail = [complete.pop()]
    while complete and not complete[-1].strip():
        tail.insert(0, complete.pop())
    lines = [line.rstrip() for line in complete]
    opened = next(iter(_fences(lines)), "")
    for length in range(1, min(MOST_LINES, len(lines)) + 1):
        anchor = lines[-length:]
        if any(fence.startswith(opened) for fence in _fences(anchor)):
            return None
        # for test_continuation.test_an_answer_without_a_block_stays_without_one
        if re.search(r"\w", "".join(anchor)) and _places(lines, anchor) == [len(lines) - length]:
            return Cut("\n".join(complete), tuple(anchor), tuple(tail))
    return None


def join(cut: Cut, continuation: str) -> str | None:
    """Return the whole raw answer, or None when the continuation does not go on from the anchor.

    In front of the anchor may stand a sentence, the opening fence of a block, and earlier lines of the
    answer repeated. Behind it comes what stood there before: a continuation that drops it may begin in the
    middle of a line. Linear in the length of both.
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
    opened = next(iter(_fences(before)), "")
    rest = _in_the_block(lines[end:], fence, opened) if fence else lines[end:]
    if rest is None or not _goes_on(rest, cut):
        return None
    # another block behind the end of the one that was cut may be the last part of it
    again = opened and sum(one.startswith(opened) for one in _fences(rest)) > 1
    return None if again else "\n".join([cut.text, *rest])


def _goes_on(rest: list[str], cut: Cut) -> bool:
    """Return whether the rest brings more, begins with what was cut off behind the anchor, and not with the file again.

    Behind an indentation without its line, it must not be one that the file has when it is added to it.
    """
    *blank, last = cut.tail
    following = rest[len(blank)] if len(rest) > len(blank) else ""
    same = following.startswith(last) or following.rstrip() == last.rstrip()
    if last and not last.strip():
        added = last + following[: len(following) - len(following.lstrip())]
        same = same and added not in {line[: len(line) - len(line.lstrip())] for line in cut.text.split("\n")}
    more = [line for line in rest if line.strip() and not FENCE.fullmatch(line.rstrip())]
    begun = [line for line in cut.text.split("\n") if line.strip() and not FENCE.fullmatch(line.rstrip())]
    is_new = bool(more) and (len(begun) < MOST_LINES or more[:2] != begun[:2])
    return is_new and same and not any(line.strip() for line in rest[: len(blank)])


def _beginning(lines: list[str]) -> tuple[int, str]:
    """Return the number of the first line that is part of the file, and the fence in front of it, if any."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    told = (number for number in filled if not (is_lead(lines[number]) or REST.search(lines[number])))
    start = next(told, len(lines))
    fence = next(iter(_fences(lines[start : start + 1])), "")
    return next((number for number in filled if number > start), len(lines)) if fence else start, fence


def _places(lines: list[str], anchor: list[str]) -> list[int]:
    length = len(anchor)
    return [place for place, line in enumerate(lines) if line == anchor[0] and lines[place : place + length] == anchor]


def _fences(lines: list[str]) -> list[str]:
    return [found[1] for line in lines if (found := FENCE.fullmatch(line.rstrip()))]


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
