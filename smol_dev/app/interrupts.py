"""Handling of SIGINT, SIGTERM and SIGHUP for the command line: the first signal stops the work, without traceback.

The library never handles signals: they belong to the program that calls it.
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
"""Seconds that the work may take to stop before the process is ended."""

TIMER: Final = tuple(filter(None, [getattr(signal, "SIGALRM", None)]))
"""The timer's signal; empty if the system has none."""

SHOW_CURSOR: Final = b"\x1b[?25h"

Stop = Callable[[int], object]
"""Stop the work, given the signal's number."""


class Interrupts:
    """The effect of signals on the work: none before `watch` is called.

    The first signal stops the work; its number is `caught`. Signals that follow at once come from a
    double key press or a shell that forwards them, and are ignored. Work that does not stop in time, in
    a loop that never yields or a pattern that never ends, is ended by a timer's signal, which reaches
    the main thread anywhere, even inside `re`.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self.stop: Stop = raise_interrupt
        self.hint = ""
        """What to type next, shown if the process must be ended."""
        self._caught_at = 0.0

    def watch(self) -> None:
        """Handle the signals, except those that the process was started to ignore, as by `nohup`."""
        self.caught = None
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._catch)
        if TIMER:
            signal.signal(signal.SIGALRM, self._out_of_time)
        sys.unraisablehook = self._unraisable

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the signals inside the context, if that is possible and not done yet."""
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
        """Ignore signals until the process ends, and stop the timer after the last thread."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if TIMER:  # Python then removes its handler, and the default one would kill the process
            atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)

    @contextmanager
    def stopping(self, stop: Stop) -> Iterator[None]:
        """Let the first signal inside the context call `stop` in the main thread."""
        outer, self.stop = self.stop, stop
        try:
            yield
        finally:
            self.stop = outer

    @staticmethod
    @contextmanager
    def left_to_a_child() -> Iterator[None]:
        """Ignore Ctrl-C inside the context, leaving it to the child process that has the terminal."""
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def exit_code(self) -> int:
        """The exit code that a shell reports for a process ended by the signal."""
        return 128 + (self.caught or signal.SIGINT)

    def end(self, *, said: str = "error: interrupted\n") -> NoReturn:
        """End the process at once, whatever it is doing."""
        try:
            if select.select([], [2], [], 0)[1]:  # the pipe may be full and unread
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
        """End the process on an interrupt in a destructor, where Python would drop the exception."""
        if issubclass(failure.exc_type, KeyboardInterrupt):
            self.end()
        sys.__unraisablehook__(failure)


def raise_interrupt(_number: int) -> NoReturn:
    """Raise `KeyboardInterrupt`, as Python does on Ctrl-C."""
    raise KeyboardInterrupt


def note(_number: int) -> None:
    """Do nothing; the work sees `Interrupts.caught` later."""


PROCESS: Final = Interrupts()
"""The signals of the command line's own process."""
