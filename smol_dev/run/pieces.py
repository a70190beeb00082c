"""The pieces of an answer put together, so that no more of them come than a screen draws.

A piece goes through a dozen hands, and a server with 64 slots sends thousands a second.
"""

import time
from collections.abc import Callable
from typing import Final

from smol_dev.chat import Delta, StageName
from smol_dev.events import Piece

SECONDS: Final = 0.1
"""Between two pieces of one answer; no screen draws more often."""


class Pieces:
    """One answer's text and reasoning that nobody has seen yet; the first bit is shown at once."""

    def __init__(self, stage: StageName, path: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage = stage
        self._path = path
        self._clock = clock
        self._due = 0.0
        self._text: list[str] = []
        self._reasoning: list[str] = []

    def add(self, delta: Delta) -> Piece | None:
        """Everything so far, when it is time to show it."""
        self._text.append(delta.text)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        now = self._clock()
        if now < self._due:
            return None
        self._due = now + SECONDS
        return self.rest()

    def rest(self) -> Piece | None:
        """What has not been shown yet, if there is anything."""
        if not self._text:
            return None
        shown = ("".join(part).encode(errors="replace").decode() for part in (self._text, self._reasoning))
        piece = Piece(self._stage, self._path, *shown)
        self._text.clear()
        self._reasoning.clear()
        return piece
