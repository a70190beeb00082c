"""One answer as it comes: its deadlines, and its pieces up to the one reply."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx2

from smol_dev.config.model import Profile
from smol_dev.errors import ServerError
from smol_dev.server.chat import Delta, Reply, Usage
from smol_dev.server.failures import Answer, Asked, classify, unreachable
from smol_dev.server.known import generic
from smol_dev.server.stream import BrokenStreamError, Part, StreamReader

if TYPE_CHECKING:
    from smol_dev.server.kinds import Kind

FOREVER: Final = 10.0**9
SHOWN: Final = 4096
"""Bytes kept of an answer, to say what it was if it is none."""


class Deadlines:
    """The phases of waiting for one answer: the first token, silence, the whole.

    Only text and reasoning are progress: keep-alive comments and empty deltas are not.
    """

    def __init__(self, profile: Profile, asked: Asked, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.started = clock()
        self.first_token: float | None = None
        self._profile = profile
        self._asked = asked
        self._progress = self.started

    def note_progress(self) -> None:
        """Text or reasoning came."""
        self._progress = self.clock()
        if self.first_token is None:
            self.first_token = self._progress

    def left(self) -> float:
        """Seconds until the nearest deadline."""
        return min(at for at, _ in self._phases()) - self.clock()

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Within it, the nearest deadline ends the wait with the error of its phase."""
        try:
            async with asyncio.timeout(self.left()):
                yield
        except TimeoutError as error:
            _, late = min(self._phases(), key=lambda phase: phase[0])
            raise late from error

    def _phases(self) -> list[tuple[float, ServerError]]:
        profile = self._profile
        total = self.started + (profile.total_timeout or FOREVER)
        if self.first_token is None:
            first = self.started + profile.first_token_timeout
            return [(first, self._no_first_token()), (total, self._too_long())]
        return [(self._progress + profile.timeout, self._silent()), (total, self._too_long())]

    def _no_first_token(self) -> ServerError:
        seconds = self._profile.first_token_timeout
        return _late(
            f"no first token from `{self._asked.base_url}` within {seconds:g} s"
            " (`first_token_timeout`); the model may still be loading",
            f"wait longer with `-c first_token_timeout={2 * seconds:g}`, or use a smaller model",
        )

    def _silent(self) -> ServerError:
        seconds = self._profile.timeout
        return _late(
            f"the server fell silent in the middle of an answer for {seconds:g} s (`timeout`)",
            f"look at the server's log, or wait longer with `-c timeout={2 * seconds:g}`",
        )

    def _too_long(self) -> ServerError:
        seconds = self._profile.total_timeout
        return _late(
            f"the answer took longer than {seconds:g} s (`total_timeout`)",
            f"allow more with `-c total_timeout={2 * seconds:g}`, or 0 for no limit",
        )


def _late(message: str, hint: str) -> ServerError:
    return ServerError(message, hint=hint, kind="timeout")


async def streamed(
    response: httpx2.Response, deadlines: Deadlines, asked: Asked
) -> AsyncIterator[Delta | Reply]:
    """The pieces of an answer, then the reply.

    Raises `ServerError` when it breaks before the first token; later it ends in a `Reply` without
    finish reason that holds the failure.
    """
    answer = _Answer(response, deadlines, asked)
    try:
        async for part in answer.parts():
            delta = answer.take(part)
            if delta is not None:
                yield delta
            if answer.failure is not None:
                break
    except (ServerError, httpx2.HTTPError, BrokenStreamError) as error:
        answer.failure = answer.explain(error)
    yield answer.reply()


class _Answer:
    """What has come of one answer so far."""

    def __init__(self, response: httpx2.Response, deadlines: Deadlines, asked: Asked) -> None:
        self.failure: ServerError | None = None
        self._response = response
        self._deadlines = deadlines
        self._asked = asked
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish: str | None = None
        self._usage = Usage()
        self._parts = 0
        self._body = b""

    async def parts(self) -> AsyncIterator[Part]:
        """Every part, each chunk of bytes waited for no longer than the deadlines allow."""
        kind = self._response.headers.get("content-type", "").lower()
        whole = "text/event-stream" not in kind
        reader = StreamReader(whole=whole)
        chunks = self._response.aiter_raw()
        while True:
            async with self._deadlines.waiting():
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            if len(self._body) < SHOWN:
                self._body += chunk[:SHOWN]
            for part in reader.feed(chunk):
                yield part
        for part in reader.end():
            yield part

    def take(self, part: Part) -> Delta | None:
        """Note a part; the delta it adds, if it says anything."""
        self._parts += 1
        self._usage = part.usage or self._usage
        self._finish = part.finish_reason or self._finish
        if part.error:
            self.failure = self._classify(part.error, in_stream=True)
        if not part.text and not part.reasoning:
            return None
        self._deadlines.note_progress()
        self._text.append(part.text)
        self._reasoning.append(part.reasoning)
        return Delta(part.text, part.reasoning)

    def explain(
        self, error: ServerError | httpx2.HTTPError | BrokenStreamError
    ) -> ServerError | None:
        """The failure that an exception in the middle of the answer means; none after its end."""
        if self._finish is not None:
            return None
        if isinstance(error, ServerError):
            return error
        if isinstance(error, BrokenStreamError):
            if not self._text and not self._reasoning:
                return self._classify(self._body.decode(errors="replace"))
            return self._cut(str(error))
        return unreachable(error, self._asked)

    def reply(self) -> Reply:
        """The end of the answer. Raises the failure if nothing of the answer has come."""
        text, reasoning = "".join(self._text), "".join(self._reasoning)
        if self.failure is None and self._finish is None:
            self.failure = self._unfinished(anything=bool(text or reasoning))
        if self.failure is not None and not (text or reasoning):
            raise self.failure
        finish = self._finish if self.failure is None else None
        if self.failure is None and not text:
            self.failure = self._silent_model(thought=bool(reasoning))
        started, now = self._deadlines.started, self._deadlines.clock()
        return Reply(
            text,
            finish,
            reasoning,
            self._usage,
            first_token_seconds=(self._deadlines.first_token or now) - started,
            seconds=now - started,
            failure=self.failure,
        )

    def _unfinished(self, *, anything: bool) -> ServerError:
        if not anything and self._parts == 0:
            return self._classify(self._body.decode(errors="replace"))
        return self._cut("the server ended the answer before it was complete")

    def _silent_model(self, *, thought: bool) -> ServerError:
        kind: Kind = "only_reasoning" if thought else "empty"
        known = self._asked.known or generic()
        what = "the model only thought and said nothing" if thought else "the model said nothing"
        hint = known.remedy(kind, model=self._asked.model, base_url=self._asked.base_url)
        return ServerError(what, hint=hint, kind=kind, transient=True)

    def _cut(self, message: str) -> ServerError:
        known = self._asked.known or generic()
        hint = known.remedy("cut", model=self._asked.model, base_url=self._asked.base_url)
        return ServerError(message, hint=hint, kind="cut", transient=True)

    def _classify(self, body: str, *, in_stream: bool = False) -> ServerError:
        headers = dict(self._response.headers)
        answer = Answer(self._response.status_code, headers, body, in_stream=in_stream)
        return classify(answer, self._asked)
