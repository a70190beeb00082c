"""A cut-off answer and its continuation → one answer, or None where something between them is lost or doubled.

Where the server goes on with the answer itself, the two are put together at the very character. Elsewhere the
model is told to begin by repeating the last complete lines exactly, and they are joined at these.
"""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.talk import REST, is_lead, is_sentence

MOST_LINES: Final = 3
"""Filled lines of an anchor; a model that repeats more than it was asked for is understood as well."""

MOST_REPEATED: Final = 40
LONGEST: Final = 300
# for test_continuation.test_the_indentation_of_a_line_above_that_opens_nothing_may_be_again
OPENS: Final = (":", "{", "(", "[", ",", "=", ">", "|", "\\")

# for test_continuation.test_an_answer_without_a_block_stays_without_one
FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})([^`\n]*)")
# for test_continuation.test_a_rest_that_begins_with_what_is_there_is_in_doubt
PIECE: Final = re.compile(r"\w+|\W")


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

    None when nothing follows or the white space is missing, and when the rest begins with a block of its own, with
    words to the user, or with what stands there already: the word, the line or the lines that were cut, or the
    first lines of the answer, which may come later as well.
    """
    kept, rest = partial.rstrip(), rest.replace("\r\n", "\n")
    behind, dropped = rest.lstrip(), partial[len(kept) :]
    space = rest[: len(rest) - len(behind)]
    if not behind or ("\n" in dropped and "\n" not in space if space else dropped):
        return None
    is_complete = "\n" in dropped
    is_doubtful = _begins_anew(kept, space, behind) or _begins_again(kept, space, behind, is_complete=is_complete)
    return None if is_doubtful else kept + rest


def _begins_anew(kept: str, space: str, behind: str) -> bool:
    """Return whether half a character, an ellipsis, words to the user, or a block of its own begin the rest."""
    first, *others = behind.split("\n")
    announces = is_sentence(first) and first.endswith(":") and others[:1] == [""]
    said = announces or REST.search(first) or is_lead(first)
    is_elided = not space and kept[-1].isalnum() and first.startswith(("...", "…")) and first.strip(".…")[:1].isalnum()
    if behind[0] == "\ufffd" or is_elided or (said and not first[0].islower()):
        return True
    fence, opener = FENCE.fullmatch(first), FENCE.match(kept)
    if fence is None or opener is None:
        return False
    if fence[2].strip():
        return fence[2].split() == opener[2].split()
    return fence[1].startswith(opener[1]) and any(mark.startswith(opener[1]) for mark in _fences(others))


def _begins_again(kept: str, space: str, behind: str, *, is_complete: bool) -> bool:
    """Return whether the rest begins with what the answer ends with, spacing aside, or has its beginning again."""
    lines = [line for line in kept.split("\n") if line.strip()]
    opener = FENCE.fullmatch(lines[0]) if lines else None
    lines = lines[bool(opener) :]
    if not lines:
        return False
    line, is_below = lines[-1], "\n" in space
    if not space and _repeats_words(kept, behind, line[-LONGEST:]):
        return True
    inside = behind.partition(f"\n{opener[1]}")[0] if opener else behind
    following = [one for one in inside.split("\n") if one.strip()]
    if len(lines) > MOST_LINES and _says_something(*lines[:MOST_LINES]) and _places(following, lines[:MOST_LINES]):
        return True
    first, line = following[0].strip() if following else "", line.strip()
    if is_below:
        goes_on = not is_complete and line[-1].isalnum() and first[len(line) :][:1].isalnum() and first.startswith(line)
        is_alike = goes_on or (first == line and space.rpartition("\n")[2] == _indent(lines[-1]))
    else:
        is_alike = space != " " and (bool(space) or not line.isidentifier())
    ends = lines[-MOST_REPEATED:]
    head = 2 if _says_something(lines[0]) else MOST_LINES
    repeated = [ends[-count:] for count in range(1 if is_alike else 2, len(ends) + 1)]
    repeated += [lines[:head]] if len(lines) >= head else []
    said = _squeezed([behind[: 2 * sum(map(len, ends + lines[:head])) + LONGEST]])
    return any(said.startswith(_squeezed(some)) and _says_something(*some) for some in repeated)


def _repeats_words(kept: str, behind: str, line: str) -> bool:
    """Return whether the rest begins with the word that was cut, or with several of the last words of its line."""
    cut, more = PIECE.findall(line)[-1], PIECE.findall(behind[:LONGEST])[0]
    # a row of one letter, as in a color, may well go on
    if any(map(str.isalpha, cut)) and more.startswith(cut) and (len({*cut, *more}) > 1 or len(more) == 1):
        return cut + more not in PIECE.findall(f"{kept[: -len(cut)]} {behind[len(more) :]}")
    parts = line.split(" ")
    ends = (" ".join(parts[-count:]) for count in range(1, len(parts) + 1))
    return any(end != cut and _says_something(end) and behind.startswith(end) for end in ends)


def _says_something(*lines: str) -> bool:
    """Return whether lines are more than signs, or one number over and over as in a table."""
    words = {word for line in lines for word in line.replace(",", " ").split() if any(map(str.isalnum, word))}
    return len(words) > 1 or any(map(str.isalpha, "".join(words)))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _squeezed(lines: list[str]) -> str:
    return "".join("".join(lines).split())


def cut_back(partial: str) -> Cut | None:
    """Return the part of a cut-off answer that can be continued; None when no line identifies its end."""
    complete = partial.replace("\r\n", "\n").rstrip("\ufffd").split("\n")
    tail = [complete.pop()]
    while complete and not complete[-1].strip():
        tail.insert(0, complete.pop())
    lines = [line.rstrip() for line in complete]
    opened = next(iter(_fences(lines)), "")
    for place in [number for number, line in enumerate(lines) if line][: -MOST_LINES - 1 : -1]:
        anchor = lines[place:]
        if any(mark.startswith(opened) for mark in _fences(anchor)):
            return None
        # for test_continuation.test_an_answer_without_a_block_stays_without_one
        if re.search(r"\w", "".join(anchor)) and _places(lines, anchor) == [place]:
            return Cut("\n".join(complete), tuple(anchor), tuple(tail))
    return None


def join(cut: Cut, continuation: str) -> str | None:
    """Return the whole raw answer, or None when the continuation does not go on from the anchor.

    In front of the anchor may stand a sentence, the opening fence of a block, and earlier lines of the
    answer repeated. Linear in the length of both.
    """
    lines = continuation.replace("\r\n", "\n").split("\n")
    start, fence = _beginning(lines)
    before = [line.rstrip() for line in cut.text.split("\n")]
    said = [line.rstrip() for line in lines[start:]]
    end = next(iter(_places(said, list(cut.anchor))), -1) + len(cut.anchor)
    if end < len(cut.anchor) or said[:end] != before[-end:]:
        return None
    opened = next(iter(_fences(before)), "")
    rest = _in_the_block(lines[start + end :], fence, opened)
    # another block behind the end of the one that was cut may be the last part of it
    if not _goes_on(cut, rest) or (opened and sum(mark.startswith(opened) for mark in _fences(rest)) > 1):
        return None
    return "\n".join([cut.text, *rest])


def _goes_on(cut: Cut, rest: list[str]) -> bool:
    """Return whether the rest brings more, begins with what was cut off behind the anchor, and not with the file again.

    Behind an indentation alone, a continuation that drops it may begin in the middle of a line: its own must not be
    one that the file has when the two are added up, unless it is that of a line above that opens nothing.
    """
    *blank, last = cut.tail
    following = rest[len(blank)] if len(rest) > len(blank) else ""
    if any(map(str.strip, rest[: len(blank)])) or not (following + " ").startswith(last.rstrip() or last):
        return False
    above, indent = cut.anchor[-1], _indent(following)
    opens = above.endswith(OPENS) or above.split()[-1].isalpha() or indent != _indent(above)
    if last and not last.strip() and opens and last + indent in map(_indent, cut.text.split("\n")):
        return False
    more = next((line.strip() for line in rest if line.strip()), "```")
    is_closed = more.strip(more[0]) == "" and FENCE.fullmatch(more) is not None
    return not is_closed and put_behind(f"{cut.text}\n", "\n".join(["", *rest])) is not None


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


def _in_the_block(rest: list[str], reopened: str, opened: str) -> list[str]:
    """Return the rest of a continuation that opened a block again, as the rest of the block that is open.

    Nothing when another fence in it leaves open which one ends the block.
    """
    fences = [place for place, line in enumerate(rest) if FENCE.fullmatch(line.rstrip())]
    if reopened in {"", opened} or not fences:
        return rest
    if len(fences) > 1 or rest[fences[0]].strip() != reopened:
        return []
    return [*rest[: fences[0]], *([opened] if opened else [])]
