"""What a parser says about a text."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class State(Enum):
    """Whether a text is a file of its language.

    `UNFINISHED` means that the only thing wrong is the end: with more text behind it, it could
    have been whole.
    """

    WHOLE = "whole"
    BROKEN = "broken"
    UNFINISHED = "unfinished"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parser's verdict, and where and why it stopped (line and column count from 1)."""

    state: State
    line: int = 0
    column: int = 0
    message: str = ""

    @property
    def whole(self) -> bool:
        """Whether the text is a whole file of its language."""
        return self.state is State.WHOLE

    @property
    def wrong(self) -> bool:
        """Whether the text is broken or unfinished."""
        return self.state in {State.BROKEN, State.UNFINISHED}

    def __str__(self) -> str:
        """Return `line 3: what is wrong`, or the state where nothing is."""
        return f"line {self.line}: {self.message}" if self.wrong else self.state.value


LAST_WORD: Final = re.compile(r"[^\s()\[\]{};,]{1,60}\s*\Z")
"""What may be half a word: a text that stops being its language here is cut, not wrong."""

WHOLE: Final = Parsed(State.WHOLE)
NOT_JUDGED: Final = Parsed(State.NOT_JUDGED)


def stopped(text: str, offset: int, message: str, *, unfinished: bool) -> Parsed:
    """Return the verdict on a text that cannot be read past an offset."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return Parsed(State.UNFINISHED if unfinished else State.BROKEN, line, column, message)
