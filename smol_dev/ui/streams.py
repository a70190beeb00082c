"""Standard streams that may go away while we write: a reader that left, a full disk, a hung-up line."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TextIO

Redact = Callable[[str], str]
"""Text in, the same text without any known secret out."""


class Talk:
    """A stream for talk, file enough for rich: once it cannot be written, everything more is dropped silently."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = True
        self.encoding = stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write what the stream takes. A run is worth more than its commentary."""
        if self._open:
            try:
                self._stream.write(text)
            except OSError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Hand everything over to the system."""
        if self._open:
            try:
                self._stream.flush()
            except OSError:
                self._give_up()

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor, where there is one."""
        return self._stream.fileno()

    def _give_up(self) -> None:
        self._open = False
        abandon(self._stream)


def abandon(stream: TextIO) -> None:
    """Point a broken stream's descriptor at nothing.

    Python flushes what is left in its buffers when it exits; on a broken stream that would end in
    a message and exit code 120.
    """
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


def stand_in() -> None:
    """Give a process that was started with closed streams ones that lead nowhere.

    In this order each takes the descriptor it should have had, before a file of ours does.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Open to the end; `pathlib` would be a sixth of what `--version` costs.
            nothing = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123 - said above
            setattr(sys, name, nothing)
