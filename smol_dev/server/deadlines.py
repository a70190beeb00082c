"""How long an answer is waited for: the first token, silence, the whole, each named when it passes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from smol_dev.config.model import Profile
from smol_dev.errors import ServerError
from smol_dev.safe import command
from smol_dev.server.failures import Asked, failure
from smol_dev.server.patience import TICKS, Patience

AFTER_FINISH: Final = 5.0
"""Seconds that a complete answer is waited on for its token counts and its end."""

AFTER_DONE: Final = 0.5
"""Seconds that the end of the connection's answer is waited for, so that it can be used again."""


class Deadlines:
    """The phases of waiting for one answer.

    Only text and reasoning are progress: keep-alive comments and empty deltas are not. Only waiting
    counts as silence, not the time that the reader of the answer takes for a piece. `answering` says
    that the server has accepted the request and begun to answer.
    """

    def __init__(self, profile: Profile, asked: Asked, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.started = clock()
        self.first_token: float | None = None
        self.last_token: float | None = None
        self.answering = False
        self._profile = profile
        self._asked = asked
        self._progress: float | None = None
        self._given: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._set_for = 0.0
        self._passed = False

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Within it, the nearest deadline ends the wait with the error of its phase."""
        try:
            async with Patience(self._nearest() - self.clock()).within():
                yield
        except TimeoutError as error:
            raise self._late() from error

    def note_progress(self) -> None:
        """Text or reasoning came; silence is measured from the next wait on."""
        self._progress = None
        self.last_token = self.clock()
        if self.first_token is None:
            self.first_token = self._progress = self.last_token
            self._arm()

    def give(self, seconds: float | None) -> None:
        """The answer is complete: only so much longer is anything waited for. None: it goes on."""
        self._given = None if seconds is None else self.clock() + seconds
        self._arm()

    async def next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """The next bytes, None at their end. Raises the error of the phase that takes too long.

        One timer an answer, not one a chunk: it is set anew only when a phase ends sooner.
        """
        if self._timer is None:
            self._arm()
        if self.first_token is not None and self._progress is None:
            self._progress = self.clock()
        task = self._waiting = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            return await chunks.__anext__()
        except StopAsyncIteration:
            return None
        except asyncio.CancelledError:
            if self._passed and task is not None and task.uncancel() <= cancelled:
                raise self._late() from None
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """The answer is over."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._set_for = self._nearest()
        seconds = max(self._set_for - self.clock(), 0.001)
        tick = seconds / TICKS
        self._timer = asyncio.get_running_loop().call_later(seconds - tick, self._look, tick)

    def _look(self, left: float) -> None:
        """End the wait if the deadline has not moved since the timer was set, else set it anew.

        A last tick is `left` at first, in which the bytes are read that came while the program stood still.
        """
        self._timer = None
        if self._nearest() > self._set_for:
            self._arm()
        elif left:
            self._timer = asyncio.get_running_loop().call_later(left, self._look, 0.0)
        elif self._waiting is not None:  # else the next wait sets the timer
            self._passed = True
            self._waiting.cancel()

    def _nearest(self) -> float:
        """When the phase ends that ends first."""
        return min(self._ends().values())

    def _ends(self) -> dict[str, float]:
        """When each phase that is running ends, by the setting that says so."""
        profile = self._profile
        if self._given is not None:
            return {"": self._given}
        if self.first_token is None:
            ends = {"first_token_timeout": self.started + profile.first_token_timeout}
        else:
            ends = {"timeout": (self._progress or self.clock()) + profile.timeout}
        if profile.total_timeout:
            ends["total_timeout"] = self.started + profile.total_timeout
        return ends

    def _late(self) -> ServerError:
        ends = self._ends()
        name = min(ends, key=lambda each: ends[each])
        seconds = getattr(self._profile, name, 0.0)
        server = self._asked.server
        message = {
            "first_token_timeout": f"no first token from {server} within {seconds:g} s; the model may still be loading",
            "timeout": f"{server} fell silent in the middle of its answer for {seconds:g} s",
            "total_timeout": f"the answer of {server} took longer than {seconds:g} s",
        }.get(name, f"{server} did not end its answer")
        known = self._asked.known
        own = known.remedies.get("timeout") if known is not None else None
        longer = command("-c {name}={seconds}", name=name, seconds=f"{2 * seconds:g}")
        hint = f"wait longer: {longer}; " + (own or "or use a smaller model")
        return failure("timeout", self._asked, message=f"{message} (`{name}`)", hint=hint)
