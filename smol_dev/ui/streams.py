"""Standard streams that may break while we write: the reader leaves, the disk fills up, the line hangs up."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TextIO

Redact = Callable[[str], str]
"""Returns the text without any known secret."""


class Talk:
    """A stream for talk that is enough for rich; once it cannot be written, further output is silently dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = True
        self.encoding = stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write what the stream takes; a run is worth more than its commentary."""
        if self._open:
            try:
                self._stream.write(text)
            except OSError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        if self._open:
            try:
                self._stream.flush()
            except OSError:
                self._give_up()

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor, if there is one."""
        return self._stream.fileno()

    def _give_up(self) -> None:
        self._open = False
        abandon(self._stream)


def abandon(stream: TextIO) -> None:
    """Point a broken stream's descriptor at the null device.

    Python flushes its buffers when it exits; on a broken stream, that would end in a message and exit code 120.
    """
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


def stand_in() -> None:
    """Replace standard streams that were closed at the start by ones that lead nowhere.

    In this order, each takes the descriptor it should have had, before a file of ours does.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Stays open; `pathlib` would take a sixth of the time of `--version`.
            nothing = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123 - said above
            setattr(sys, name, nothing)
