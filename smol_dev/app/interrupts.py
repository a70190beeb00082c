"""SIGINT, SIGTERM and SIGHUP, for the command line: the first one stops the work, and none is loud.

The library never watches signals: they belong to the program that calls it.
"""

import atexit
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from types import FrameType

SIGNALS: Final = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)
PATIENCE = 2.8
"""Seconds for the work to stop; then the process ends where it stands."""

TIMER: Final = tuple(filter(None, [getattr(signal, "SIGALRM", None)]))
"""The signal of the timer, where the system has one."""

SHOW_CURSOR: Final = b"\x1b[?25h"

Stop = Callable[[int], object]
"""Stop the work, told the signal's number."""


class Interrupts:
    """What a signal does to the work: nothing before `watch` is called.

    The first signal stops the work, its number is `caught`. Those that follow at once are the same key
    pressed twice, or a shell that passes it on, and change nothing. Work that does not stop in time, in
    a loop that never yields or a pattern that never ends, is ended by a timer's signal: those are
    delivered in the main thread wherever it stands, in the middle of `re` too.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self.stop: Stop = raise_interrupt
        self.hint = ""
        """What to type next, where the process has to be ended."""
        self._caught_at = 0.0

    def watch(self) -> None:
        """Take over the signals that the process was not told to ignore, as `nohup` does."""
        self.caught = None
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._catch)
        if TIMER:
            signal.signal(signal.SIGALRM, self._out_of_time)
        sys.unraisablehook = self._unraisable

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the signals within it, where that is possible and not done yet."""
        before = {number: signal.getsignal(number) for number in (*SIGNALS, *TIMER)}
        if self._catch in before.values() or current_thread() is not main_thread():
            yield
            return
        self.watch()
        try:
            yield
        finally:
            sys.unraisablehook = sys.__unraisablehook__
            if TIMER:
                signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)

    @staticmethod
    def ignore() -> None:
        """Let no signal disturb the end of the process; the timer ends with the last thread."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if TIMER:  # after that Python takes its handler away, and the system's would kill
            atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)

    @contextmanager
    def stopping(self, stop: Stop) -> Iterator[None]:
        """Within it, the first signal calls `stop` where the main thread stands."""
        outer, self.stop = self.stop, stop
        try:
            yield
        finally:
            self.stop = outer

    @staticmethod
    @contextmanager
    def left_to_a_child() -> Iterator[None]:
        """Within it Ctrl-C is a key of the child process that has the terminal, and does nothing here."""
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def exit_code(self) -> int:
        """What a shell reports for a process that the signal ended."""
        return 128 + (self.caught or signal.SIGINT)

    def end(self, *, said: str = "error: interrupted\n") -> NoReturn:
        """End the process at once, whatever it is in the middle of."""
        try:
            if select.select([], [2], [], 0)[1]:  # nobody may read it
                os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + os.fsencode(said))
        finally:
            os._exit(self.exit_code)

    def _catch(self, number: int, _frame: "FrameType | None") -> None:
        now = time.monotonic()
        if self.caught is None:
            self.caught, self._caught_at = number, now
            if TIMER:
                signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            self.stop(number)
        elif now - self._caught_at > PATIENCE:
            self.end(said="")

    def _out_of_time(self, _number: int, _frame: "FrameType | None") -> NoReturn:
        hint = f"\nhint: {self.hint}\n" if self.hint else ""
        self.end(said=f"error: interrupted\n{hint}")

    def _unraisable(self, failure: "sys.UnraisableHookArgs") -> None:
        """Python drops what is raised in a destructor; a signal must not be lost there."""
        if issubclass(failure.exc_type, KeyboardInterrupt):
            self.end()
        sys.__unraisablehook__(failure)


def raise_interrupt(_number: int) -> NoReturn:
    """Leave whatever is going on, as Python does on Ctrl-C."""
    raise KeyboardInterrupt


def note(_number: int) -> None:
    """Go on; `Interrupts.caught` tells the work later."""


PROCESS: Final = Interrupts()
"""The signals of the command line's own process."""
