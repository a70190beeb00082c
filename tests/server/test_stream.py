"""Server-sent events as local servers really send them, read into pieces."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.server.chat import Usage
from smol_dev.server.stream import BrokenStreamError, Part, StreamReader


def read(*chunks: bytes, whole: bool = False) -> list[Part]:
    reader = StreamReader(whole=whole)
    parts = [part for chunk in chunks for part in reader.feed(chunk)]
    return [*parts, *reader.end()]


def event(content: object, **choice: object) -> bytes:
    document = {"choices": [{"delta": {"content": content}, **choice}]}
    return f"data: {json.dumps(document)}\n\n".encode()


def document(**fields: object) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


HI = Part(text="hi")


@pytest.mark.parametrize(
    ("stream", "parts"),
    [
        pytest.param(event("hi") + b"data: [DONE]\n\n", [HI], id="an event and [DONE]"),
        pytest.param(event("hi"), [HI], id="no [DONE]"),
        pytest.param(event("hi").strip(), [HI], id="the last event without its blank line"),
        pytest.param(event("hi").replace(b"\n", b"\r\n"), [HI], id="CRLF"),
        pytest.param(event("hi").replace(b"\n", b"\r"), [HI], id="CR"),
        pytest.param(event("hi").replace(b"data: ", b"data:"), [HI], id="no space after data:"),
        pytest.param(b": ping\n\n" + event("hi") + b": ping 2\n\n", [HI], id="comments"),
        pytest.param(b"event: ping\n\n" + event("hi"), [HI], id="an event without data"),
        pytest.param(b"id: 1\nretry: 10\n" + event("hi"), [HI], id="id and retry"),
        pytest.param(b"event: message\n" + event("hi"), [HI], id="a named event"),
        pytest.param(b"data:\n\n" + event("hi"), [HI], id="empty data"),
        pytest.param(
            b'data: {"choices":\ndata: [{"delta": {"content": "hi"}}]}\n\n',
            [HI],
            id="two data lines",
        ),
        pytest.param(event([{"type": "text", "text": "h"}, "i"]), [HI], id="content in parts"),
        pytest.param(event(None), [Part()], id="null content"),
        pytest.param(document(choices=[]), [Part()], id="no choices"),
        pytest.param(document(choices=None), [Part()], id="null choices"),
        pytest.param(document(id="x"), [Part()], id="choices missing"),
        pytest.param(document(choices=[None]), [Part()], id="a null choice"),
        pytest.param(document(choices=[{"delta": None}]), [Part()], id="a null delta"),
        pytest.param(document(choices=[{"text": "hi"}]), [HI], id="the older completion form"),
        pytest.param(
            document(choices=[{"message": {"content": "hi"}}]),
            [HI],
            id="a message in place of a delta",
        ),
        pytest.param(event("", finish_reason=None), [Part()], id="null finish reason"),
        pytest.param(event("", finish_reason=""), [Part()], id="empty finish reason"),
        pytest.param(
            event("hi", finish_reason="stop"), [Part("hi", finish_reason="stop")], id="finish"
        ),
        pytest.param(
            document(choices=[{"delta": {"reasoning": "hm"}}]),
            [Part(reasoning="hm")],
            id="reasoning",
        ),
        pytest.param(
            document(choices=[{"delta": {"reasoning_content": "hm"}}]),
            [Part(reasoning="hm")],
            id="reasoning_content",
        ),
        pytest.param(
            document(model="", choices=[{"delta": {"content": ""}}]),
            [Part(nameless=True)],
            id="Ollama's hidden error",
        ),
        pytest.param(b"data: [1, 2]\n\n", [], id="JSON that is no object"),
    ],
)
def test_a_stream_is_read_as(stream: bytes, parts: list[Part]) -> None:
    assert read(stream) == parts


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        pytest.param(
            b'data: {"error": {"message": "no"}}\n\n', '{"error": {"message": "no"}}', id="object"
        ),
        pytest.param(b'data: {"error": "no"}\n\n', '{"error": "no"}', id="text"),
        pytest.param(
            b'event: error\ndata: {"message": "no"}\n\n', '{"message": "no"}', id="event: error"
        ),
        pytest.param(b"event: error\ndata: no\n\n", None, id="event: error, no JSON"),
        pytest.param(b'error: {"message": "no"}\n\n', '{"message": "no"}', id="the field error:"),
        pytest.param(b'{"error": "no"}\n', '{"error": "no"}', id="a bare line of JSON"),
        pytest.param(
            b'data: {"object": "error"}\n\n', '{"object": "error"}', id="vLLM's older form"
        ),
        pytest.param(b'data: {"detail": "no"}\n\n', '{"detail": "no"}', id="detail"),
    ],
)
def test_an_error_in_a_stream_is_found(stream: bytes, error: str | None) -> None:
    if error is None:
        with pytest.raises(BrokenStreamError):
            read(stream)
    else:
        assert read(stream) == [Part(error=error)]


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        pytest.param(
            {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}, Usage(7, None, 3), id="usage"
        ),
        pytest.param(
            {
                "usage": {
                    "prompt_tokens": 7,
                    "completion_tokens": 3,
                    "prompt_tokens_details": {"cached_tokens": 5},
                }
            },
            Usage(7, 5, 3),
            id="cached tokens",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 7, "prompt_tokens_details": None}},
            Usage(7, None, None),
            id="no details",
        ),
        pytest.param(
            {"timings": {"prompt_n": 2, "cache_n": 5, "predicted_n": 3}},
            Usage(7, 5, 3),
            id="llama.cpp timings",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 7, "completion_tokens": 3}, "timings": {"cache_n": 5}},
            Usage(7, 5, 3),
            id="usage and timings",
        ),
        pytest.param(
            {"choices": [{"usage": {"prompt_tokens": 7}}]}, Usage(7, None, None), id="in the choice"
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200}},
            None,
            id="koboldcpp's 100/100/200 is no count",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": True, "completion_tokens": "3"}}, None, id="no numbers"
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 0, "completion_tokens": 0}},
            Usage(None, None, 0),
            id="zeros",
        ),
    ],
)
def test_counts_are_taken_from_wherever_they_stand(
    fields: dict[str, object], usage: Usage | None
) -> None:
    assert read(document(**fields)) == [Part(usage=usage)]


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        pytest.param(
            b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}',
            [Part("hi", finish_reason="stop")],
            id="an answer",
        ),
        pytest.param(b'{"error": "no"}', [Part(error='{"error": "no"}')], id="an error"),
    ],
)
def test_json_in_place_of_a_stream_is_read_whole(body: bytes, parts: list[Part]) -> None:
    assert read(body[:9], body[9:], whole=True) == parts


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        pytest.param(b"data: {oops\n\n", "the answer is not JSON", id="no JSON"),
        pytest.param(b'data: {"a": "\xff"}\n\n', "the answer is not UTF-8", id="no UTF-8"),
        pytest.param(
            b"data: " + b"[" * 200_000 + b"\n\n", "the answer is nested too deeply", id="nested"
        ),
        pytest.param(
            b"x" * (1024 * 1024 + 1), "a line of the stream is longer than 1 MiB", id="no line end"
        ),
        pytest.param(
            b"data: 1\n" * 10_001, "an event has more than 10,000 lines", id="endless event"
        ),
    ],
)
def test_what_no_working_server_sends_breaks_the_stream(stream: bytes, message: str) -> None:
    with pytest.raises(BrokenStreamError, match=message):
        read(stream)


STREAM = (
    b": hello\r\n\r\n"
    + event("a\u00e9\u4e16")
    + b"event: ping\n\n"
    + event("b\n").replace(b"\n", b"\r\n")
    + document(usage={"prompt_tokens": 7})
    + event("", finish_reason="stop")
    + b"data: [DONE]\n\n"
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_where_the_network_cuts_a_stream_makes_no_difference(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in pairwise(places)]
    assert read(*chunks) == read(STREAM)
