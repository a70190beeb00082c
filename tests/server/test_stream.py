"""Server-sent events as local servers really send them, read into pieces."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.chat import Delta, Usage
from smol_dev.server.stream import StreamReader

NO_USAGE = Usage()
UNSAID: tuple[object, ...] = (None, "", "null", " NULL ", 7, [], {})


@dataclass(frozen=True)
class Told:
    """What a reader found, apart from the pieces."""

    finish: str | None = None
    usage: Usage = NO_USAGE
    error: str = ""
    broken: str = ""
    done: bool = False
    nameless: bool = False
    stray: bytes = b""


def read(*chunks: bytes) -> tuple[list[Delta], Told]:
    reader = StreamReader()
    deltas = [delta for chunk in chunks for delta in reader.feed(chunk)]
    deltas += reader.end()
    return deltas, Told(
        reader.finish_reason,
        reader.usage,
        reader.error,
        reader.broken,
        reader.done,
        reader.nameless,
        bytes(reader.stray),
    )


def event(content: object, **choice: object) -> bytes:
    document = {"choices": [{"delta": {"content": content}, **choice}]}
    return f"data: {json.dumps(document)}\n\n".encode()


def document(**fields: object) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


HI = [Delta("hi")]
ANSWER = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'


@pytest.mark.parametrize(
    ("stream", "deltas", "told"),
    [
        pytest.param(event("hi") + b"data: [DONE]\n\n", HI, Told(done=True), id="[DONE]"),
        pytest.param(b"data: [DONE]\n\n" + event("hi"), [], Told(done=True), id="nothing behind [DONE]"),
        pytest.param(event("hi"), HI, Told(), id="no [DONE]"),
        pytest.param(event("hi").strip(), HI, Told(), id="the last event without its blank line"),
        pytest.param(event("hi").replace(b"\n", b"\r\n"), HI, Told(), id="CRLF"),
        pytest.param(event("hi").replace(b"\n", b"\r"), HI, Told(), id="CR"),
        pytest.param(b"\xef\xbb\xbf" + event("hi"), HI, Told(), id="byte order mark"),
        pytest.param(event("hi").replace(b"data: ", b"data:"), HI, Told(), id="no space"),
        pytest.param(b": ping\n\n" + event("hi") + b": ping 2\n\n", HI, Told(), id="comments"),
        pytest.param(b"event: ping\n\n" + event("hi"), HI, Told(), id="an event without data"),
        pytest.param(b"id: 1\nretry: 10\n" + event("hi"), HI, Told(), id="id and retry"),
        pytest.param(b"event: message\n" + event("hi"), HI, Told(), id="a named event"),
        pytest.param(b"data:\n\n" + event("hi"), HI, Told(), id="empty data"),
        pytest.param(b'data: {"choices":\ndata: [{"delta": {"content": "hi"}}]}\n\n', HI, Told(), id="two data lines"),
        pytest.param(event([{"type": "text", "text": "h"}, "i"]), HI, Told(), id="parts"),
        pytest.param(event(None), [], Told(), id="null content"),
        pytest.param(document(choices=[], usage=None), [], Told(), id="no choices"),
        pytest.param(document(choices=[None], usage=None), [], Told(), id="a null choice"),
        pytest.param(document(choices=[{"delta": None}]), [], Told(), id="a null delta"),
        pytest.param(document(choices=[{"text": "hi"}]), HI, Told(), id="the completion form"),
        pytest.param(document(choices=[{"message": {"content": "hi"}}]), HI, Told(), id="message"),
        pytest.param(event("hi", finish_reason=None), HI, Told(), id="null finish reason"),
        pytest.param(event("hi", finish_reason=""), HI, Told(), id="empty finish reason"),
        pytest.param(event("hi", finish_reason="stop"), HI, Told("stop"), id="finish reason"),
        pytest.param(
            event("hi", finish_reason="length") + event("", finish_reason=None),
            HI,
            Told("length"),
            id="a null finish reason behind the real one",
        ),
        pytest.param(document(choices=[{"delta": {"reasoning": "hm"}}]), [Delta("", "hm")], Told(), id="reasoning"),
        pytest.param(
            document(choices=[{"delta": {"reasoning_content": "hm", "reasoning": "hm"}}]),
            [Delta("", "hm")],
            Told(),
            id="reasoning twice",
        ),
        pytest.param(
            event([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]),
            [Delta("", "hm")],
            Told(),
            id="reasoning in parts",
        ),
        pytest.param(event("<think>"), [Delta("<think>")], Told(), id="inline thinking is text"),
        pytest.param(
            document(model="", choices=[{"delta": {"content": ""}}]),
            [],
            Told(nameless=True),
            id="Ollama's hidden error",
        ),
        pytest.param(
            document(choices=[{"delta": {"content": "\ud83d"}}])
            + document(choices=[{"delta": {"content": "\ude00!"}}]),
            [Delta("\U0001f600!")],
            Told(),
            id="a character cut in two",
        ),
        pytest.param(
            document(choices=[{"delta": {"content": "a\udc00\ud83d"}}]),
            [Delta("a\udc00"), Delta("\ud83d")],
            Told(),
            id="halves of characters alone",
        ),
        pytest.param(
            event("h", finish_reason="stop") + event("i"),
            [Delta("h"), Delta("i")],
            Told("stop"),
            id="text behind a finish reason",
        ),
        pytest.param(
            event("h", finish_reason="stop") + event("i", finish_reason="length"),
            [Delta("h"), Delta("i")],
            Told("length"),
            id="the last finish reason counts",
        ),
        *(pytest.param(event("hi", finish_reason=word), HI, Told(), id=f"finish reason {word!r}") for word in UNSAID),
        pytest.param(
            event("h") + event("i") + document(choices=[{"message": {"content": "hi"}, "finish_reason": "stop"}]),
            [Delta("h"), Delta("i")],
            Told("stop"),
            id="the whole again as a message",
        ),
        pytest.param(
            event("h") + document(choices=[{"delta": {}, "message": {"content": "hi"}, "finish_reason": "stop"}]),
            [Delta("h"), Delta("i")],
            Told("stop"),
            id="a message that holds more than the pieces",
        ),
        pytest.param(
            event(" h") + document(choices=[{"message": {"content": "h"}, "finish_reason": "stop"}]),
            [Delta(" h")],
            Told("stop"),
            id="a trimmed message behind the pieces",
        ),
        pytest.param(
            document(choices=[{"message": {"content": "a"}}]) * 3,
            [Delta("a")] * 3,
            Told(),
            id="pieces that come as messages",
        ),
        pytest.param(ANSWER, HI, Told("stop"), id="JSON in place of a stream"),
        pytest.param(ANSWER.replace(b", ", b",\n  ") + b"\n", HI, Told("stop"), id="JSON over many lines"),
        pytest.param(
            event("h")[6:-1] + event("i", finish_reason="stop")[6:-1],
            [Delta("h"), Delta("i")],
            Told("stop"),
            id="JSON lines",
        ),
    ],
)
def test_a_stream_is_read_as(stream: bytes, deltas: list[Delta], told: Told) -> None:
    assert read(stream) == (deltas, told)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        pytest.param(b'data: {"error": {"m": "no"}}\n\n', '{"error": {"m": "no"}}', id="object"),
        pytest.param(b'data: {"error": "no"}\n\n', '{"error": "no"}', id="text"),
        pytest.param(b'event: error\ndata: {"m": 1}\n\n', '{"m": 1}', id="event: error"),
        pytest.param(b"event: error\ndata: no\n\n", "no", id="event: error, no JSON"),
        pytest.param(b'error: {"m": 1}\n\n', '{"m": 1}', id="the field error:"),
        pytest.param(b'{"error": "no"}\n', '{"error": "no"}', id="a bare line of JSON"),
        pytest.param(b'data: {"object": "error"}\n\n', '{"object": "error"}', id="older vLLM"),
        pytest.param(b'data: {"detail": "no"}\n\n', '{"detail": "no"}', id="detail"),
    ],
)
def test_an_error_ends_a_stream(stream: bytes, error: str) -> None:
    assert read(stream, event("more")) == ([], Told(error=error))


def test_an_error_may_be_spread_over_lines() -> None:
    assert read(b'{\n"error":"no"\n}\n') == ([], Told(error='{"error":"no"}'))


def test_a_finish_reason_of_error_is_an_error() -> None:
    _, told = read(event("ha", finish_reason="error"))
    assert (told.finish, json.loads(told.error)["choices"][0]["finish_reason"]) == (None, "error")


@pytest.mark.parametrize(
    ("body", "stray"),
    [
        pytest.param(b"Ollama is running", b"Ollama is running\n", id="text"),
        pytest.param(b"<html>\n</html>\n", b"<html>\n</html>\n", id="a web page"),
        pytest.param(b'{"message": "hm"}', b'{"message": "hm"}\n', id="JSON without choices"),
        pytest.param(b"data: [1, 2]\n\n", b"[1, 2]\n", id="JSON that is no object"),
    ],
)
def test_what_is_no_part_of_an_answer_is_set_aside(body: bytes, stray: bytes) -> None:
    assert read(body) == ([], Told(stray=stray))


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        pytest.param({"usage": {"prompt_tokens": 7, "completion_tokens": 3}}, Usage(7, None, 3), id="usage"),
        pytest.param(
            {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}},
            Usage(7, 5, 3),
            id="cached tokens",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 7, "prompt_tokens_details": None}}, Usage(7, None, None), id="no details"
        ),
        pytest.param(
            {"timings": {"prompt_n": 2, "cache_n": 5, "predicted_n": 3}}, Usage(7, 5, 3), id="llama.cpp timings"
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 7, "completion_tokens": 3}, "timings": {"cache_n": 5}},
            Usage(7, 5, 3),
            id="usage and timings",
        ),
        pytest.param({"choices": [{"usage": {"prompt_tokens": 7}}]}, Usage(7, None, None), id="in the choice"),
        pytest.param(
            {"usage": {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200}},
            Usage(),
            id="koboldcpp's 100/100/200 is no count",
        ),
        pytest.param({"usage": {"prompt_tokens": True, "completion_tokens": "3"}}, Usage(), id="no numbers"),
        pytest.param({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, Usage(None, None, 0), id="zeros"),
    ],
)
def test_counts_are_taken_from_wherever_they_stand(fields: dict[str, object], usage: Usage) -> None:
    deltas, told = read(document(**{"choices": [], **fields}))
    assert (deltas, told.usage) == ([], usage)


def test_counts_in_several_events_add_up() -> None:
    _, told = read(
        document(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3}),
        document(choices=[], timings={"cache_n": 5, "prompt_n": 2}, usage={}),
    )
    assert told.usage == Usage(7, 5, 3)


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        pytest.param(b"data: {oops\n\n", "it is not JSON", id="no JSON"),
        pytest.param(b'data: {"a": "\xff"}\n\n', "it is not UTF-8", id="no UTF-8"),
        pytest.param(b'data: {"a": "\xed\xa0\xbd"}\n\n', "it is not UTF-8", id="surrogates"),
        pytest.param(b"data: " + b"[" * 200_000 + b"\n\n", "it is not JSON", id="nested"),
        pytest.param(b'{\n"choices": [', "it is not JSON", id="JSON cut off"),
        pytest.param(b"x" * (1024 * 1024 + 1), "a line of it is longer than 1 MiB", id="no line end"),
        pytest.param(b"data: 1\n" * 10_001, "an event of it has more than 10,000 lines", id="endless event"),
        pytest.param(
            b"data: " + b" " * 700_000 + b"\ndata: " + b" " * 700_000 + b"\n",
            "an event of it is longer than 1 MiB",
            id="a long event in short lines",
        ),
        pytest.param(b"{\n" + (b" 1," * 300_000 + b"\n") * 10, "it is longer than 4 MiB", id="endless JSON"),
    ],
)
def test_what_no_working_server_sends_breaks_the_stream(stream: bytes, why: str) -> None:
    deltas, told = read(event("hi"), stream, event("more"))
    assert (deltas, told.broken) == (HI, why)


STREAM = (
    b": hello\r\n\r\n"
    + event("a\u00e9\u4e16")
    + b"event: ping\n\n"
    + event("b\n").replace(b"\n", b"\r\n")
    + 'data: {"choices": [{"delta": {"content": "\u00e9\u4e16"}}]}\r\r'.encode()
    + event("\ud83d")
    + event("\ude00")
    + document(choices=[], usage={"prompt_tokens": 7})
    + event("", finish_reason="stop")
    + b"data: [DONE]\n\n"
)
WHOLE = ANSWER.replace(b", ", b",\r\n  ")


def joined(found: tuple[Sequence[Delta], Told]) -> tuple[str, Told]:
    deltas, told = found
    return "".join(delta.text for delta in deltas), told


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from([STREAM, WHOLE, STREAM[:-60], STREAM + b"data: {oops\n\n"]),
    st.lists(st.integers(0, len(STREAM)), max_size=12),
)
def test_where_the_network_cuts_a_stream_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(places)]
    assert read(*chunks) == read(stream)


def test_byte_by_byte_is_the_same_too() -> None:
    text, told = joined(read(*(bytes([byte]) for byte in STREAM)))
    assert text == "a\u00e9\u4e16b\n\u00e9\u4e16\U0001f600"
    assert told == Told("stop", Usage(prompt=7), done=True)


THINKING = document(choices=[{"delta": {"reasoning_content": "hm"}}])
DONE = b"data: [DONE]\n\n"
REST = b'"x": 1}\n\n'


def message(text: str) -> bytes:
    return document(choices=[{"message": {"content": text}}])


def choices(text: str, other: str) -> bytes:
    return document(choices=[{"text": text}, {"delta": {"content": other}}])


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        pytest.param([event("a"), event("b"), event("b")], "abb", id="another text"),
        pytest.param([event("a"), event(""), event("b")], "ab", id="no text"),
        pytest.param([event("a"), event(None), event("b")], "ab", id="null"),
        pytest.param([event("a"), event('"}\n\\')], 'a"}\n\\', id="escapes"),
        pytest.param([event("a"), event("\u4e16")], "a\u4e16", id="a character in ASCII"),
        pytest.param([event("a"), event("\u4e16").replace(rb"\u4e16", "\u4e16".encode())], "a\u4e16", id="a character"),
        pytest.param([event("a"), event("\ud83d"), event("\ude00")], "a\U0001f600", id="halves of a character"),
        pytest.param([event("a"), event("b").replace(b'"b"', b'"b", "content": "c"')], "ac", id="a key twice"),
        pytest.param([event("a"), event("b").replace(b'"b"', b'["b", "c"]')], "abc", id="parts"),
        pytest.param([event("a"), event("b").replace(b'"b"', b'"b", "reasoning": ""')], "ab", id="another field"),
        pytest.param([event("a"), event("b") + event("c")], "abc", id="two events"),
        pytest.param([event("a"), b": ping\n\n" + event("b")], "ab", id="a comment first"),
        pytest.param([event("a", finish_reason="stop"), event("b", finish_reason="stop")], "ab", id="a finish reason"),
        pytest.param([event("a") + DONE, event("b") + DONE], "a", id="behind the end"),
        pytest.param([message("a"), message("b"), message("ab")], "ab", id="a message of all the pieces"),
        pytest.param([choices("a", "b"), choices("a", "c")], "aa", id="the text of another choice"),
        pytest.param([THINKING, THINKING, event("a")], "a", id="reasoning"),
        pytest.param([event("a") + b"data: {", b'"x": 1}\n\n' + event("b")], "ab", id="an event over two chunks"),
        pytest.param([b"data: {", REST + event("a"), REST + event("b")], "ab", id="the rest of an event, and none"),
        pytest.param([event("a") + b"data: {", event("b") + b"data: {"], "a", id="a broken event over two chunks"),
        pytest.param([event("a") + b"event: error\n", event("b")], "a", id="the name of the next event"),
    ],
)
def test_a_chunk_like_the_one_before_is_read_for_itself(chunks: list[bytes], text: str) -> None:
    deltas, told = read(b": ping\n\n", *chunks)
    assert (deltas, told) == read(b": ping\n\n" + b"".join(chunks))
    assert joined((deltas, told))[0] == text


def test_what_comes_behind_the_end_is_no_part_of_the_answer() -> None:
    assert read(DONE + b"x" * (2**20 + 1)) == ([], Told(done=True))


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_no_bytes_at_all_raise_or_depend_on_their_cuts(noise: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(noise)) for cut in cuts), len(noise)]
    assert read(*[noise[a:b] for a, b in pairwise(places)]) == read(noise)


def test_a_long_line_in_its_single_bytes_is_read_without_copying_it_for_each() -> None:
    line = event("x" * 500_000)  # with a copy for each byte this would take minutes
    reader = StreamReader()
    deltas = [each for byte in range(len(line)) for each in reader.feed(line[byte : byte + 1])]
    assert [len(delta.text) for delta in deltas] == [500_000]


def test_blanks_around_an_event_are_no_part_of_it() -> None:
    reader = StreamReader()
    deltas = reader.feed(b'data:  \t {"choices":[{"delta":{"content":"hi"}}]} \t\n\n')
    assert (deltas, reader.broken) == ([Delta("hi")], "")


def test_more_than_one_document_in_an_event_is_no_json() -> None:
    reader = StreamReader()
    assert reader.feed(b'data: {"choices":[]} {"choices":[]}\n\n') == []
    assert reader.broken == "it is not JSON"
