"""A cut-off answer and its continuation → one answer, or None where something between them is lost or doubled.

Where the server goes on with the answer itself, the two are put together at the very character. Elsewhere the
model is told to begin by repeating the last complete lines exactly, and they are joined at these.
"""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.talk import REST, is_lead

MOST_LINES: Final = 3
"""Filled lines of an anchor, and of a beginning that is looked for again."""

MOST_REPEATED: Final = 40
LONGEST: Final = 300

# for test_continuation.test_an_answer_without_a_block_stays_without_one
FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})([^`\n]*)")
# for test_continuation.test_a_rest_that_begins_with_what_is_there_is_in_doubt
PIECE: Final = re.compile(r"\w+|\W")
# for test_continuation.test_the_indentation_of_a_line_above_that_opens_nothing_may_be_again
OPENS: Final = (":", "{", "(", "[", ",", "=", ">", "|", "\\")


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
    is_missing = (dropped and not space) or ("\n" in dropped) > ("\n" in space) or (dropped == " " and "\n" in space)
    opener = FENCE.match(kept)
    lines = _filled(kept)[opener is not None :]
    if is_missing or not (kept and behind) or _begins_anew(behind, opener):
        return None
    if (not space and _repeats_words(kept, behind)) or _starts_over(kept, behind):
        return None
    is_repeated = lines and _repeats_lines(lines, space, behind, is_complete="\n" in dropped)
    return None if is_repeated else kept + rest


def _begins_anew(behind: str, opener: re.Match[str] | None) -> bool:
    """Return whether half a character, an ellipsis, words to the user, or a block of its own begin the rest."""
    first, *others = behind.split("\n")
    is_said = REST.search(first) or is_lead(first) or first.endswith(("the rest:", "the remainder:"))
    if first[0] == "\ufffd" or first in {"...", "…"} or (is_said and not first[0].islower()):
        return True
    fence = FENCE.fullmatch(first)
    if fence is None or opener is None:
        return False
    if fence[2].strip():
        return fence[2].split() == opener[2].split()
    return fence[1].startswith(opener[1]) and any(mark.startswith(opener[1]) for mark in _fences(others))


def _repeats_words(kept: str, behind: str) -> bool:
    """Return whether the rest begins with the word that was cut, the last words of its line, or an ellipsis for them."""
    line = kept.rpartition("\n")[2][-LONGEST:]
    cut, more = PIECE.findall(line)[-1], PIECE.findall(behind[:LONGEST])[0]
    # a row of one letter, as in a color, may well go on
    if any(map(str.isalpha, cut)) and more.startswith(cut) and (len({*cut, *more}) > 1 or len(more) == 1):
        return cut + more not in PIECE.findall(f"{kept[: -len(cut)]} {behind[len(more) :]}")
    parts = line.split(" ")
    ends = (" ".join(parts[-count:]) for count in range(1, len(parts) + 1))
    is_elided = cut[-1].isalnum() and behind.startswith(("...", "…")) and behind.lstrip(".… ")[:1].isalnum()
    return is_elided or any(end != cut and _says_something(end) and behind.startswith(end) for end in ends)


def _repeats_lines(lines: list[str], space: str, behind: str, *, is_complete: bool) -> bool:
    """Return whether the rest begins with the last or the first of the lines, spacing aside."""
    line, first = lines[-1].strip(), behind.partition("\n")[0].strip()
    if "\n" in space:
        goes_on = not is_complete and line[-1].isalnum() and first[len(line) :][:1].isalnum() and first.startswith(line)
        is_same = first == line and space.rpartition("\n")[2] == _indent(lines[-1])
        if is_same and not line.strip(")]};,"):
            return True
        is_alike = goes_on or is_same
    else:
        is_alike = space != " " and (bool(space) or not line.isidentifier())
    head, ends = lines[: 2 if _says_something(lines[0]) else MOST_LINES], lines[-MOST_REPEATED:]
    repeated = [ends[-count:] for count in range(1 if is_alike else 2, len(ends) + 1)] + [head] * (len(lines) > 1)
    said = _squeezed(behind[: 2 * sum(map(len, ends + head)) + LONGEST])
    alike = (some for some in repeated if said.startswith(_squeezed(some[0])) and _says_something(*some))
    return any(said.startswith(_squeezed("".join(some))) for some in alike)


def _starts_over(kept: str, behind: str) -> bool:
    """Return whether the first lines come again before the block ends."""
    opener = FENCE.match(kept)
    inside = behind.partition(f"\n{opener[1]}")[0] if opener else behind
    head = _filled(kept)[opener is not None : -1][:MOST_LINES]
    return len(head) > 1 and _says_something(*head) and bool(_places(_filled(inside), head))


def _says_something(*lines: str) -> bool:
    """Return whether lines are more than signs, or one number over and over as in a table."""
    words = {word for line in lines for word in line.replace(",", " ").split() if any(map(str.isalnum, word))}
    return len(words) > 1 or any(map(str.isalpha, "".join(words)))


def cut_back(partial: str) -> Cut | None:
    """Return the part of a cut-off answer that can be continued; None when no line identifies its end."""
    complete = partial.replace("\r\n", "\n").rstrip("\ufffd").split("\n")
    tail = [complete.pop()]
    while complete and not complete[-1].strip():
        tail.insert(0, complete.pop())
    lines = [line.rstrip() for line in complete]
    opened = next(iter(_fences(lines)), "")
    starts = [number for number, line in enumerate(lines) if line and not FENCE.fullmatch(line)]
    for place in starts[: -MOST_LINES - 1 : -1]:
        anchor = lines[place:]
        if any(mark.startswith(opened) for mark in _fences(anchor)):
            return None
        if any(map(str.isalnum, "".join(anchor))) and _places(lines, anchor) == [place]:
            return Cut("\n".join(complete), tuple(anchor), tuple(tail))
    return None


def join(cut: Cut, continuation: str) -> str | None:
    """Return the whole raw answer, or None when the continuation does not go on from the anchor.

    In front of the anchor may stand a sentence, the opening fence of a block, and earlier lines of the
    answer repeated. Linear in the length of both.
    """
    lines = continuation.replace("\r\n", "\n").split("\n")
    filled = (number for number, line in enumerate(lines) if line.strip())
    start = next((at for at in filled if not (is_lead(lines[at]) or REST.search(lines[at]))), len(lines))
    if fence := next(iter(_fences(lines[start : start + 1])), ""):
        start = next(filled, len(lines))
    before, said = ([line.rstrip() for line in some] for some in (cut.text.split("\n"), lines[start:]))
    end = next(iter(_places(said, list(cut.anchor))), len(lines)) + len(cut.anchor)
    opened = next(iter(_fences(before)), "")
    rest = _in_the_block(lines[start + end :], fence, opened)
    # another block behind the end of the one that was cut may be the last part of it
    is_again = opened and sum(mark.startswith(opened) for mark in _fences(rest)) > 1
    is_next = said[:end] == before[-end:] and not is_again and _goes_on(cut, rest, opened)
    return "\n".join([cut.text, *rest]) if is_next else None


def _goes_on(cut: Cut, rest: list[str], opened: str) -> bool:
    """Return whether the rest brings more, and begins with what was cut off behind the anchor.

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
    more = next(iter(_filled("\n".join(rest))), opened).strip()
    is_closed = more.startswith(opened) and not more.strip(opened[:1])
    behind = "\n".join(["", *rest])
    if last.strip():  # what follows begins with it
        return not _starts_over(f"{cut.text}\n{last}", behind)
    return not is_closed and put_behind(f"{cut.text}\n", behind) is not None


def _in_the_block(rest: list[str], reopened: str, opened: str) -> list[str]:
    """Return the rest of a block that was opened again as that of the first one, or nothing if its end is not clear."""
    fences = [place for place, line in enumerate(rest) if FENCE.fullmatch(line.rstrip())]
    if reopened in {"", opened} or not fences:
        return rest
    if len(fences) > 1 or rest[fences[0]].strip() != reopened:
        return []
    return [*rest[: fences[0]], *([opened] if opened else [])]


def _places(lines: list[str], anchor: list[str]) -> list[int]:
    length = len(anchor)
    return [place for place, line in enumerate(lines) if line == anchor[0] and lines[place : place + length] == anchor]


def _fences(lines: list[str]) -> list[str]:
    return [found[1] for line in lines if (found := FENCE.fullmatch(line.rstrip()))]


def _filled(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _squeezed(text: str) -> str:
    return "".join(text.split())
