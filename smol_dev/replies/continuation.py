"""A cut-off answer and its continuation → one answer, or None where something between them is lost or doubled.

Where the server goes on with the answer itself, the two are put together at the very character. Elsewhere the
model is told to begin by repeating the last complete lines exactly, and they are joined at these.
"""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.talk import REST, is_lead

MOST_LINES: Final = 3
"""Lines of an anchor; a model that repeats more than it was asked for is understood as well."""

MOST_REPEATED: Final = 4

# for test_continuation.test_an_answer_without_a_block_stays_without_one
FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})([^`\n]*)")
# for test_continuation.test_a_rest_that_begins_with_what_is_there_is_in_doubt
PIECE: Final = re.compile(r"\w+|\W")
LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut-off answer up to its last complete line, without line break at the end.

    `anchor` holds its last lines, as few as occur only once; `tail` the lines behind them, of which the last
    is not complete.
    """

    text: str
    anchor: tuple[str, ...]
    tail: tuple[str, ...] = ("",)


def put_behind(partial: str, rest: str) -> str | None:
    """Return the whole of a cut-off answer that was sent without the white space at its end, and what follows it.

    None when the white space is missing, or when the rest begins with a block of its own, with words to the user,
    or with what stands there already: the word, the line or the lines that were cut, the first lines of the answer.
    """
    kept, rest = partial.rstrip(), rest.replace("\r\n", "\n")
    behind, lines = rest.lstrip(), _filled(kept)
    if not behind or not lines:
        return kept + rest
    space, dropped = rest[: len(rest) - len(behind)], partial[len(kept) :]
    is_missing = "\n" in dropped and "\n" not in space if space else bool(dropped)
    opener = FENCE.fullmatch(lines[0])
    doubtful = is_missing or _begins_anew(behind, opener) or _begins_again(kept, space, behind)
    return None if doubtful else kept + rest


def _begins_anew(behind: str, opener: re.Match[str] | None) -> bool:
    """Return whether half a character, words to the user, or a fence that opens a block stand at the beginning."""
    first, _, others = behind.partition("\n")
    if behind[0] == "\ufffd" or (first[0].isupper() and (is_lead(first) or REST.search(first))):
        return True
    fence = FENCE.fullmatch(first)
    if fence is None or opener is None:
        return False
    if fence[2].strip():
        return fence[2].split() == opener[2].split()
    return fence[1].startswith(opener[1]) and any(one.startswith(opener[1]) for one in _fences(others.split("\n")))


def _begins_again(kept: str, space: str, behind: str) -> bool:
    """Return whether the rest begins with what the answer ends or begins with, spacing aside."""
    lines = [line for line in _filled(kept) if not FENCE.fullmatch(line)]
    if not lines:
        return False
    line, *before = lines[: -MOST_REPEATED - 1 : -1]
    indent, first = line[: len(line) - len(line.lstrip())], behind.partition("\n")[0].strip()
    if "\n" in space:
        is_alike = space.rpartition("\n")[2] == indent and not line.strip().isidentifier()
    elif _repeats_words(kept, space, behind, line) or (_is_no_row(first) and first in map(str.strip, before)):
        return True
    else:
        is_alike = space != " " and not (line.isidentifier() and not space)
    head = 2 if _has_letter(lines[0]) else 3
    repeated = [lines[-count:] for count in range(1 if is_alike else 2, MOST_REPEATED + 1) if count <= len(lines)]
    repeated += [lines[:head]] if len(lines) >= head else []
    said = behind[: 2 * sum(map(len, lines[:head] + lines[-MOST_REPEATED:])) + LONGEST]
    squeezed = ["".join("".join(some).split()) for some in (said, *filter(_is_no_row, map(" ".join, repeated)))]
    return any(squeezed[0].startswith(one) for one in squeezed[1:])


def _repeats_words(kept: str, space: str, behind: str, line: str) -> bool:
    """Return whether the rest begins, in the line, with the word that was cut or with several of its last ones."""
    if space:
        return False
    cut, more = PIECE.findall(line[-LONGEST:])[-1], PIECE.findall(behind[:LONGEST])[0]
    # a row of one letter, as in a color, may well go on
    if _has_letter(cut) and more.startswith(cut) and len({*cut, *more}) > 1:
        return f"{cut}{more}" not in PIECE.findall(f"{kept[: -len(cut)]} {behind[len(more) :]}")
    parts = line[-LONGEST:].split(" ")
    ends = (" ".join(parts[-count:]) for count in range(1, len(parts) + 1))
    return any(end != cut and _has_letter(end) and behind.startswith(end) for end in ends)


def _is_no_row(text: str) -> bool:
    """Return whether a text is more than one number over and over, as the rows of a table are."""
    numbers = {word for word in text.replace(",", " ").split() if any(map(str.isdigit, word))}
    return _has_letter(text) or len(numbers) > 1


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


def _filled(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


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
    if not last.strip() and rest[: len(cut.anchor)] == cut.text.split("\n")[-len(cut.anchor) :]:
        return False
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
