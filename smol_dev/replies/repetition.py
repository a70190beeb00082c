"""A model that has begun to repeat itself without end, noticed while it streams."""

import re
from typing import Final

WINDOW: Final = 20_000
STEP: Final = 1_000
STREAM_CHARACTERS: Final = 5_000
STREAM_REPEATS: Final = 5
DATA_CHARACTERS: Final = 16_000
SHORTEST_ROW: Final = 9
RULERS: Final = "-=_*#~.0"
MANY_REPEATS: Final = 50
MIN_CHARACTERS: Final = 240
MIN_REPEATS: Final = 12
ANCHOR: Final = 24
MAX_CANDIDATES: Final = 60
DIGITS: Final = re.compile(r"\d+")  # for f10-count-cut


def period_of(tail: str, *, is_cut: bool = True) -> int:
    """Return the length of the unit that the text ends in repetitions of, or 0.

    Where the last few characters stood before is how long the unit may be; comparing the stretch with itself,
    shifted, tells. A text that is not cut off may yet go on, and needs more of them.
    """
    anchor = tail[-ANCHOR:]
    position = len(tail) - len(anchor)
    for _ in range(MAX_CANDIDATES):
        position = tail.rfind(anchor, 0, position + len(anchor) - 1)
        if position < 0:
            return 0
        period = len(tail) - len(anchor) - position
        size = needed(tail[-period:], is_cut=is_cut)
        if size <= len(tail) and tail[-size:-period] == tail[period - size :]:
            return period
    return 0


def needed(unit: str, *, is_cut: bool) -> int:
    """Return how many characters the repetitions of a unit fill that cannot be meant.

    Data repeats as well: a map has forty equal rows. A row without letters may fill far more.
    """
    is_words = len(unit) < SHORTEST_ROW or unit.isspace() or any(map(str.isalpha, unit))
    if is_words and is_cut:
        return max(MIN_CHARACTERS, MIN_REPEATS * len(unit))
    return max(STREAM_CHARACTERS if is_words else DATA_CHARACTERS, STREAM_REPEATS * len(unit))


def is_loop(text: str, *, counting: bool = True) -> bool:
    """Return whether the text ends in the same words over and over, numbers in them aside.

    Without `counting` the numbers have to be the same as well: a file may well end in a numbered row of
    functions or in a table, and a model that was cut off there was not caught in it.
    """
    tail = text.rstrip()[-WINDOW:]
    return period_of(tail) > 0 or (counting and period_of(DIGITS.sub("0", tail)) > 0)


def is_endless(text: str) -> bool:
    """Return whether a whole text is one character, or ends in the same words far too often to be meant."""
    body = text.strip()
    if len(body) >= SHORTEST_ROW * 2 and body == body[0] * len(body):
        return body[0] not in RULERS
    period = period_of(body[-WINDOW:])
    size = max(STEP, MANY_REPEATS * period)
    is_long = period > 0 and size <= len(body) and body[-size:-period] == body[period - size :]
    return is_long and any(map(str.isalpha, body[-period:]))


def before_loop(text: str) -> str:
    """Return the text in front of the repetitions that it ends in."""
    end = text.rstrip()
    period = period_of(end[-WINDOW:])
    start = len(end) - period
    while period and start > 0 and end[start - 1] == end[start - 1 + period]:
        start -= 1
    return end[:start]


class Repetition:
    """Watches one streamed answer in bounded memory; make a new one for each answer."""

    def __init__(self) -> None:
        self.tail = ""
        self.unseen = 0

    def feed(self, text: str) -> bool:
        """Take the next piece; True means that the answer will not end by itself: stop it."""
        self.tail = (self.tail + text)[-WINDOW:]
        self.unseen += len(text)
        if self.unseen < STEP:
            return False
        self.unseen = 0
        return len(self.tail) >= STREAM_CHARACTERS and period_of(self.tail, is_cut=False) > 0
