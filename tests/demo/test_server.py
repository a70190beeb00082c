import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from smol_dev.demo.answers import script, tokens
from smol_dev.demo.server import DemoServer

PLAN_REQUEST = [{"role": "system", "content": "Write programs."}, {"role": "user", "content": "a game"}]
LIST_REQUEST = [*PLAN_REQUEST, {"role": "assistant", "content": "# Plan"}, {"role": "user", "content": "which files?"}]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with DemoServer(pace=0) as server:
        yield server.base_url


def send(base_url: str, method: str, path: str, body: object = None) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer."""
    connection = HTTPConnection(urlsplit(base_url).netloc, timeout=10)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, body=raw if method == "POST" else None)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers["Content-Type"], content


def complete(base_url: str, **fields: object) -> tuple[int, str, bytes]:
    return send(base_url, "POST", "/v1/chat/completions", {"model": "demo", **fields})


def without_time(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in {"id", "created"}}


def test_it_listens_on_loopback_only(base_url: str) -> None:
    assert urlsplit(base_url).hostname == "127.0.0.1"
    assert urlsplit(base_url).path == "/v1"


def test_models_are_listed(base_url: str) -> None:
    status, kind, body = send(base_url, "GET", "/v1/models")
    assert (status, kind, json.loads(body)) == (
        200,
        "application/json",
        {"object": "list", "data": [{"id": "demo", "object": "model", "created": 0, "owned_by": "smol_dev"}]},
    )


def test_an_answer_streams_from_role_to_usage(base_url: str) -> None:
    status, kind, body = complete(base_url, messages=PLAN_REQUEST, stream=True, stream_options={"include_usage": True})
    *events, done, end = body.decode().split("\n\n")
    chunks = [without_time(json.loads(event.removeprefix("data: "))) for event in events]
    expected: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        *(({"content": token}, None) for token in tokens(script().plan)),
        ({}, "stop"),
    ]
    head = {"object": "chat.completion.chunk", "model": "demo"}
    assert (status, kind, done, end) == (200, "text/event-stream", "data: [DONE]", "")
    assert chunks[:-1] == [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} for delta, reason in expected
    ]
    completion = len(tokens(script().plan))
    usage = {"prompt_tokens": 14, "completion_tokens": completion, "total_tokens": 14 + completion}
    assert chunks[-1] == {**head, "choices": [], "usage": usage}


@pytest.mark.parametrize("form", ["text", "json_object", "json_schema"])
def test_the_list_comes_in_every_response_format(base_url: str, form: str) -> None:
    status, _, body = complete(base_url, messages=LIST_REQUEST, response_format={"type": form})
    (choice,) = json.loads(body)["choices"]
    assert (status, choice["finish_reason"]) == (200, "stop")
    assert json.loads(choice["message"]["content"]) == {"files": list(script().files)}


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        pytest.param(
            {"model": "gpt-9", "messages": PLAN_REQUEST},
            404,
            ("the model `gpt-9` does not exist; there is `demo`", "model_not_found"),
            id="unknown model",
        ),
        pytest.param(
            {"messages": []}, 400, ("`messages` must be a list of messages, the user's last", None), id="no messages"
        ),
        pytest.param(
            {"messages": LIST_REQUEST[:3]},
            400,
            ("`messages` must be a list of messages, the user's last", None),
            id="the assistant's turn last",
        ),
        pytest.param(
            {"messages": PLAN_REQUEST, "response_format": {"type": "xml"}},
            400,
            ("`response_format.type` is not known", None),
            id="unknown form",
        ),
    ],
)
def test_a_request_it_cannot_mean_is_refused_in_the_usual_form(
    base_url: str, fields: dict[str, object], status: int, error: tuple[str, str | None]
) -> None:
    got, kind, body = complete(base_url, **fields)
    found = json.loads(body)["error"]
    assert (got, kind) == (status, "application/json")
    assert (found["message"], found["code"]) == error


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        pytest.param("/models", None, 404, "there is nothing at `/models`", id="get"),
        pytest.param("/chat/completions", {}, 404, "there is nothing at `/chat/completions`", id="post"),
        pytest.param("/v1/chat/completions", b"{", 400, "the body is not JSON", id="not JSON"),
        pytest.param("/v1/chat/completions", b"[" * 100_000, 400, "the body is not JSON", id="nested too deeply"),
    ],
)
def test_what_is_not_there_or_not_json_is_an_error(
    base_url: str, path: str, body: object, status: int, message: str
) -> None:
    got, _, answer = send(base_url, "GET" if body is None else "POST", path, body)
    assert (got, json.loads(answer)["error"]["message"]) == (status, message)


def test_a_body_without_a_length_is_refused(base_url: str) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"a body with a Content-Length is needed" in answer


def test_a_client_that_goes_away_leaves_no_word_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"model": "demo", "messages": PLAN_REQUEST, "stream": True}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    with DemoServer(pace=0.001) as server:
        address = urlsplit(server.base_url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(head + body)
            connection.recv(1)
        for thread in threading.enumerate():
            if "process_request_thread" in thread.name:
                thread.join(10)
    assert capfd.readouterr().err == ""


def test_two_answers_at_once_are_whole(base_url: str) -> None:
    connections = [HTTPConnection(urlsplit(base_url).netloc, timeout=10) for _ in range(2)]
    body = json.dumps({"model": "demo", "messages": LIST_REQUEST}).encode()
    for connection in connections:
        connection.request("POST", "/v1/chat/completions", body=body)
    answers = [json.loads(connection.getresponse().read()) for connection in connections]
    for connection in connections:
        connection.close()
    assert [json.loads(a["choices"][0]["message"]["content"]) for a in answers] == [{"files": list(script().files)}] * 2
