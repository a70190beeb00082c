"""A cut-off answer and its continuation → one answer, when the seam can be checked.

A model that is told to go on may do so exactly, repeat its last lines, open a new code block, say a
sentence first, or begin again. The seam is trusted where the continuation repeats the end of what there is,
or goes on with neither a sentence nor a block of its own; an answer that begins again as the first
did, and is longer, takes its place.
"""

import re
from typing import Final

LEAST_OVERLAP: Final = 12
"""Characters; a shorter repetition may be chance."""

MOST_OVERLAP: Final = 4000
RESTART: Final = 60
"""Characters of the beginning that are compared to tell that the model began again."""

TALK: Final = re.compile(
    r"\A\s*(?:sure|certainly|of course|okay|ok|here|continuing|continued|apologies|sorry)\b[^\n]*\n+",
    re.IGNORECASE,
)
OPENER: Final = re.compile(r"\A\s*(`{3,}|~{3,})[^\n`]*\n")


def join(partial: str, continuation: str, *, path: str | None = None) -> str | None:
    """Return the whole raw answer, or None when where the two meet cannot be verified.

    `path` is the file the answer is for, None for a plan or a list. Linear in the length of both.
    """
    del path  # the seam is one of text; the reader of the file judges the whole
    if not continuation.strip():
        return None
    rest = _without_talk(continuation)
    overlap = _overlap(partial, rest)
    if overlap:
        return partial + rest[overlap:]
    if _begins_again(partial, rest):
        return rest if len(rest) > len(partial) else None
    opened = OPENER.match(rest)
    if opened is None:
        return None if rest != continuation else partial + rest
    inner = rest[opened.end() :]
    overlap = _overlap(partial, inner)
    if overlap:
        return _closed(partial, inner[overlap:], opened[1])
    begins_again = _begins_again(_inside(partial), inner)
    return rest if begins_again and len(rest) > len(partial) else None


def _without_talk(text: str) -> str:
    """The continuation without a sentence in front of a repeated fence or line."""
    talk = TALK.match(text)
    return text[talk.end() :] if talk else text


def _overlap(partial: str, rest: str) -> int:
    """How much of the start of `rest` repeats the end of `partial`; 0 when it may be chance."""
    tail = partial[-MOST_OVERLAP:]
    start = rest[: len(tail)]
    length = _longest_border(start, tail)
    return length if length >= LEAST_OVERLAP else 0


def _longest_border(start: str, tail: str) -> int:
    """The length of the longest prefix of `start` that is a suffix of `tail` (Knuth, Morris, Pratt)."""
    if not start:
        return 0
    failure = [0] * len(start)
    matched = 0
    for index in range(1, len(start)):
        while matched and start[index] != start[matched]:
            matched = failure[matched - 1]
        matched += start[index] == start[matched]
        failure[index] = matched
    matched = 0
    for character in tail:
        while matched and (matched == len(start) or start[matched] != character):
            matched = failure[matched - 1]
        matched += matched < len(start) and start[matched] == character
    return matched


def _begins_again(partial: str, rest: str) -> bool:
    """Whether `rest` begins as `partial` does: the model wrote the answer anew."""
    size = min(RESTART, len(partial.strip()), len(rest.strip()))
    return size >= LEAST_OVERLAP and partial.strip()[:size] == rest.strip()[:size]


def _inside(partial: str) -> str:
    """What stands behind the first fence of the partial answer."""
    found = re.search(r"(?:`{3,}|~{3,})[^\n`]*\n", partial)
    return partial[found.end() :] if found else partial


def _closed(partial: str, inner: str, fence: str) -> str:
    """The answer with a re-opened block taken as the same block; a partial one without fence stays so."""
    if re.search(r"^\s*(?:`{3,}|~{3,})", partial, re.MULTILINE):
        return partial + inner
    body, closer, _ = inner.rstrip().rpartition(fence)
    return partial + (body if closer else inner)
