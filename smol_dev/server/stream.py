"""The bytes of a streamed answer turned into pieces: server-sent events as local servers really send them.

Tolerated: comments, `event:` and `id:` lines, a last event without its blank line, no `[DONE]`, a whole JSON answer or
JSON lines instead of a stream, missing or empty `choices`, content in parts, and usage anywhere. Standard library only.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from smol_dev.chat import Delta, Usage

MOST_LINE: Final = 1024 * 1024  # bytes of one line; no model's answer has a longer one
MOST_EVENT: Final = 1024 * 1024  # bytes of one event in all its lines
MOST_DATA_LINES: Final = 10_000
MOST_WHOLE: Final = 4 * 1024 * 1024  # bytes of a JSON answer over several lines
MOST_STRAY: Final = 64 * 1024  # bytes kept of what is not part of an answer, to say what it was instead
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

DECODE: Final = json.JSONDecoder().raw_decode
"""`json.loads` without its search for blanks around the document, which is a tenth of the cost of an event."""

TEXT: Final = re.compile(rb'"(?:content|reasoning_content|reasoning|thinking)": ?(?=")')
"""What comes before the text or the reasoning in a piece."""

MOST_MISSES: Final = 8  # chunks in a row that differ in more than their text, after which chunks are no longer compared
NOT_FINISHED: Final = frozenset({"error", "abort", "cancelled", "canceled"})
"""Finish reasons of an answer that was broken off."""

UNSAID: Final = frozenset({"", "null"})  # finish reasons that say nothing
FAKE_USAGE: Final = (100, 100, 200)  # what koboldcpp reports for every answer, whatever it read (v1.76)
MOST_COUNTED: Final = 10**9


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds the text of a chunk, which is usually the same in the next one.

    Comparing it takes 1.5 µs and reading the whole chunk 6, of the 18 that a chunk takes in all.
    """

    before: bytes
    behind: bytes
    is_reasoning: bool

    def said_in(self, chunk: bytes) -> str:
        """Return the text of a chunk that differs only in its text; empty for any other chunk."""
        if not chunk.startswith(self.before) or not chunk.endswith(self.behind) or len(chunk) > MOST_LINE:
            return ""
        try:
            literal = chunk[len(self.before) : -len(self.behind)].decode()
            said, end = DECODE(literal)
        except ValueError:
            return ""
        return said if isinstance(said, str) and end == len(literal) and "\\u" not in literal else ""


class StreamReader:
    """A reader of one answer: `feed` it the bytes as they come, and `end` it when there are no more.

    The attributes hold what has been read so far. `error` is the body of an error found in the answer, `broken` says
    why the bytes are not a readable answer; after either, nothing more is read. `text` and `reasoning` are the pieces
    so far. `finish_reason` is the last one that came, `finished_early` says that text followed one. `done` says that
    `[DONE]` came, `is_stream` that there was a line of an event stream, `nameless` that an event named no model, which
    is how Ollama hides an error, and `calls_tools` that a tool call came. `stray` is whatever is not part of an answer.
    The result does not depend on how the bytes are split into chunks.
    """

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.finished_early = False
        self.calls_tools = False
        self.usage = Usage()
        self.error = ""
        self.broken = ""
        self.done = False
        self.is_stream = False
        self.nameless = False
        self.stray = bytearray()
        self._deltas: list[Delta] = []
        self._begun = False
        self._after_return = False
        self._pending = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._event = b""
        self._whole: bytearray | None = None
        self._halves = ["", ""]
        self._frame: Frame | None = None
        self._misses = 0
        self._is_within = True
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self._has_deltas = False

    @property
    def is_over(self) -> bool:
        """Whether nothing that follows can change the answer."""
        return self.done or bool(self.error) or bool(self.broken)

    def feed(self, chunk: bytes) -> list[Delta]:
        """Return the pieces completed by this chunk, without empty ones."""
        self._deltas = []
        if self._frame is not None and (said := self._frame.said_in(chunk)):
            self._misses = 0
            text, reasoning = ("", said) if self._frame.is_reasoning else (said, "")
            self._say(text, reasoning)
            return self._deltas
        was_within, self._frame = self._is_within, None
        self._feed(chunk)
        self._misses += 1
        is_open = self._pending or self._data or self._event or self._after_return or self._whole
        self._is_within = bool(is_open or self._halves[0] or self._halves[1])
        if len(self._deltas) == 1 and not was_within and not self._is_within and self._misses < MOST_MISSES:
            self._frame = self._frame_of(chunk, self._deltas[0])
        return self._deltas

    def _feed(self, chunk: bytes) -> None:
        """Read the lines that end in this chunk, with LF, CR or both; a final CR may be half of a CRLF."""
        if chunk and (b"\r" in chunk or self._after_return):
            if self._after_return:
                chunk = chunk.removeprefix(b"\n")
            self._after_return = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            if self._pending:
                line = bytes(self._pending) + line  # noqa: PLW2901 - its beginning came in an earlier chunk
                self._pending.clear()
            self._line(line)
        if not self.is_over:
            self._pending += rest
        if len(self._pending) > MOST_LINE:
            self._break("a line of it is longer than 1 MiB")

    def _frame_of(self, chunk: bytes, delta: Delta) -> Frame | None:
        """Return what surrounds the text, if the chunk says nothing else."""
        before, *rest = TEXT.split(chunk)
        if len(rest) == 1 and b'"delta"' in before and not self.is_over:
            behind = rest[0].decode(errors="surrogateescape")
            with suppress(ValueError):
                said, end = DECODE(behind)
                if said == delta.text + delta.reasoning:
                    around = (chunk[: -len(rest[0])], behind[end:].encode(errors="surrogateescape"))
                    return Frame(*around, is_reasoning=not delta.text)
        return None

    def end(self) -> list[Delta]:
        """Return the pieces in what is left: an event without its blank line, or a whole JSON answer."""
        self._deltas = []
        if self._pending:
            self._line(bytes(self._pending))
        if self._data and not self.is_over:
            self._dispatch()
        if self._whole is not None and not self.is_over:
            self._document(bytes(self._whole))
        if any(self._halves):
            text, reasoning = self._halves
            self._halves = ["", ""]
            self._say(text, reasoning)
        return self._deltas

    def _break(self, why: str) -> None:
        self.broken = why
        self._pending.clear()
        self._data.clear()

    def _line(self, line: bytes) -> None:
        if self.is_over:
            return
        if not self._begun:
            self._begun = True
            line = line.removeprefix(BYTE_ORDER_MARK)
        if len(line) > MOST_LINE:
            self._break("a line of it is longer than 1 MiB")
        elif line.startswith(b"data:"):
            self.is_stream = True
            self._add_data(line[6:] if line[5:6] == b" " else line[5:])
        elif not line:
            if self._data:
                self._dispatch()
            self._event = b""
        elif line.startswith((b":", b"id:", b"retry:")):
            self.is_stream = True
        else:
            self._unusual_line(line)

    def _add_data(self, data: bytes) -> None:
        self._data.append(data)
        self._data_bytes += len(data) + 1
        if len(self._data) > MOST_DATA_LINES:
            self._break("an event of it has more than 10,000 lines")
        elif self._data_bytes > MOST_EVENT + 1:
            self._break("an event of it is longer than 1 MiB")

    def _unusual_line(self, line: bytes) -> None:
        if self._whole is not None:
            self._whole += line
            if len(self._whole) > MOST_WHOLE:
                self._break("it is longer than 4 MiB")
        elif line.startswith(b"event:"):
            self.is_stream = True
            self._event = line[6:].strip()
        elif line.startswith(b"error:"):  # llama.cpp before 2025 sends errors as a field
            self.error = line[6:].strip().decode(errors="replace")
        elif not line.lstrip().startswith(b"{"):
            self._set_aside(line)
        else:
            with suppress(ValueError, RecursionError):
                json.loads(line)
                self._document(line)
                return
            self._whole = bytearray(line)  # the first line of an answer over several lines

    def _set_aside(self, line: bytes) -> None:
        if len(self.stray) < MOST_STRAY:
            self.stray += line[:MOST_STRAY] + b"\n"

    def _dispatch(self) -> None:
        raw = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        event = self._event
        self._data.clear()
        self._data_bytes = 0
        self._event = b""
        if event == b"error":
            self.error = raw.decode(errors="replace").strip() or "error"
        elif raw.startswith(b"{"):
            self._document(raw)
        elif raw.strip() == b"[DONE]":
            self.done = True
        elif raw.strip():
            self._document(raw)

    def _document(self, raw: bytes) -> None:
        try:
            text = raw.decode().strip()
            document, end = DECODE(text)
            if end != len(text):
                document = json.loads(text)
        except UnicodeDecodeError:
            self._break("it is not UTF-8")
            return
        except (ValueError, RecursionError):
            self._set_aside(raw)
            self._break("it is not JSON")
            return
        if not isinstance(document, dict):
            self._set_aside(raw)
            return
        is_error = document.get("object") == "error" or "detail" in document
        if document.get("error") or (is_error and "choices" not in document and "usage" not in document):
            self.error = raw.decode(errors="replace")
            return
        choices = document.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if document.get("usage") or document.get("timings") or document.get("x_groq"):
            self.usage = usage_in(document, self.usage)
        if isinstance(choice, dict):
            self._choice(choice, text)
            if document.get("model") == "":
                self.nameless = True
        elif not choices and "usage" not in document:
            self._set_aside(raw)

    def _choice(self, choice: dict[str, Any], raw: str) -> None:
        if choice.get("error"):
            self.error = json.dumps({"error": choice["error"]})
            return
        delta = choice.get("delta")
        message = delta or choice.get("message")
        if not isinstance(message, dict):
            message = {}
        content = message.get("content")
        text = content if isinstance(content, str) else _text(content) or _text(choice.get("text"))
        reasoning = _reasoning(message)
        if "\\ud" in raw or "\\uD" in raw or self._halves[0] or self._halves[1]:
            text, self._halves[0] = _with_halves_joined(self._halves[0], text)
            reasoning, self._halves[1] = _with_halves_joined(self._halves[1], reasoning)
        if delta:
            self._has_deltas = True
        elif self.text or self.reasoning:
            text, reasoning = self._added_by(self.text, text), self._added_by(self.reasoning, reasoning)
        if text or reasoning:
            self._say(text, reasoning)
        if message.get("tool_calls") or message.get("function_call"):
            self.calls_tools = True
        if choice.get("usage"):
            self.usage = usage_in(choice, self.usage)
        self._finish(choice.get("finish_reason"), raw, alone=not (text or reasoning))

    def _say(self, text: str, reasoning: str) -> None:
        if text:
            self.text.append(text)
        if reasoning:
            self.reasoning.append(reasoning)
        self.finished_early = self.finished_early or self.finish_reason is not None
        self._deltas.append(Delta(text, reasoning))

    def _added_by(self, pieces: list[str], message: str) -> str:
        """Return what a `message` adds to the pieces before it: many servers repeat the whole answer in it.

        If a server sends its pieces as messages, each counts, unless it repeats all of them.
        """
        said = "".join(pieces)
        if self._has_deltas:
            return message[len(said) :] if message.startswith(said) else ""
        return "" if message == said and len(pieces) > 1 else message

    def _finish(self, word: object, raw: str, *, alone: bool) -> None:
        """Note a finish reason; one that comes alone after the text is not early."""
        if not isinstance(word, str) or word.strip().lower() in UNSAID:
            return
        if word.strip().lower() in NOT_FINISHED:
            self.error = raw
            return
        self.finish_reason = word
        self.finished_early = self.finished_early and not alone


def _reasoning(message: dict[str, Any]) -> str:
    get = message.get
    if told := get("reasoning_content") or get("reasoning") or get("thinking"):
        return _text(told)
    content = get("content")
    if not isinstance(content, list):
        return ""
    return "".join(_text(part.get("thinking")) for part in content if isinstance(part, dict))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(part for part in parts if isinstance(part, str))


def _with_halves_joined(half: str, text: str) -> tuple[str, str]:
    """Return the text joined with the half character before it, and the half character at its end.

    Some servers split characters outside the basic plane between two pieces. A half that stays alone is kept, so that
    whoever reads the answer can tell that it is damaged.
    """
    text = half + text
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    if half:
        text = text[:-1]
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"), half


def usage_in(document: Mapping[str, Any], before: Usage) -> Usage:
    """Return the usage updated by a document's `usage` or llama.cpp's `timings`; later counts win."""
    usage = _table(document.get("usage") or _table(document.get("x_groq")).get("usage"))
    timings = _table(document.get("timings"))
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    prompt, completion, total = (_count(usage.get(name)) for name in names)
    if (prompt, completion, total) == FAKE_USAGE:
        return before
    details = _table(usage.get("prompt_tokens_details"))
    cached = _first(details.get("cached_tokens"), usage.get("prompt_cache_hit_tokens"))
    evaluated, reused = _count(timings.get("prompt_n")), _count(timings.get("cache_n"))
    if prompt is None and evaluated is not None:
        prompt = evaluated + (reused or 0)
    if completion is None:
        completion = _count(timings.get("predicted_n"))
    return replace(
        before,
        prompt=prompt or before.prompt,  # a prompt has tokens: 0 is how Ollama says that it failed
        cached=_first(cached, reused, before.cached),
        completion=_first(completion, before.completion),
        generating=_seconds(timings.get("predicted_ms")) or before.generating,
        evaluating=_seconds(timings.get("prompt_ms")) or before.evaluating,
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(*values: object) -> int | None:
    counts = (_count(value) for value in values)
    return next((count for count in counts if count is not None), None)


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return milliseconds / 1000 if 0 < milliseconds <= MOST_COUNTED else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_COUNTED else None
