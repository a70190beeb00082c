"""A time-out in which only the time counts that this program was free to notice an answer.

On a machine that is busy, or behind a process that was stopped for a while, a timer and the bytes it
waits for come to light in the same moment, and the timer of the event loop wins.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

TICKS: Final = 20
"""Of one time-out; each has to pass in its own round of the event loop."""


class Patience:
    """So many seconds, for one wait or for several in turn."""

    def __init__(self, seconds: float) -> None:
        self._tick = max(seconds, 0) / TICKS
        self._left = TICKS
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def within(self) -> AsyncIterator[None]:
        """Wait for what is done in it. Raises `TimeoutError` when the seconds are used up."""
        async with asyncio.timeout(None) as limit:
            self._next_tick(limit)
            try:
                yield
            finally:
                if self._timer is not None:
                    self._timer.cancel()

    def _next_tick(self, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        if self._left > 0:
            self._left -= 1
            self._timer = loop.call_later(self._tick, self._next_tick, limit)
        else:
            limit.reschedule(loop.time())
