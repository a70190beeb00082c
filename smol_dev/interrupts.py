"""SIGINT, SIGTERM and SIGHUP turned into the cancellation of one task, which may still tidy up."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, NoReturn, Self

SIGNALS: Final = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)


class Interrupts:
    """Within it, a signal cancels the current task; `caught` is the first signal's number.

    Does nothing where signals cannot be waited for: outside of the main thread, or on Windows.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self._held: list[int] = []

    def __enter__(self) -> Self:
        self._hold()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._let_go()

    @contextmanager
    def raised(self, error: Callable[[int], BaseException]) -> Iterator[None]:
        """Within it a signal raises its error at once, for code that blocks the loop."""

        def throw(number: int, frame: object) -> NoReturn:
            del frame
            raise error(number)

        held = tuple(self._held)
        self._let_go()
        for number in held:
            signal.signal(number, throw)
        try:
            yield
        finally:
            self._hold()

    def _hold(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        for number in SIGNALS:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._catch, number, task)
                self._held.append(number)

    def _let_go(self) -> None:
        while self._held:
            asyncio.get_running_loop().remove_signal_handler(self._held.pop())

    def _catch(self, number: int, task: asyncio.Task[object] | None) -> None:
        self.caught = self.caught or number
        if task is not None:
            task.cancel()
