"""Streamed text held back until it can be shown: never half a line, or never half a word.

A secret that a model repeats arrives in pieces; only where a whole word is there can it be found.
"""

from collections.abc import Iterable
from typing import Final

LINE_ENDS: Final = "\n"
WORD_ENDS: Final = " \n\t"


class Held:
    """Takes pieces, hands out what is whole, keeps the rest. Linear in the length of the text."""

    def __init__(self, *, ends: str) -> None:
        self._ends = ends
        self._kept: list[str] = []

    def add(self, piece: str) -> str:
        """Everything up to the last end that has come by now; empty where none has."""
        cut = 1 + max(last_places(piece, self._ends))
        if not cut:
            self._kept.append(piece)
            return ""
        whole = "".join([*self._kept, piece[:cut]])
        self._kept = [piece[cut:]]
        return whole

    def rest(self) -> str:
        """What was kept, and nothing is any more."""
        rest = "".join(self._kept)
        self._kept = []
        return rest


def last_places(text: str, characters: str) -> Iterable[int]:
    """Where each of the characters stands last; -1 where it does not."""
    return (text.rfind(character) for character in characters)
