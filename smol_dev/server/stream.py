"""The bytes of a streamed answer turned into pieces: server-sent events as local servers really send them.

Tolerated: comments, `event:` and `id:` lines, a last event without its blank line, no `[DONE]`, a whole
JSON answer in place of a stream, missing or empty `choices`, content in parts, and usage wherever it
stands. Standard library only.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smol_dev.server.chat import Usage

MOST_LINE: Final = 1024 * 1024
"""Bytes of one line; a longer one is no answer of a model."""

MOST_DATA_LINES: Final = 10_000

FAKE_USAGE: Final = (100, 100)
"""What koboldcpp reports for every answer, whatever it read (v1.76)."""


class BrokenStreamError(Exception):
    """Bytes that no server sends which works: too long a line, no UTF-8, no JSON."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one event adds. `error` is the body of an error found in the stream, as text."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    error: str = ""
    nameless: bool = False


class StreamReader:
    """Reads one answer; `feed` it the bytes as they come, and `end` it when no more will.

    `whole` says that the server answered with plain JSON in place of events.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._body = bytearray()
        self._rest = b""
        self._data: list[bytes] = []
        self._event = b""

    def feed(self, chunk: bytes) -> Iterator[Part]:
        """The parts that are complete with this chunk. Raises `BrokenStreamError`."""
        if self._whole:
            self._body += chunk
            return
        self._rest += chunk
        if b"\n" not in chunk and b"\r" not in chunk:
            self._check_line(self._rest)
            return
        *lines, self._rest = _lines(self._rest)
        self._check_line(self._rest)
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[Part]:
        """The parts of what is left: an event without its blank line, or the whole JSON answer."""
        if self._whole:
            yield from _parts(_parsed(bytes(self._body)))
            return
        if self._rest:
            yield from self._line(self._rest.rstrip(b"\r"))
        yield from self._dispatch()

    def _line(self, line: bytes) -> Iterator[Part]:
        if line.startswith(b"data:"):
            self._check_line(line)
            self._data.append(line[5:].removeprefix(b" "))
            if len(self._data) > MOST_DATA_LINES:
                raise BrokenStreamError("an event has more than 10,000 lines")
        elif not line:
            yield from self._dispatch()
        elif line.startswith(b"event:"):
            self._event = line[6:].strip()
        elif line.startswith(b"error:"):  # llama.cpp before 2025 sends errors as a field
            yield Part(error=line[6:].strip().decode(errors="replace"))
        elif line.startswith(b"{"):  # a bare error, or an answer as JSON lines
            yield from _parts(_parsed(line))

    def _dispatch(self) -> Iterator[Part]:
        data, event = b"\n".join(self._data), self._event
        self._data, self._event = [], b""
        if not data.strip() or data.strip() == b"[DONE]":
            return
        document = _parsed(data)
        if event == b"error" and not (isinstance(document, dict) and document.get("choices")):
            yield Part(error=data.decode(errors="replace"))
            return
        yield from _parts(document)

    def _check_line(self, line: bytes) -> None:
        if len(line) > MOST_LINE:
            raise BrokenStreamError("a line of the stream is longer than 1 MiB")


def _lines(data: bytes) -> list[bytes]:
    """The lines of the data, ended by LF, CRLF or CR; the last one is not complete yet."""
    if b"\r" in data:
        held = b"\r" if data.endswith(b"\r") else b""  # its LF may be in the next chunk
        body = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = body.split(b"\n")
        lines[-1] += held
        return lines
    return data.split(b"\n")


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except RecursionError as error:
        raise BrokenStreamError("the answer is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise BrokenStreamError("the answer is not UTF-8") from error
    except ValueError as error:
        raise BrokenStreamError("the answer is not JSON") from error


def _parts(document: object) -> Iterator[Part]:
    """What one JSON document of an answer adds."""
    if not isinstance(document, dict):
        return
    if _is_error(document):
        yield Part(error=json.dumps(document))
        return
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    choice = choice if isinstance(choice, dict) else {}
    message = choice.get("delta") or choice.get("message") or {}
    message = message if isinstance(message, dict) else {}
    finish = choice.get("finish_reason")
    yield Part(
        text=_text(message.get("content")) or _text(choice.get("text")),
        reasoning=_text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        finish_reason=finish if isinstance(finish, str) and finish else None,
        usage=_usage(document, choice),
        nameless=document.get("model") == "" and bool(choices),
    )


def _is_error(document: Mapping[str, Any]) -> bool:
    if document.get("error"):
        return True
    has_choices = bool(document.get("choices")) or "usage" in document
    return not has_choices and (document.get("object") == "error" or "detail" in document)


def _text(content: object) -> str:
    """Text as it is, or the text parts of a list of parts joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(part for part in parts if isinstance(part, str))


def _usage(document: Mapping[str, Any], choice: Mapping[str, Any]) -> Usage | None:
    """The counts of the document, from `usage` or llama.cpp's `timings`; None if there are none."""
    usage = document.get("usage") or choice.get("usage") or document.get("x_groq")
    usage = usage if isinstance(usage, dict) else {}
    timings = document.get("timings")
    timings = timings if isinstance(timings, dict) else {}
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if (prompt, completion) == FAKE_USAGE and _count(usage.get("total_tokens")) == sum(FAKE_USAGE):
        return None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    evaluated, reused = _count(timings.get("prompt_n")), _count(timings.get("cache_n"))
    if cached is None:
        cached = reused
    if prompt is None and evaluated is not None:
        prompt = evaluated + (reused or 0)
    if completion is None:
        completion = _count(timings.get("predicted_n"))
    counts = Usage(prompt or None, cached, completion)
    return None if counts == Usage() else counts


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None  # type: ignore[return-value]  # narrowed by the name
