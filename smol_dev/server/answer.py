"""One streamed answer: its pieces and then the reply, each wait bounded by the deadline of its phase."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import httpx2

from smol_dev.chat import Delta, Reply
from smol_dev.config.model import Profile
from smol_dev.errors import ServerError
from smol_dev.safe import command
from smol_dev.server.failures import Target, classify, failure, unreachable
from smol_dev.server.known import Response
from smol_dev.server.stream import StreamReader
from smol_dev.server.transport import BODY, TICKS

Coming = TypeVar("Coming")

AFTER_FINISH: Final = 5.0  # seconds that a complete answer gets for its token counts and its end
AFTER_DONE: Final = 0.5  # seconds to wait for the end of the response, so that the connection can be used again
MOST_REASONING: Final = 1024 * 1024  # bytes of reasoning


class Deadlines:
    """The deadlines of the phases of one answer.

    Only text and reasoning are progress: keep-alive comments and empty deltas are not. Only waiting counts as silence,
    not the time that the reader of the answer takes for a piece. `answering` says that the server has accepted the
    request and begun to answer.
    """

    def __init__(self, profile: Profile, target: Target, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.started = clock()
        self.first_token: float | None = None
        self.last_token: float | None = None
        self.answering = False
        self._profile = profile
        self._target = target
        self._progress: float | None = None
        self._given: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._set_for = 0.0
        self._passed = False

    def note_progress(self) -> None:
        """Note that text or reasoning came; silence is measured from the next wait."""
        self._progress = None
        self.last_token = self.clock()
        if self.first_token is None:
            self.first_token = self._progress = self.last_token
            self._set_timer()

    def give(self, seconds: float | None) -> None:
        """Wait only this much longer, as the answer is complete; None if it continues after all."""
        self._given = None if seconds is None else self.clock() + seconds
        self._set_timer()

    async def wait(self, coming: Awaitable[Coming]) -> Coming:
        """Return what is waited for. Raise the error of the phase that takes too long.

        There is one timer per answer, not per chunk: it is reset only when a phase ends sooner.
        """
        if self._timer is None:
            self._set_timer()
        if self.first_token is not None and self._progress is None:
            self._progress = self.clock()
        task = self._waiting = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            return await coming
        except asyncio.CancelledError:
            if self._passed and task is not None and task.uncancel() <= cancelled:
                raise self._timeout_error() from None
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.close()
        self._set_for = min(self._ends().values())
        self._tick(max(self._set_for - self.clock(), 0.001) / TICKS, TICKS)

    def _tick(self, seconds: float, left: int) -> None:
        """End the wait when no tick is left, unless the deadline has moved since the timer was set.

        Each tick passes in a round of the event loop of its own, so bytes are read that came while it was stalled.
        """
        self._timer = None
        if left:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tick, seconds, left - 1)
        elif min(self._ends().values()) > self._set_for:
            self._set_timer()
        elif self._waiting is not None:  # else the next wait sets the timer
            self._passed = True
            self._waiting.cancel()

    def _ends(self) -> dict[str, float]:
        """Return when each running phase ends, by the name of its setting."""
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

    def _timeout_error(self) -> ServerError:
        ends = self._ends()
        name = min(ends, key=lambda each: ends[each])
        seconds = getattr(self._profile, name, 0.0)
        server, known = self._target.server, self._target.known
        message = {
            "first_token_timeout": f"no first token from {server} within {seconds:g} s; the model may still be loading",
            "timeout": f"{server} fell silent in the middle of its answer for {seconds:g} s",
            "total_timeout": f"the answer of {server} took longer than {seconds:g} s",
        }.get(name, f"{server} did not end its answer")
        longer = command("-c {name}={seconds}", name=name, seconds=f"{2 * seconds:g}")
        own = None if known is None else known.remedies.get("timeout")
        hint = f"wait longer: {longer}; {own or 'or use a smaller model'}"
        return failure("timeout", self._target, message=f"{message} (`{name}`)", hint=hint)


class StreamedAnswer:
    """What has come of one answer so far; more than `most` bytes of text or reasoning end it."""

    def __init__(self, response: httpx2.Response, deadlines: Deadlines, target: Target, *, most: int) -> None:
        self._response = response
        self._chunks: AsyncIterator[bytes] = aiter(response.extensions[BODY])
        self._deadlines = deadlines
        self._target = target
        self._most = most
        self._text_left = most
        self._thought_left = max(most, MOST_REASONING)
        self._reader = StreamReader()
        self._stopped: ServerError | None = None
        self._has_ended = False
        self._is_over = False
        self._awaits_end = False

    async def aclose(self) -> None:
        """Drop the rest of the answer."""
        await self._response.aclose()

    async def next(self) -> list[Delta]:
        """Return the next pieces, at least one; empty when the answer is over.

        This is no generator, and it returns all pieces of a chunk at once: every generator costs time per token.
        """
        if self._is_over:
            return []
        try:
            while not (self._reader.is_over or self._stopped):
                if (chunk := await self._deadlines.wait(anext(self._chunks, None))) is None:
                    self._has_ended = True
                    break
                if deltas := self._read(chunk):
                    return deltas
            if self._reader.done and not self._stopped:
                self._has_ended = True
                self._deadlines.give(AFTER_DONE)
                while await self._deadlines.wait(anext(self._chunks, None)) is not None:
                    pass
        except (ServerError, httpx2.HTTPError, httpx2.StreamError) as error:
            self._stopped = unreachable(error, self._target)
        self._is_over = True
        return self._reader.end()

    def _read(self, chunk: bytes) -> list[Delta]:
        deltas = self._reader.feed(chunk)
        for delta in deltas:
            self._text_left -= len(delta.text.encode("utf-8", "surrogatepass"))
            self._thought_left -= len(delta.reasoning.encode("utf-8", "surrogatepass"))
        if deltas:
            self._deadlines.note_progress()
        if self._text_left < 0 or self._thought_left < 0:
            message = f"the answer of {self._target.server} is longer than {self._most:,} bytes"
            hint = "try another model with `--model`, or raise `run.max_file_bytes` for large files"
            self._stopped = failure("cut", self._target, message=message, hint=hint, transient=True)
        elif self._reader.finish_reason is not None:  # wait only briefly for the end, unless text follows
            awaits_end = bool(self._reader.text) and not self._reader.finished_early
            if awaits_end is not self._awaits_end:
                self._awaits_end = awaits_end
                self._deadlines.give(AFTER_FINISH if awaits_end else None)
        return deltas

    def reply(self) -> Reply:
        """Return the end of the answer. Raise the failure if nothing of the answer has come.

        After a finish reason nothing can go wrong any more, unless text followed it: then it counts only once the
        stream has ended. An answer that broke off later becomes a reply without finish reason that holds the failure.
        """
        reader, deadlines = self._reader, self._deadlines
        text, reasoning = "".join(reader.text), "".join(reader.reasoning)
        has_ended = self._has_ended and not (reader.error or reader.broken or reader.nameless)
        finish = None if reader.finished_early and not has_ended else reader.finish_reason
        why = None
        if finish is None:
            why = self._incomplete(has_ended=has_ended)
            if not text and not reasoning:
                raise why
        elif not text:
            why = self._without_text()
        now = deadlines.clock()
        return Reply(
            text,
            finish,
            reasoning,
            reader.usage,
            first_token_seconds=(deadlines.first_token or now) - deadlines.started,
            last_token_seconds=(deadlines.last_token or now) - deadlines.started,
            seconds=now - deadlines.started,
            failure=why,
            ended=has_ended,
        )

    def _without_text(self) -> ServerError:
        if self._reader.calls_tools:
            message = f"{self._target.server} answered with a tool call and no text"
            return failure("empty", self._target, message=message, transient=True)
        return failure("only_reasoning" if self._reader.reasoning else "empty", self._target, transient=True)

    def _incomplete(self, *, has_ended: bool) -> ServerError:
        """Return why there is no finish reason, checking the surest sign first."""
        reader, target, why = self._reader, self._target, ""
        if reader.error:
            return self._classify(reader.error, in_stream=reader.is_stream)
        if self._stopped is not None:
            return self._stopped
        if reader.broken:
            why = f"sent an answer that cannot be read: {reader.broken}"
        elif reader.nameless:
            why = "broke off in the middle of its answer, without saying why"
        elif reader.calls_tools and not reader.text:
            return self._without_text()
        elif has_ended and reader.text:
            why = "ended its answer without a finish reason"
        is_said_stream = "event-stream" in self._response.headers.get("content-type", "").lower()
        if why or reader.is_stream or reader.reasoning or (is_said_stream and not reader.stray):
            return failure("cut", target, message=f"{target.server} {why}" if why else "", transient=True)
        return self._classify(reader.stray.decode(errors="replace"), in_stream=False)

    def _classify(self, body: str, *, in_stream: bool) -> ServerError:
        status, headers = self._response.status_code, dict(self._response.headers)
        return classify(Response(status, headers, body, in_stream=in_stream), self._target)
