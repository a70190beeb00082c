"""One answer as it comes: its pieces up to the one reply."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import httpx2

from smol_dev.chat import Delta, Reply
from smol_dev.errors import ServerError
from smol_dev.server.deadlines import AFTER_DONE, AFTER_FINISH, Deadlines
from smol_dev.server.failures import Answer, Asked, classify, failure, unreachable
from smol_dev.server.stream import StreamReader

MOST_REASONING: Final = 1024 * 1024
"""Bytes of thought."""


async def streamed(
    response: httpx2.Response, deadlines: Deadlines, asked: Asked, *, most: int
) -> AsyncGenerator[Delta | Reply, None]:
    """The pieces of an answer, then the reply.

    Raises `ServerError` when it breaks before the first token; later it ends in a `Reply` without
    finish reason that holds the failure. Behind a finish reason nothing can go wrong any more, unless
    text went on behind it: then it counts once the stream has ended. Text or reasoning of more than
    `most` bytes ends the request.
    """
    answer = _Answer(response, deadlines, asked, most)
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

    def __init__(self, response: httpx2.Response, deadlines: Deadlines, asked: Asked, most: int) -> None:
        self._response = response
        self._deadlines = deadlines
        self._asked = asked
        self._most = most
        self._left = [most, max(most, MOST_REASONING)]
        self._reader = StreamReader()
        self._stopped: ServerError | None = None
        self._has_ended = False
        self._awaits_end = False

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Every piece that the bytes hold, up to the end of the answer or of the connection."""
        reader, deadlines = self._reader, self._deadlines
        body = self._response.stream  # its own iterator costs a tenth of everything
        assert isinstance(body, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous client's is
        chunks = aiter(body)
        while (chunk := await deadlines.next(chunks)) is not None:
            for delta in reader.feed(chunk):
                deadlines.note_progress()
                self._count(delta)
                yield delta
            if reader.finish_reason is not None:
                self._note_finish()
            if reader.is_over:
                break
        else:
            self._has_ended = True
        if reader.done:
            self._has_ended = True
            deadlines.give(AFTER_DONE)
            while await deadlines.next(chunks) is not None:
                pass

    def _count(self, delta: Delta) -> None:
        """Raise `ServerError` for an answer that is longer than what is asked for can be."""
        self._left[0] -= len(delta.text.encode(errors="surrogatepass"))
        self._left[1] -= len(delta.reasoning.encode(errors="surrogatepass"))
        if min(self._left) < 0:
            message = f"the answer of {self._asked.server} is longer than {self._most:,} bytes"
            hint = "try another model with `--model`, or raise `run.max_file_bytes` for large files"
            raise failure("cut", self._asked, message=message, hint=hint, transient=True)

    def rest(self) -> list[Delta]:
        """The pieces that wanted only their end."""
        return self._reader.end()

    def stopped_by(self, error: ServerError | httpx2.HTTPError | httpx2.StreamError) -> None:
        """Note what ended the answer before its end."""
        self._stopped = unreachable(error, self._asked)

    def reply(self) -> Reply:
        """The end of the answer. Raises the failure if nothing of the answer has come."""
        reader = self._reader
        text, reasoning = "".join(reader.text), "".join(reader.reasoning)
        has_ended = self._has_ended and not (reader.error or reader.broken or reader.nameless)
        finish = reader.finish_reason
        if reader.finished_early and not has_ended:
            finish = None
        why = self._incomplete(has_ended=has_ended) if finish is None else None
        if why is not None and not text and not reasoning:
            raise why
        if finish is not None and not text:
            why = self._without_text()
        started, now = self._deadlines.started, self._deadlines.clock()
        return Reply(
            text,
            finish,
            reasoning,
            reader.usage,
            first_token_seconds=(self._deadlines.first_token or now) - started,
            last_token_seconds=(self._deadlines.last_token or now) - started,
            seconds=now - started,
            failure=why,
            ended=has_ended,
        )

    def _note_finish(self) -> None:
        """Wait little longer behind a finish reason, unless text goes on behind it."""
        reader = self._reader
        awaits_end = bool(reader.text) and not reader.finished_early
        if awaits_end is not self._awaits_end:
            self._awaits_end = awaits_end
            self._deadlines.give(AFTER_FINISH if awaits_end else None)

    def _without_text(self) -> ServerError:
        """Why an answer that was finished holds no text."""
        reader, asked = self._reader, self._asked
        if reader.calls_tools:
            message = f"{asked.server} answered with a tool call and no text"
            return failure("empty", asked, message=message, transient=True)
        return failure("only_reasoning" if reader.reasoning else "empty", asked, transient=True)

    def _incomplete(self, *, has_ended: bool) -> ServerError:
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
        if reader.calls_tools and not reader.text:
            return self._without_text()
        if has_ended and reader.text:
            message = f"{asked.server} ended its answer without a finish reason"
            return failure("cut", asked, message=message, transient=True)
        if reader.is_stream or reader.reasoning or self._is_empty_stream():
            return failure("cut", asked, transient=True)
        return self._classify(reader.stray.decode(errors="replace"), in_stream=False)

    def _is_empty_stream(self) -> bool:
        kind = self._response.headers.get("content-type", "")
        return "event-stream" in kind.lower() and not self._reader.stray

    def _classify(self, body: str, *, in_stream: bool) -> ServerError:
        headers = dict(self._response.headers)
        answer = Answer(self._response.status_code, headers, body, in_stream=in_stream)
        return classify(answer, self._asked)
