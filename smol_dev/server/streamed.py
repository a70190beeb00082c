"""One answer as it comes: its pieces up to the one reply."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2

from smol_dev.errors import ServerError
from smol_dev.server.chat import Delta, Reply
from smol_dev.server.deadlines import AFTER_DONE, AFTER_FINISH, Deadlines
from smol_dev.server.failures import Answer, Asked, classify, failure, unreachable
from smol_dev.server.stream import StreamReader


async def streamed(
    response: httpx2.Response, deadlines: Deadlines, asked: Asked
) -> AsyncGenerator[Delta | Reply, None]:
    """The pieces of an answer, then the reply.

    Raises `ServerError` when it breaks before the first token; later it ends in a `Reply` without
    finish reason that holds the failure. A `finish_reason` makes it whole, whatever comes behind.
    """
    answer = _Answer(response, deadlines, asked)
    try:
        async with aclosing(answer.deltas()) as deltas:
            async for delta in deltas:
                yield delta
    except (ServerError, httpx2.HTTPError, httpx2.StreamError) as error:
        answer.stopped_by(error)
    finally:
        deadlines.close()
    for delta in answer.rest():
        yield delta
    yield answer.reply()


class _Answer:
    """What has come of one answer so far."""

    def __init__(self, response: httpx2.Response, deadlines: Deadlines, asked: Asked) -> None:
        self._response = response
        self._deadlines = deadlines
        self._asked = asked
        self._reader = StreamReader()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._stopped: ServerError | None = None

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Every piece that the bytes hold, up to the end of the answer or of the connection."""
        reader, deadlines = self._reader, self._deadlines
        body = self._response.stream  # its own iterator costs a tenth of everything
        assert isinstance(body, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous client's is
        chunks = aiter(body)
        is_finished = False
        while (chunk := await deadlines.next(chunks)) is not None:
            for delta in reader.feed(chunk):
                self._take(delta)
                yield delta
            if reader.finish_reason is not None and not is_finished:
                is_finished = True
                deadlines.give(AFTER_FINISH)
            if reader.is_over:
                break
        if reader.done:
            deadlines.give(AFTER_DONE)
            while await deadlines.next(chunks) is not None:
                pass

    def rest(self) -> list[Delta]:
        """The pieces that wanted only their end."""
        deltas = self._reader.end()
        for delta in deltas:
            self._take(delta)
        return deltas

    def stopped_by(self, error: ServerError | httpx2.HTTPError | httpx2.StreamError) -> None:
        """Note what ended the answer before its end."""
        self._stopped = unreachable(error, self._asked)

    def reply(self) -> Reply:
        """The end of the answer. Raises the failure if nothing of the answer has come."""
        text, reasoning = "".join(self._text), "".join(self._reasoning)
        finish = self._reader.finish_reason
        why = self._incomplete() if finish is None else None
        if why is not None and not text and not reasoning:
            raise why
        if finish is not None and not text:
            why = failure("only_reasoning" if reasoning else "empty", self._asked, transient=True)
        started, now = self._deadlines.started, self._deadlines.clock()
        return Reply(
            text,
            finish,
            reasoning,
            self._reader.usage,
            first_token_seconds=(self._deadlines.first_token or now) - started,
            seconds=now - started,
            failure=why,
        )

    def _take(self, delta: Delta) -> None:
        self._deadlines.note_progress()
        if delta.text:
            self._text.append(delta.text)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)

    def _incomplete(self) -> ServerError:
        """Why there is no finish reason: the surest sign first."""
        reader, asked = self._reader, self._asked
        if reader.error:
            return self._classify(reader.error, in_stream=reader.is_stream)
        if self._stopped is not None:
            return self._stopped
        if reader.broken:
            message = f"{asked.server} sent an answer that cannot be read: {reader.broken}"
            return failure("cut", asked, message=message, transient=True)
        if reader.nameless:
            message = f"{asked.server} broke off in the middle of its answer, without saying why"
            return failure("cut", asked, message=message, transient=True)
        if reader.is_stream or self._text or self._reasoning or self._is_empty_stream():
            return failure("cut", asked, transient=True)
        return self._classify(reader.stray.decode(errors="replace"), in_stream=False)

    def _is_empty_stream(self) -> bool:
        kind = self._response.headers.get("content-type", "")
        return "event-stream" in kind.lower() and not self._reader.stray

    def _classify(self, body: str, *, in_stream: bool) -> ServerError:
        headers = dict(self._response.headers)
        answer = Answer(self._response.status_code, headers, body, in_stream=in_stream)
        return classify(answer, self._asked)
