"""A model that has begun to repeat itself without end, noticed while it streams (C9, F10)."""

import re
from typing import Final

WINDOW: Final = 6_000
STEP: Final = 2_000
STREAM_CHARACTERS: Final = 4_000
STREAM_REPEATS: Final = 24
MIN_CHARACTERS: Final = 240
MIN_REPEATS: Final = 12
DIGITS: Final = re.compile(r"\d+")


def tail_repeats(text: str) -> tuple[int, int]:
    """Return (characters, repeats) of the longest stretch at the end of the text that repeats."""
    tail = text[-WINDOW:][::-1]
    if not tail:
        return 0, 0
    matches = prefix_matches(tail)
    best = (0, 0)
    for period in range(1, len(tail)):
        covered = matches[period] + period
        repeats = covered // period
        if repeats >= MIN_REPEATS and covered > best[0]:
            best = (covered, repeats)
    return best


def prefix_matches(text: str) -> list[int]:
    """Return, for each position, how many characters from there on equal the text's beginning."""
    size = len(text)
    matches = [0] * size
    left = right = 0
    for position in range(1, size):
        known = min(right - position, matches[position - left]) if position < right else 0
        while position + known < size and text[known] == text[position + known]:
            known += 1
        matches[position] = known
        if position + known > right:
            left, right = position, position + known
    return matches


def is_loop(text: str) -> bool:
    """Tell whether the text ends in the same words over and over, numbers in them aside."""
    start = text.rstrip()[-WINDOW * 2 :]
    return any(
        covered >= MIN_CHARACTERS and repeats >= MIN_REPEATS
        for covered, repeats in (tail_repeats(start), tail_repeats(DIGITS.sub("0", start)))
    )


class Repetition:
    """Watches one streamed answer in bounded memory; make a new one for each answer.

    Data repeats as well: a map has forty equal rows, a table a hundred. So only a stretch far
    longer than such data counts, and one that holds letters.
    """

    def __init__(self) -> None:
        self.tail = ""
        self.unseen = 0

    def feed(self, text: str) -> bool:
        """Take the next piece; True means that the answer will not end by itself: stop it."""
        self.tail = (self.tail + text)[-WINDOW:]
        self.unseen += len(text)
        if self.unseen < STEP or len(self.tail) < STREAM_CHARACTERS:
            return False
        self.unseen = 0
        covered, repeats = tail_repeats(self.tail)
        repeated = self.tail[-covered:] if covered else ""
        words = sum(character.isalpha() for character in repeated)
        return (
            covered >= STREAM_CHARACTERS
            and repeats >= STREAM_REPEATS
            and words > len(repeated) // 8
        )
