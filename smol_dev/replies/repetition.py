"""A model that has begun to repeat itself without end, noticed while it streams (C9, F10)."""

import re
from collections.abc import Callable
from typing import Final

WINDOW: Final = 20_000
STEP: Final = 1_000
STREAM_CHARACTERS: Final = 5_000
STREAM_REPEATS: Final = 5
DATA_CHARACTERS: Final = 16_000
SHORTEST_ROW: Final = 9
MIN_CHARACTERS: Final = 240
MIN_REPEATS: Final = 12
ANCHOR: Final = 24
MAX_CANDIDATES: Final = 60
DIGITS: Final = re.compile(r"\d+")


def repeats(tail: str, needed: Callable[[str], int]) -> bool:
    """Tell whether the text ends in a stretch that repeats one unit.

    `needed` says how many characters of it a unit must fill. Where the last few characters stood
    before is how long the unit may be; comparing the stretch with itself, shifted, tells.
    """
    anchor = tail[-ANCHOR:]
    position = len(tail) - len(anchor)
    for _ in range(MAX_CANDIDATES):
        position = tail.rfind(anchor, 0, position + len(anchor) - 1)
        if position < 0:
            return False
        period = len(tail) - len(anchor) - position
        size = needed(tail[-period:])
        if size <= len(tail) and tail[-size:-period] == tail[period - size :]:
            return True
    return False


def is_loop(text: str, *, counting: bool = True) -> bool:
    """Tell whether the text ends in the same words over and over, numbers in them aside.

    Without `counting` the numbers have to be the same as well: a file may well end in a numbered row of
    functions, and a model that stopped by itself was not caught in it.
    """
    tail = text.rstrip()[-WINDOW:]
    return any(
        repeats(one, lambda unit: max(MIN_CHARACTERS, MIN_REPEATS * len(unit)))
        for one in ([tail, DIGITS.sub("0", tail)] if counting else [tail])
    )


def endless(unit: str) -> int:
    """Return from how many characters on the repetition of a unit cannot be meant.

    Data repeats as well: a map has forty equal rows. A row without letters may fill far more.
    """
    is_row = len(unit) >= SHORTEST_ROW and not unit.isspace()
    is_data = is_row and not any(map(str.isalpha, unit))
    return max(DATA_CHARACTERS if is_data else STREAM_CHARACTERS, STREAM_REPEATS * len(unit))


class Repetition:
    """Watches one streamed answer in bounded memory; make a new one for each answer."""

    def __init__(self) -> None:
        self.tail = ""
        self.pieces: list[str] = []
        self.unseen = 0

    def feed(self, text: str) -> bool:
        """Take the next piece; True means that the answer will not end by itself: stop it."""
        self.pieces.append(text)
        self.unseen += len(text)
        if self.unseen < STEP:
            return False
        self.tail = (self.tail + "".join(self.pieces))[-WINDOW:]
        self.pieces.clear()
        self.unseen = 0
        return len(self.tail) >= STREAM_CHARACTERS and repeats(self.tail, endless)
